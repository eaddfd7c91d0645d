//! What a CA has issued, held against what it was asked for: nobody else's certificate must ever reach a phone.

use yinqiao_ca_sdk::messages::{CertificatePair, Der};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::x509::chain::Usage;
use yinqiao_gm::x509::{Certificate, CertificateRequest};
use yinqiao_protocol::Base64;
use yinqiao_protocol::phone::Enrolled;

use super::subject;
use crate::adapter::{Authority, AuthorityError, Checked, TrustError};
use crate::clock;
use crate::directory::EnrolmentRecord;
use crate::http::problem::{ApiError, Kind};

/// Why a pair is not handed out.
pub(super) enum Unfit {
    /// It is not what was asked for, and never will be.
    Rejected(String),
    /// Nobody can say now; it may be good in a moment.
    NotYet(ApiError),
}

impl<E: Into<ApiError>> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self::NotYet(error.into())
    }
}

/// Checks a pair, and makes the phone's answer of it.
pub(super) async fn enrolled(
    authority: &Authority,
    record: &EnrolmentRecord,
    request: &CertificateRequest,
    pair: &CertificatePair,
) -> Result<Enrolled, Unfit> {
    let (signing, encryption) = read(record, request, pair)?;
    let checked = good(authority, &signing, Usage::Signing).await?;
    if let Some(encryption) = &encryption {
        good(authority, encryption, Usage::Encryption).await?;
    }
    let base64 = |der: &Der| Base64(der.0.clone());
    Ok(Enrolled {
        holder: record.holder.clone(),
        certificate_authority: authority.name().to_owned(),
        signing_certificate: base64(&pair.signing_certificate),
        encryption_certificate: pair.encryption_certificate.as_ref().map(base64),
        enveloped_key: pair.enveloped_key.as_ref().map(base64),
        chain: checked.chain().iter().map(|issuer| Base64(issuer.der().to_vec())).collect(),
    })
}

/// What can be told without anybody's help: keys and names.
fn read(
    record: &EnrolmentRecord,
    request: &CertificateRequest,
    pair: &CertificatePair,
) -> Result<(Certificate, Option<Certificate>), Unfit> {
    let rejected = |text: &str| Unfit::Rejected(text.to_owned());
    let certificate =
        |der: &Der| Certificate::from_der(der.as_bytes()).map_err(|error| Unfit::Rejected(error.to_string()));
    let signing = certificate(&pair.signing_certificate)?;
    if signing.public_key() != request.public_key() {
        return Err(rejected("the issued certificate is of another key than the request's"));
    }
    let named = |certificate: &Certificate, which: &str| {
        subject::must_name(certificate.subject(), certificate.issuer(), &record.holder).map_err(|reason| {
            Unfit::Rejected(format!("the {which} certificate is somebody else's: {reason}"))
        })
    };
    named(&signing, "signing")?;
    let encryption = match (&pair.encryption_certificate, &pair.enveloped_key) {
        (None, None) if record.signing_only => return Ok((signing, None)),
        (None, None) => {
            return Err(rejected(
                "the issued pair has no encryption certificate, which this enrolment asks for: `yinqiao enrolment add \
                 --signing-only` takes a signing certificate alone",
            ));
        }
        (Some(encryption), Some(envelope)) => {
            let encryption = certificate(encryption)?;
            let envelope = EnvelopedKey::from_der(envelope.as_bytes())
                .map_err(|error| Unfit::Rejected(error.to_string()))?;
            if envelope.public_key() != encryption.public_key() {
                return Err(rejected("the encryption certificate is of another key than the enveloped one"));
            }
            encryption
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(rejected(
                "the issued pair has an encryption certificate or an enveloped key, but not both",
            ));
        }
    };
    named(&encryption, "encryption")?;
    Ok((signing, Some(encryption)))
}

/// Whether a certificate leads to the CA's roots, and nothing is known against it. The CA may have new certificates of its own:
/// they are fetched before one is given up.
async fn good(authority: &Authority, certificate: &Certificate, usage: Usage) -> Result<Checked, Unfit> {
    let mut checked = authority.check(certificate, usage, clock::now()).await;
    if matches!(checked, Err(TrustError::NotTrusted { .. })) {
        authority.trust().expire_anchors();
        authority.refresh().await.map_err(|error| {
            // That a question is refused says nothing of the pair.
            Unfit::NotYet(ApiError::new(Kind::CertificateAuthorityUnavailable, error.to_string()))
        })?;
        checked = authority.check(certificate, usage, clock::now()).await;
    }
    checked.map_err(|error| match error {
        TrustError::NotTrusted { .. } | TrustError::IssuerRevoked { .. } | TrustError::Revoked { .. } => {
            Unfit::Rejected(error.to_string())
        }
        // One that is not valid yet will be: clocks differ.
        TrustError::NotValidNow { .. } if certificate.not_after() < clock::now().seconds() => {
            Unfit::Rejected(error.to_string())
        }
        TrustError::NotValidNow { .. }
        | TrustError::Held { .. }
        | TrustError::StatusUnavailable { .. }
        | TrustError::IssuerStatusUnavailable { .. }
        | TrustError::UnknownAuthority(_) => Unfit::NotYet(error.into()),
    })
}

/// The refusal of a pair, as the phone is told.
pub(super) fn refusal(authority: &str, reason: &str) -> ApiError {
    let text = format!("{reason}; nothing of it is used, and the one-time code is used up");
    AuthorityError::Broken { authority: authority.to_owned(), text }.into()
}
