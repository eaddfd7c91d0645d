//! A phone gets its certificates; everyone may know whose certificates are accepted here.

use actix_web::web;

use yinqiao_protocol::Base64;
use yinqiao_protocol::opening_record::BrokerKey;
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};

use super::problem::ApiError;
use crate::broker::Broker;

/// `POST /v1/phone/enrolments`
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
