//! The holder's side.

use actix_web::{HttpResponse, web};

use yinqiao_gm::x509::CertificateRequest;
use yinqiao_lifecycle::recovery::RecoveryRefusal;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::recovery::{RecoveredKey, RecoveryRequest, RecoveryView};
use yinqiao_protocol::{RecoveryId, Sm3Hex};

use super::super::caller::SignedIn;
use super::super::page::PageQuery;
use super::super::post::{Answer, Post};
use super::super::precondition::versioned;
use super::super::problems::{ForCaller, ForChange};
use super::view::view;
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::recovery::{self, RecoveryRecord, requests_of};

/// Octets of a certificate request at most.
const LONGEST_REQUEST: usize = 12_288;

/// Asks for the encryption key of a certificate of one's own, for this phone. The certificate may be suspended, revoked or
/// expired: what was encrypted for it stays encrypted for it.
#[utoipa::path(
    post,
    path = "/v1/certificates/{certificate}/recoveries",
    operation_id = "request_recovery",
    tag = "recovery",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    request_body = RecoveryRequest,
    responses((status = 201, description = "Waits for consents", body = RecoveryView), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn request(
    broker: web::Data<Broker>,
    caller: SignedIn,
    post: Post,
    certificate: web::Path<Sm3Hex>,
    request: web::Json<RecoveryRequest>,
) -> Result<HttpResponse, ApiError> {
    let der = request.certificate_request.clone();
    let genuine = broker.pool.run(move || is_genuine(der.as_slice())).await?;
    if !genuine {
        return Err(ApiError::new(
            Kind::InvalidRequest,
            "certificate_request is a PKCS#10 request, DER, of an SM2 key on this phone, signed with that key",
        ));
    }
    let (id, actor, device_key) = (RecoveryId::random(), caller.actor(), &caller.session.device_key);
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let keys = (device_key, &request.certificate_request);
        let record = recovery::request(transaction, id, &certificate, keys, &actor).await?;
        Ok(Answer::created(view(&record, transaction.now())))
    })
    .await
}

fn is_genuine(der: &[u8]) -> bool {
    der.len() <= LONGEST_REQUEST
        && CertificateRequest::from_der(der).and_then(|request| request.verify()).is_ok()
}

/// The caller's requests, the newest first.
#[utoipa::path(
    get,
    path = "/v1/recoveries",
    operation_id = "recoveries",
    tag = "recovery",
    params(PageQuery),
    responses((status = 200, description = "Requests, without the keys", body = Page<RecoveryView>), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    caller: SignedIn,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<RecoveryView>>, ApiError> {
    let now = broker.repository.clock().now();
    query
        .read(&broker.repository, &requests_of(caller.id()), async |record: RecoveryRecord| {
            Ok(view(&record, now))
        })
        .await
}

/// One request of the caller; with the key, where it is there and the phone is the one that asked.
#[utoipa::path(
    get,
    path = "/v1/recoveries/{recovery}",
    operation_id = "recovery",
    tag = "recovery",
    params(("recovery" = RecoveryId, Path, description = "The request")),
    responses((status = 200, description = "The request", body = RecoveryView), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    id: web::Path<RecoveryId>,
) -> Result<HttpResponse, ApiError> {
    let found = broker.repository.get::<RecoveryRecord>(id.as_bytes()).await?;
    let record = found
        .map(|found| found.value)
        .filter(|record| record.recovery.holder == caller.id())
        .ok_or(RecoveryRefusal::NotFound)?;
    let mut told = view(&record, broker.repository.clock().now());
    if let Ok(envelope) = record.recovery.reply(&caller.actor(), &caller.session.device_key) {
        told.key = Some(RecoveredKey {
            encryption_certificate: record.encryption_certificate.clone(),
            enveloped_key: envelope.clone(),
        });
    }
    Ok(versioned(HttpResponse::Ok(), None, &told))
}

/// Takes a request back, before the CA is asked.
#[utoipa::path(
    post,
    path = "/v1/recoveries/{recovery}/withdraw",
    operation_id = "withdraw_recovery",
    tag = "recovery",
    params(
        ("recovery" = RecoveryId, Path, description = "The request"),
        Post,
    ),
    responses((status = 200, description = "Withdrawn", body = RecoveryView), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn withdraw(
    broker: web::Data<Broker>,
    caller: SignedIn,
    post: Post,
    id: web::Path<RecoveryId>,
) -> Result<HttpResponse, ApiError> {
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        let now = transaction.now();
        let decided = recovery::decide(transaction, *id, |recovery| recovery.withdraw(&actor, now)).await;
        Ok(Answer::ok(view(&decided?.1, now)))
    })
    .await
}
