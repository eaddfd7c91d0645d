//! What CAs have issued and the broker has refused, as long as something is left of it.

use serde_json::{Value, json};
use tracing::info;

use yinqiao_gm::x509::AnyCertificate;
use yinqiao_protocol::{Base64, Sm3Hex};

use crate::broker::Broker;
use crate::directory::{DirectoryError, RefusedPairRecord};
use crate::http::problem::ApiError;

/// All of them.
pub(super) async fn list(broker: &Broker) -> Result<Value, ApiError> {
    let rows: Vec<Value> = broker.directory.refused_pairs().await?.iter().map(row).collect();
    Ok(json!({ "refused": rows }))
}

fn row(record: &RefusedPairRecord) -> Value {
    let left = record.left.iter().map(|left| {
        let mut shown = shown(&left.certificate);
        shown["because"] = left.because.text().into();
        shown
    });
    json!({
        "key": record.idempotency_key,
        "certificate_authority": record.certificate_authority,
        "reason": record.reason,
        "refused_at": record.refused_at,
        "to_be_revoked": record.certificates.iter().map(shown).collect::<Vec<_>>(),
        "attempts": record.attempts,
        "last_failure": record.last_failure,
        "left_to_people": left.collect::<Vec<_>>(),
    })
}

/// A certificate as the CA's people find it; without a serial number where none can be read.
fn shown(der: &Base64) -> Value {
    let read = AnyCertificate::from_der(der.as_slice()).ok();
    json!({
        "certificate_sm3": Sm3Hex::of(der.as_slice()),
        "serial": read.as_ref().map(|certificate| certificate.serial().to_string()),
        "issuer": read.as_ref().map(|certificate| certificate.issuer().to_string()),
        "certificate": der,
    })
}

/// Takes a person's word that nothing more is to be done about one.
pub(super) async fn settle(broker: &Broker, key: &str) -> Result<Value, ApiError> {
    let found = broker.directory.refused_pair(key).await?;
    let found = found.ok_or(DirectoryError::NotFound(
        "refused pair of this key: `yinqiao certificate refused` lists those that something is left of",
    ))?;
    broker.directory.change_refused_pair(key, found.version, None).await?;
    let record = found.value;
    let (unrevoked, left) = (record.certificates.len(), record.left.len());
    info!(
        issue = key,
        adapter = record.certificate_authority,
        unrevoked,
        left,
        "a refused pair is settled by hand"
    );
    Ok(json!({ "key": key, "certificate_authority": record.certificate_authority, "settled": true }))
}
