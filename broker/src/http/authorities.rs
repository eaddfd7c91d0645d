//! What CAs tell everyone of their certificates: certificates, revocation lists, OCSP; and time stamps for bid systems.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use yinqiao_ca_sdk::messages::{Der, DerRequest, Reply, Request};
use yinqiao_gm::ocsp;
use yinqiao_protocol::Base64;

use super::authentication::RelyingParty;
use super::problem::{ApiError, Kind};
use crate::broker::Broker;

/// Octets of the largest OCSP request or time stamp request.
pub const MOST_BYTES: usize = 16 << 10;
/// RFC 2585 section 4.2.
const LIST_MEDIA_TYPE: &str = "application/pkix-crl";
/// RFC 3161 section 3.4.
const TIMESTAMP_QUERY: &str = "application/timestamp-query";
const TIMESTAMP_REPLY: &str = "application/timestamp-reply";

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
pub async fn list(broker: web::Data<Broker>) -> web::Json<Vec<AuthorityView>> {
    let all = broker.authorities.all();
    let views = all.iter().map(|authority| AuthorityView {
        name: authority.name().to_owned(),
        certificates: authority.trust().certificates().into_iter().map(Base64).collect(),
        certificate_revocation_list: authority.trust().certificate_revocation_list().map(Base64),
    });
    web::Json(views.collect())
}

/// `GET /v1/certificate-authorities/{name}/crl`: the newest revocation list, DER (RFC 5280).
pub async fn revocation_list(
    broker: web::Data<Broker>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let authority = broker.authorities.get(&name).map_err(|_| no_authority(&name))?;
    match authority.trust().certificate_revocation_list() {
        Some(list) => Ok(HttpResponse::Ok().content_type(LIST_MEDIA_TYPE).body(list)),
        None => Err(ApiError::new(Kind::NotFound, format!("the CA \"{name}\" has published no list yet"))),
    }
}

/// `POST /v1/certificate-authorities/{name}/ocsp`: the status of certificates (RFC 6960 appendix A.1).
pub async fn status(
    broker: web::Data<Broker>,
    name: web::Path<String>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    expect_type(&request, ocsp::REQUEST_MEDIA_TYPE)?;
    let asked = Request::Ocsp(DerRequest { request: Der(question(body)?) });
    let answer = exchange(&broker, &name, asked).await?;
    Ok(HttpResponse::Ok().content_type(ocsp::RESPONSE_MEDIA_TYPE).body(answer))
}

/// `POST /v1/certificate-authorities/{name}/timestamps`: a time stamp (RFC 3161 section 3.4), for bid systems.
pub async fn time_stamp(
    broker: web::Data<Broker>,
    _: RelyingParty,
    name: web::Path<String>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    expect_type(&request, TIMESTAMP_QUERY)?;
    let asked = Request::Timestamp(DerRequest { request: Der(question(body)?) });
    let answer = exchange(&broker, &name, asked).await?;
    Ok(HttpResponse::Ok().content_type(TIMESTAMP_REPLY).body(answer))
}

fn question(body: Result<web::Bytes, actix_web::Error>) -> Result<Vec<u8>, ApiError> {
    let limit = format_args!("{MOST_BYTES} bytes: send one request in DER, nothing else");
    body.map(|body| body.to_vec()).map_err(|error| super::body_error(&error, limit))
}

/// Passes a question on to the CA, as long as few others do: who may issue must not wait for everyone's questions.
async fn exchange(broker: &Broker, name: &str, asked: Request) -> Result<Vec<u8>, ApiError> {
    let authority = broker.authorities.get(name).map_err(|_| no_authority(name))?;
    let Some(_turn) = authority.public_turn() else {
        return Err(ApiError::new(Kind::Busy, "many ask this CA at this moment: ask again in a second"));
    };
    match authority.ask(asked).await? {
        Reply::Response(response) => Ok(response.response.0),
        _ => Err(ApiError::new(Kind::Internal, "the CA's reply is to another operation")),
    }
}

fn expect_type(request: &HttpRequest, wanted: &'static str) -> Result<(), ApiError> {
    let found = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if found == Some(wanted.as_bytes()) {
        return Ok(());
    }
    Err(ApiError::new(Kind::MalformedRequest, format!("send the DER with Content-Type: {wanted}")))
}

fn no_authority(name: &str) -> ApiError {
    ApiError::new(
        Kind::NotFound,
        format!("no CA is called \"{name}\" here: GET /v1/certificate-authorities lists them"),
    )
}
