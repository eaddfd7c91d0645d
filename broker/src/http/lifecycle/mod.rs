//! The life of certificates over HTTP: accounts, companies, staff, orders, payments, certificates, seals, and the trading
//! centre's own staff. `GET /v1/openapi.json` describes it, made from the handlers.

use actix_web::web;

mod account;
pub mod caller;
mod certificate;
mod enterprise;
mod openapi;
mod order;
pub mod page;
pub mod post;
pub mod precondition;
pub mod problems;
mod recovery;
mod refusal;
mod seal;
pub mod staff;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .configure(account::configure)
        .configure(certificate::configure)
        .configure(enterprise::configure)
        .configure(order::configure)
        .configure(recovery::configure)
        .configure(seal::configure)
        .configure(staff::configure)
        .service(super::resource::resource("/v1/openapi.json").get(openapi::document));
}
