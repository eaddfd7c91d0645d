//! Recovery of encryption keys: asked for at the new phone, consented to by the trading centre's security officers.

use actix_web::web;
use utoipa::OpenApi;

use crate::http::resource;

mod own;
mod staff;
mod view;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    own::request,
    own::list,
    own::one,
    own::withdraw,
    staff::list,
    staff::consent,
    staff::reject
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/certificates/{certificate}/recoveries").route(web::post().to(own::request)))
        .service(resource("/v1/recoveries").route(web::get().to(own::list)))
        .service(resource("/v1/recoveries/{recovery}").route(web::get().to(own::one)))
        .service(resource("/v1/recoveries/{recovery}/withdraw").route(web::post().to(own::withdraw)))
        .service(resource("/v1/operator/recoveries").route(web::get().to(staff::list)))
        .service(resource("/v1/operator/recoveries/{recovery}/consent").route(web::post().to(staff::consent)))
        .service(resource("/v1/operator/recoveries/{recovery}/reject").route(web::post().to(staff::reject)));
}
