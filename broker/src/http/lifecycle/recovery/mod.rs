//! Recovery of encryption keys: asked for at the new phone, consented to by the trading centre's security officers.

use actix_web::web;
use utoipa::OpenApi;

use crate::http::resource::resource;

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
        .service(resource("/v1/certificates/{certificate}/recoveries").post(own::request))
        .service(resource("/v1/recoveries").get(own::list))
        .service(resource("/v1/recoveries/{recovery}").get(own::one))
        .service(resource("/v1/recoveries/{recovery}/withdraw").post(own::withdraw))
        .service(resource("/v1/operator/recoveries").get(staff::list))
        .service(resource("/v1/operator/recoveries/{recovery}/consent").post(staff::consent))
        .service(resource("/v1/operator/recoveries/{recovery}/reject").post(staff::reject));
}
