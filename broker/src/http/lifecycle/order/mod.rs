//! Orders, from the offer to the invoice.

use actix_web::web;
use utoipa::OpenApi;

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::order::Order;
use yinqiao_protocol::OrderId;

use super::caller::SignedIn;
use crate::broker::Broker;
use crate::http::problem::ApiError;
use crate::http::resource::resource;
use crate::lifecycle::order::no_such_order;
use crate::records::Versioned;

mod decide;
mod invoice;
mod list;
mod payment;
mod place;
mod view;

pub use list::listed;
pub use view::view;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    place::offers,
    place::place,
    place::code,
    list::own,
    list::of_enterprise,
    list::one,
    decide::approve,
    decide::reject,
    decide::cancel,
    payment::svg,
    payment::png,
    payment::callback,
    invoice::request,
    invoice::file,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/offers").get(place::offers))
        .service(resource("/v1/orders").get(list::own).post(place::place))
        .service(resource("/v1/orders/{order}").get(list::one))
        .service(resource("/v1/orders/{order}/approve").post(decide::approve))
        .service(resource("/v1/orders/{order}/reject").post(decide::reject))
        .service(resource("/v1/orders/{order}/cancel").post(decide::cancel))
        .service(resource("/v1/orders/{order}/download-code").get(place::code))
        .service(resource("/v1/orders/{order}/payment.svg").get(payment::svg))
        .service(resource("/v1/orders/{order}/payment.png").get(payment::png))
        .service(resource("/v1/orders/{order}/invoice").get(invoice::file).post(invoice::request))
        .service(resource("/v1/enterprises/{code}/orders").get(list::of_enterprise))
        .service(resource("/v1/payments/callback").post(payment::callback));
}

/// An order that the caller may see: one's own, or of the company that one leads.
async fn visible(broker: &Broker, caller: &SignedIn, id: OrderId) -> Result<Versioned<Order>, ApiError> {
    let found = broker.repository.get::<Order>(id.as_bytes()).await?;
    found.filter(|found| is_visible(&found.value, caller)).ok_or_else(no_such_order)
}

fn is_visible(order: &Order, caller: &SignedIn) -> bool {
    let leads = |code: &CreditCode| caller.actor().is_legal_person_of(code);
    order.applicant == caller.id() || order.enterprise.as_ref().is_some_and(leads)
}
