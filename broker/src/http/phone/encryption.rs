//! Whether a claim comes with the encryption certificate or the keys that its session needs, and which certificate does where it
//! does not.

use yinqiao_lifecycle::certificate::Status;
use yinqiao_protocol::task::{Task, WrappedKey};

use crate::broker::Broker;
use crate::directory::{CertificateRecord, KnownCertificate};
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix};

/// Serial numbers of certificates to choose that an answer names at most.
const MOST_NAMED: usize = 5;

/// A phone without the key for a bid must not take the session from the phone that has it; and nothing can be encrypted for a
/// certificate that is for signing only. An older key at the phone is as good as the certificate's own.
pub(super) async fn refuse_other_keys(
    broker: &Broker,
    task: &Task,
    known: &KnownCertificate,
    decrypts: &[String],
) -> Result<(), ApiError> {
    match task {
        Task::Encrypt { .. } if known.encryption.is_none() => {
            let others = others_of_holder(broker, known).await?;
            Err(for_signing_only("so nothing can be encrypted for it", &others))
        }
        Task::Decrypt { items, .. } => {
            match items.iter().find(|item| !decrypts.contains(&item.certificate_serial)) {
                None => Ok(()),
                Some(item) if known.encryption.is_none() => {
                    let others = those_with_key(broker, known, item).await?;
                    Err(for_signing_only(&format!("so it cannot decrypt \"{}\"", item.name), &others))
                }
                Some(item) => Err(ApiError::new(
                    Kind::HolderNotAccepted,
                    format!(
                        "\"{}\" was encrypted for the certificate with the serial number {}, whose key is not on this phone: \
                         scan with the phone that has it, or choose that certificate",
                        item.name, item.certificate_serial
                    ),
                )),
            }
        }
        Task::Encrypt { .. }
        | Task::Login {}
        | Task::Seal { .. }
        | Task::Sign { .. }
        | Task::Unseal { .. } => Ok(()),
    }
}

fn for_signing_only(consequence: &str, others: &[CertificateRecord]) -> ApiError {
    let mut serials: Vec<_> = others.iter().map(|record| record.facts.signing_serial.as_str()).collect();
    serials.truncate(MOST_NAMED);
    let choice = match serials.as_slice() {
        [] => "choose a certificate that has an encryption certificate, or apply for one".to_owned(),
        serials => format!("choose the certificate with the serial number {}", serials.join(" or ")),
    };
    let text = format!("this certificate is for signing only, {consequence}: {choice}");
    ApiError::new(Kind::NoEncryptionCertificate, text).with("certificates", serials.into())
}

/// The same holder's certificates for which something can be encrypted now. A holder of neither an account nor a company is in no
/// index: then nobody is named.
async fn others_of_holder(
    broker: &Broker,
    known: &KnownCertificate,
) -> Result<Vec<CertificateRecord>, ApiError> {
    let facts = &known.record.facts;
    let prefix = match (&facts.user, &facts.enterprise) {
        (Some(user), _) => IndexPrefix::new(Index::CertificateByUser, user.as_bytes()),
        (None, Some(code)) => IndexPrefix::new(Index::CertificateByEnterprise, code.as_str().as_bytes()),
        (None, None) => return Ok(Vec::new()),
    };
    let now = broker.repository.clock().now();
    let mut found = found_by(broker, &prefix, known).await?;
    found.retain(|record| record.encryption_certificate.is_some() && record.status(now) == Status::Active);
    Ok(found)
}

/// The same holder's certificate whose encryption certificate the item was encrypted for.
async fn those_with_key(
    broker: &Broker,
    known: &KnownCertificate,
    item: &WrappedKey,
) -> Result<Vec<CertificateRecord>, ApiError> {
    let serial = item.certificate_serial.as_bytes();
    let mut found = found_by(broker, &IndexPrefix::new(Index::CertificateBySerial, serial), known).await?;
    found.retain(|record| record.facts.encryption_serial == item.certificate_serial);
    Ok(found)
}

async fn found_by(
    broker: &Broker,
    prefix: &IndexPrefix,
    known: &KnownCertificate,
) -> Result<Vec<CertificateRecord>, ApiError> {
    let found = broker.repository.all::<CertificateRecord>(prefix).await?;
    let records = found.into_iter().map(|found| found.value);
    Ok(records.filter(|record| record.holder.id == known.record.holder.id).collect())
}
