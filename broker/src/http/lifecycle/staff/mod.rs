//! The trading centre's staff: what the three roles see and do. Certificates and key recoveries have their endpoints for staff
//! beside those for holders.

use actix_web::web;
use utoipa::OpenApi;

use crate::http::resource::resource;

mod business;
mod colleagues;
mod export;
mod figures;
mod orders;
mod refunds;
mod search;
mod work;

pub use colleagues::{add, disable, renew_token, view};

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    orders::list,
    orders::of_state,
    orders::one,
    orders::approve,
    orders::reject,
    orders::cancel,
    orders::fail,
    orders::confirm_payment,
    orders::confirm_refund,
    business::enterprises,
    business::enterprise,
    business::approve_succession,
    business::reject_succession,
    business::users,
    business::user,
    work::removals,
    work::removal,
    work::retry_removal,
    work::jobs,
    work::retry_job,
    figures::audit,
    figures::audit_of,
    figures::statistics,
    export::orders_csv,
    refunds::refunds,
    search::search,
    colleagues::list,
    colleagues::add_staff,
    colleagues::disable_staff,
    colleagues::renew_staff_token,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/operator/orders").get(orders::list))
        .service(resource("/v1/operator/orders.csv").get(export::orders_csv))
        .service(resource("/v1/operator/refunds").get(refunds::refunds))
        .service(resource("/v1/operator/search").post(search::search))
        .service(resource("/v1/operator/order-states/{state}/orders").get(orders::of_state))
        .service(resource("/v1/operator/orders/{order}").get(orders::one))
        .service(resource("/v1/operator/orders/{order}/approve").post(orders::approve))
        .service(resource("/v1/operator/orders/{order}/reject").post(orders::reject))
        .service(resource("/v1/operator/orders/{order}/cancel").post(orders::cancel))
        .service(resource("/v1/operator/orders/{order}/fail").post(orders::fail))
        .service(resource("/v1/operator/orders/{order}/confirm-payment").post(orders::confirm_payment))
        .service(resource("/v1/operator/orders/{order}/confirm-refund").post(orders::confirm_refund))
        .service(resource("/v1/operator/enterprises").get(business::enterprises))
        .service(resource("/v1/operator/enterprises/{code}").get(business::enterprise))
        .service(
            resource("/v1/operator/enterprises/{code}/succession/{user}/approve")
                .post(business::approve_succession),
        )
        .service(
            resource("/v1/operator/enterprises/{code}/succession/{user}/reject")
                .post(business::reject_succession),
        )
        .service(resource("/v1/operator/users").get(business::users))
        .service(resource("/v1/operator/users/{user}").get(business::user))
        .service(resource("/v1/operator/removals").get(work::removals))
        .service(resource("/v1/operator/removals/{cascade}").get(work::removal))
        .service(resource("/v1/operator/removals/{cascade}/retry").post(work::retry_removal))
        .service(resource("/v1/operator/jobs").get(work::jobs))
        .service(resource("/v1/operator/jobs/{kind}/{subject}/retry").post(work::retry_job))
        .service(resource("/v1/operator/audit").get(figures::audit))
        .service(resource("/v1/operator/audit/{kind}/{subject}").get(figures::audit_of))
        .service(resource("/v1/operator/statistics").get(figures::statistics))
        .service(resource("/v1/operator/staff").get(colleagues::list).post(colleagues::add_staff))
        .service(resource("/v1/operator/staff/{operator}/disable").post(colleagues::disable_staff))
        .service(resource("/v1/operator/staff/{operator}/token").post(colleagues::renew_staff_token));
}
