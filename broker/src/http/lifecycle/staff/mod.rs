//! The trading centre's staff: what the three roles see and do. Certificates and key recoveries have their endpoints for staff
//! beside those for holders.

use actix_web::web;
use utoipa::OpenApi;

use crate::http::resource;

mod business;
mod colleagues;
mod figures;
mod orders;
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
    figures::orders_csv,
    colleagues::list,
    colleagues::add_staff,
    colleagues::disable_staff,
    colleagues::renew_staff_token,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/operator/orders").route(web::get().to(orders::list)))
        .service(resource("/v1/operator/orders.csv").route(web::get().to(figures::orders_csv)))
        .service(resource("/v1/operator/order-states/{state}/orders").route(web::get().to(orders::of_state)))
        .service(resource("/v1/operator/orders/{order}").route(web::get().to(orders::one)))
        .service(resource("/v1/operator/orders/{order}/approve").route(web::post().to(orders::approve)))
        .service(resource("/v1/operator/orders/{order}/reject").route(web::post().to(orders::reject)))
        .service(resource("/v1/operator/orders/{order}/cancel").route(web::post().to(orders::cancel)))
        .service(resource("/v1/operator/orders/{order}/fail").route(web::post().to(orders::fail)))
        .service(
            resource("/v1/operator/orders/{order}/confirm-payment")
                .route(web::post().to(orders::confirm_payment)),
        )
        .service(
            resource("/v1/operator/orders/{order}/confirm-refund")
                .route(web::post().to(orders::confirm_refund)),
        )
        .service(resource("/v1/operator/enterprises").route(web::get().to(business::enterprises)))
        .service(resource("/v1/operator/enterprises/{code}").route(web::get().to(business::enterprise)))
        .service(
            resource("/v1/operator/enterprises/{code}/succession/{user}/approve")
                .route(web::post().to(business::approve_succession)),
        )
        .service(
            resource("/v1/operator/enterprises/{code}/succession/{user}/reject")
                .route(web::post().to(business::reject_succession)),
        )
        .service(resource("/v1/operator/users").route(web::get().to(business::users)))
        .service(resource("/v1/operator/users/{user}").route(web::get().to(business::user)))
        .service(resource("/v1/operator/removals").route(web::get().to(work::removals)))
        .service(resource("/v1/operator/removals/{cascade}").route(web::get().to(work::removal)))
        .service(resource("/v1/operator/removals/{cascade}/retry").route(web::post().to(work::retry_removal)))
        .service(resource("/v1/operator/jobs").route(web::get().to(work::jobs)))
        .service(resource("/v1/operator/jobs/{kind}/{subject}/retry").route(web::post().to(work::retry_job)))
        .service(resource("/v1/operator/audit").route(web::get().to(figures::audit)))
        .service(resource("/v1/operator/audit/{kind}/{subject}").route(web::get().to(figures::audit_of)))
        .service(resource("/v1/operator/statistics").route(web::get().to(figures::statistics)))
        .service(
            resource("/v1/operator/staff")
                .route(web::get().to(colleagues::list))
                .route(web::post().to(colleagues::add_staff)),
        )
        .service(
            resource("/v1/operator/staff/{operator}/disable")
                .route(web::post().to(colleagues::disable_staff)),
        )
        .service(
            resource("/v1/operator/staff/{operator}/token")
                .route(web::post().to(colleagues::renew_staff_token)),
        );
}
