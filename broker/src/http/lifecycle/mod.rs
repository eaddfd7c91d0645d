//! The life of certificates over HTTP: accounts, companies, staff, orders, payments, certificates, seals, and the trading
//! centre's own staff. `GET /v1/openapi.json` describes it, made from the handlers.

use actix_web::web;

mod openapi;
pub mod page;
pub mod post;
pub mod precondition;
mod refusal;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(super::resource("/v1/openapi.json").route(web::get().to(openapi::document)));
}
