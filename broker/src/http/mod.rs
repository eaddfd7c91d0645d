//! The REST interface and the websocket's door: one handler per endpoint. Handlers parse, ask, and answer; they decide
//! nothing.

use std::fmt;

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Resource, web};
use serde_json::json;

use self::problem::{ApiError, Kind};
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
                .service(resource("/enrolments").route(web::post().to(enrolments::enrol)))
                .service(resource("/claims").route(web::post().to(phone::claim)))
                .service(resource("/sessions/{session}").route(web::get().to(phone::fetch)))
                .service(resource("/sessions/{session}/response").route(web::post().to(phone::respond)))
                .service(resource("/sessions/{session}/decline").route(web::post().to(phone::decline)))
                .default_service(web::to(no_such_path)),
        )
        .service(resource("/v1/sessions").route(web::post().to(sessions::open)))
        .service(resource("/v1/sessions/{session}").route(web::get().to(sessions::view)))
        .service(resource("/v1/sessions/{session}/qr.svg").route(web::get().to(sessions::svg)))
        .service(resource("/v1/sessions/{session}/qr.png").route(web::get().to(sessions::png)))
        .service(resource("/v1/sessions/{session}/qr.txt").route(web::get().to(sessions::text)))
        .service(resource("/v1/sessions/{session}/items").route(web::put().to(sessions::items)))
        .service(resource("/v1/sessions/{session}/cancel").route(web::post().to(sessions::cancel)))
        .service(resource("/v1/sessions/{session}/acknowledge").route(web::post().to(sessions::acknowledge)))
        .service(
            resource("/v1/sessions/{session}/socket-tokens").route(web::post().to(sessions::socket_token)),
        )
        .service(resource("/v1/sessions/{session}/events").route(web::get().to(events::of_session)))
        .service(resource("/v1/events").route(web::get().to(events::of_relying_party)))
        .service(resource("/v1/openings").route(web::post().to(openings::open)))
        .service(resource("/v1/openings/{opening}").route(web::get().to(openings::view)))
        .service(resource("/v1/openings/{opening}/extend").route(web::post().to(openings::extend)))
        .service(resource("/v1/openings/{opening}/cancel").route(web::post().to(openings::cancel)))
        .service(resource("/v1/openings/{opening}/record").route(web::get().to(openings::record)))
        .service(resource("/v1/broker").route(web::get().to(enrolments::broker_key)))
        .service(resource("/v1/socket").route(web::get().to(socket::upgrade)))
        .service(resource("/v1/certificate-authorities").route(web::get().to(authorities::list)))
        .service(
            resource("/v1/certificate-authorities/{name}/crl")
                .route(web::get().to(authorities::revocation_list)),
        )
        .service(
            resource("/v1/certificate-authorities/{name}/ocsp")
                .app_data(web::PayloadConfig::new(authorities::MOST_BYTES))
                .route(web::post().to(authorities::status)),
        )
        .service(
            resource("/v1/certificate-authorities/{name}/timestamps")
                .app_data(web::PayloadConfig::new(authorities::MOST_BYTES))
                .route(web::post().to(authorities::time_stamp)),
        )
        .configure(lifecycle::configure)
        .service(resource("/health").route(web::get().to(health)))
        .default_service(web::to(no_such_path));
}

/// Whether the broker serves: for load balancers and start scripts.
async fn health(broker: web::Data<Broker>) -> Result<web::Json<serde_json::Value>, ApiError> {
    match broker.failure() {
        None => Ok(web::Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))),
        Some(reason) => Err(StoreError::Unavailable(reason).into()),
    }
}

fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(wrong_method))
}

async fn no_such_path(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let detail = format!("nothing is offered at {}: docs/protocol.md lists the paths", request.path());
    Err(ApiError::new(Kind::NotFound, detail))
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let detail = format!(
        "{} is not offered at {}: docs/protocol.md lists the methods",
        request.method(),
        request.path()
    );
    Err(ApiError::new(Kind::MethodNotAllowed, detail))
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
