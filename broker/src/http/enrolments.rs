//! A phone gets its certificates; everyone may know whose certificates are accepted here.

use actix_web::web;
use utoipa::OpenApi;

use yinqiao_protocol::Base64;
use yinqiao_protocol::opening_record::BrokerKey;
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};

use super::lifecycle::problems::{OfEnrolment, Public};
use super::problem::ApiError;
use crate::broker::Broker;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(enrol))]
pub struct Document;

/// A phone gets the certificates that a code is for: that of an order, or an operator's. It sends the request for the key that it has
/// made, signed with its own; the same request sent again gets the same certificates, whatever happened in between.
#[utoipa::path(
    post,
    path = "/v1/phone/enrolments",
    operation_id = "enrol",
    tag = "orders",
    request_body = EnrolRequest,
    responses(
        (status = 200, description = "The certificates, and the encryption key for this phone alone", body = Enrolled),
        Public,
        OfEnrolment,
    ),
)]
pub async fn enrol(
    broker: web::Data<Broker>,
    request: web::Json<EnrolRequest>,
) -> Result<web::Json<Enrolled>, ApiError> {
    broker.enrol(request.into_inner()).await.map(web::Json)
}

/// `GET /v1/broker`
pub async fn broker_key(broker: web::Data<Broker>) -> web::Json<BrokerKey> {
    web::Json(BrokerKey { public_key: Base64(broker.signing_key.public_key().to_sec1().to_vec()) })
}
