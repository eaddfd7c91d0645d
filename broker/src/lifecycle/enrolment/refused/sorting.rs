//! What of a refused pair the broker may have revoked by itself: only what was certainly made for the request. Pure.

use yinqiao_ca_sdk::messages::{CertificatePair, IdempotencyKey};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::x509::{AnyCertificate, CertificateRequest, PublicKey};
use yinqiao_protocol::{Base64, Timestamp};

use crate::directory::{LeftBecause, LeftCertificate, RefusedPairRecord};

/// The record of a refused pair. A signing certificate is the request's when it is for the request's key; an encryption certificate
/// when it comes with such a signing certificate and with its own key in an envelope. Anything else may be a stranger's, whose
/// certificate must not be revoked: it is left to people.
pub(super) fn sorted(
    authority: &str,
    key: &IdempotencyKey,
    request: &CertificateRequest,
    pair: &CertificatePair,
    reason: &str,
    now: Timestamp,
) -> RefusedPairRecord {
    let mut record = RefusedPairRecord {
        idempotency_key: key.as_str().to_owned(),
        certificate_authority: authority.to_owned(),
        certificates: Vec::new(),
        left: Vec::new(),
        reason: reason.to_owned(),
        refused_at: now,
        attempts: 0,
        last_failure: None,
        due: now,
    };
    let requested = PublicKey::Sm2(request.public_key().clone());
    let of_signing = because(pair.signing_certificate.as_bytes(), Some(&requested), LeftBecause::OtherKey);
    let mut sort = |der: &[u8], because: Option<LeftBecause>| {
        let certificate = Base64(der.to_vec());
        match because {
            None => record.certificates.push(certificate),
            Some(because) => record.left.push(LeftCertificate { certificate, because }),
        }
    };
    sort(pair.signing_certificate.as_bytes(), of_signing);
    if let Some(encryption) = &pair.encryption_certificate {
        let envelope =
            pair.enveloped_key.as_ref().and_then(|der| EnvelopedKey::from_der(der.as_bytes()).ok());
        let enveloped = envelope.filter(|_| of_signing.is_none());
        let enveloped = enveloped.map(|envelope| PublicKey::Sm2(envelope.public_key().clone()));
        let of_encryption = because(encryption.as_bytes(), enveloped.as_ref(), LeftBecause::NotProven);
        // The envelope is bound to its certificate and to nobody: a CA that mixes two issues up gives out both of the other one.
        let of_encryption = of_encryption.or_else(|| {
            let same = are_one_holders(pair.signing_certificate.as_bytes(), encryption.as_bytes());
            (!same).then_some(LeftBecause::NotProven)
        });
        sort(encryption.as_bytes(), of_encryption);
    }
    record
}

/// Whether two certificates name the same subject and are of the same issuer.
fn are_one_holders(signing: &[u8], encryption: &[u8]) -> bool {
    let (Ok(signing), Ok(encryption)) =
        (AnyCertificate::from_der(signing), AnyCertificate::from_der(encryption))
    else {
        return false;
    };
    signing.subject() == encryption.subject() && signing.issuer() == encryption.issuer()
}

/// Why a certificate is left to people: it cannot be read, or, which is `otherwise`, is not for the key that it should be for.
fn because(der: &[u8], key: Option<&PublicKey>, otherwise: LeftBecause) -> Option<LeftBecause> {
    match AnyCertificate::from_der(der) {
        Err(_) => Some(LeftBecause::Unreadable),
        Ok(certificate) if key == Some(certificate.any_public_key()) => None,
        Ok(_) => Some(otherwise),
    }
}
