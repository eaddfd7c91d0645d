//! The REST interface and the websocket's door: one handler per endpoint. Handlers parse, ask, and answer; they decide
//! nothing.

use std::fmt;

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use self::problem::{ApiError, Kind};
use self::resource::resource;
use crate::broker::Broker;
use crate::store::StoreError;

mod authentication;
mod authorities;
mod enrolments;
mod events;
mod idempotency;
pub mod lifecycle;
mod openings;
pub mod ownership;
mod phone;
pub mod problem;
pub mod request_id;
mod resource;
mod sessions;
mod socket;

/// Bytes of a bid system's largest request: an opening of 1,000 sessions.
const MOST_BYTES_RELYING_PARTY: usize = 16 << 20;
/// Bytes of a phone's largest request: a response of 1,000 items.
const MOST_BYTES_PHONE: usize = 1 << 20;

/// Sets up every endpoint.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(json_config(MOST_BYTES_RELYING_PARTY))
        .app_data(web::PathConfig::default().error_handler(|error, _| path_error(&error).into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| query_error(&error).into()))
        .service(
            web::scope("/v1/phone")
                .app_data(json_config(MOST_BYTES_PHONE))
                .app_data(web::PayloadConfig::new(MOST_BYTES_PHONE))
                .service(resource("/enrolments").post(enrolments::enrol))
                .service(resource("/claims").post(phone::claim))
                .service(resource("/sessions/{session}").get(phone::fetch))
                .service(resource("/sessions/{session}/response").post(phone::respond))
                .service(resource("/sessions/{session}/decline").post(phone::decline))
                .default_service(web::to(no_such_path)),
        )
        .service(resource("/v1/sessions").post(sessions::open))
        .service(resource("/v1/sessions/{session}").get(sessions::view))
        .service(resource("/v1/sessions/{session}/qr.svg").get(sessions::svg))
        .service(resource("/v1/sessions/{session}/qr.png").get(sessions::png))
        .service(resource("/v1/sessions/{session}/qr.txt").get(sessions::text))
        .service(resource("/v1/sessions/{session}/items").put(sessions::items))
        .service(resource("/v1/sessions/{session}/cancel").post(sessions::cancel))
        .service(resource("/v1/sessions/{session}/acknowledge").post(sessions::acknowledge))
        .service(resource("/v1/sessions/{session}/socket-tokens").post(sessions::socket_token))
        .service(resource("/v1/sessions/{session}/events").get(events::of_session))
        .service(resource("/v1/events").get(events::of_relying_party))
        .service(resource("/v1/openings").post(openings::open))
        .service(resource("/v1/openings/{opening}").get(openings::view))
        .service(resource("/v1/openings/{opening}/extend").post(openings::extend))
        .service(resource("/v1/openings/{opening}/cancel").post(openings::cancel))
        .service(resource("/v1/openings/{opening}/record").get(openings::record))
        .service(resource("/v1/broker").get(enrolments::broker_key))
        .service(resource("/v1/socket").get(socket::upgrade))
        .service(resource("/v1/certificate-authorities").get(authorities::list))
        .service(resource("/v1/certificate-authorities/{name}/crl").get(authorities::revocation_list))
        .service(
            resource("/v1/certificate-authorities/{name}/ocsp")
                .app_data(web::PayloadConfig::new(authorities::MOST_BYTES))
                .post(authorities::status),
        )
        .service(
            resource("/v1/certificate-authorities/{name}/timestamps")
                .app_data(web::PayloadConfig::new(authorities::MOST_BYTES))
                .post(authorities::time_stamp),
        )
        .configure(lifecycle::configure)
        .service(resource("/health").get(health))
        .default_service(web::to(no_such_path));
}

/// Whether the broker serves: for load balancers and start scripts.
async fn health(broker: web::Data<Broker>) -> Result<web::Json<serde_json::Value>, ApiError> {
    match broker.failure() {
        None => Ok(web::Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))),
        Some(reason) => Err(StoreError::Unavailable(reason).into()),
    }
}

async fn no_such_path(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let detail = format!("nothing is offered at {}: docs/protocol.md lists the paths", request.path());
    Err(ApiError::new(Kind::NotFound, detail))
}

fn json_config(limit: usize) -> web::JsonConfig {
    web::JsonConfig::default().limit(limit).error_handler(move |error, _| json_error(&error, limit).into())
}

fn json_error(error: &JsonPayloadError, limit: usize) -> ApiError {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            ApiError::new(Kind::TooLarge, format!("the body is larger than {limit} bytes: split the request"))
        }
        JsonPayloadError::ContentType => {
            ApiError::new(Kind::MalformedRequest, "send the body as application/json with its Content-Type")
        }
        JsonPayloadError::Deserialize(error) => {
            ApiError::new(Kind::MalformedRequest, format!("the body is not the JSON expected here: {error}"))
        }
        error => ApiError::new(Kind::MalformedRequest, format!("the body cannot be read: {error}")),
    }
}

/// What is wrong with a body that is taken as bytes; `limit` says how many it may have, and of what.
fn body_error(error: &actix_web::Error, limit: fmt::Arguments<'_>) -> ApiError {
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(Kind::TooLarge, format!("the body is larger than {limit}"));
    }
    ApiError::new(Kind::MalformedRequest, format!("the body cannot be read: {error}"))
}

fn path_error(error: &PathError) -> ApiError {
    // An id that cannot exist is treated as one that does not.
    ApiError::new(Kind::NotFound, format!("there is no such thing: {error}"))
}

fn query_error(error: &QueryPayloadError) -> ApiError {
    ApiError::new(Kind::MalformedRequest, format!("the query cannot be read: {error}"))
}
