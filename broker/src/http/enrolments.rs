//! A phone gets its certificates; everyone may know whose certificates are accepted here.

use actix_web::web;
use serde::Serialize;

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

/// A CA whose certificates answer sessions here.
#[derive(Serialize)]
pub struct AuthorityView {
    /// Name of its adapter.
    name: String,
    /// Its certificates, root last, DER.
    certificates: Vec<Base64>,
    /// Its newest revocation list, DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_revocation_list: Option<Base64>,
}

/// `GET /v1/certificate-authorities`
pub async fn authorities(broker: web::Data<Broker>) -> web::Json<Vec<AuthorityView>> {
    let views = broker
        .authorities
        .all()
        .into_iter()
        .map(|authority| AuthorityView {
            name: authority.name().to_owned(),
            certificates: authority.trust().certificates().into_iter().map(Base64).collect(),
            certificate_revocation_list: authority.trust().certificate_revocation_list().map(Base64),
        })
        .collect();
    web::Json(views)
}
