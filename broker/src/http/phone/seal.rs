//! Which seal a session uses, and whether it still may when the response comes.

use yinqiao_lifecycle::certificate::Status;
use yinqiao_protocol::holder::SealSummary;
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Cause, SealId, SessionId};

use super::known_certificate;
use crate::broker::Broker;
use crate::directory::{KnownCertificate, SealRecord};
use crate::http::problem::{ApiError, Kind};
use crate::session::machine::Input;
use crate::session::record::ClaimRecord;

/// Why a session cannot be completed, and the cause that ends it, where it does.
pub(super) struct End {
    cause: Option<Cause>,
    error: ApiError,
}

impl End {
    fn with(cause: Cause, error: ApiError) -> Self {
        Self { cause: Some(cause), error }
    }

    /// Ends the session, and gives what the phone is told.
    pub(super) async fn of(self, broker: &Broker, session: SessionId) -> ApiError {
        if let Some(cause) = self.cause
            && let Err(problem) = broker.sessions.apply(session, Input::Fail(cause)).await
        {
            return problem.into();
        }
        self.error
    }
}

impl<E: Into<ApiError>> From<E> for End {
    fn from(error: E) -> Self {
        Self { cause: None, error: error.into() }
    }
}

/// The seal of this kind that the certificate may use; the one that is wanted, where several fit.
pub(super) async fn chosen_seal(
    broker: &Broker,
    known: &KnownCertificate,
    kind: SealKind,
    wanted: Option<SealId>,
) -> Result<SealRecord, ApiError> {
    let none = || {
        ApiError::new(
            Kind::NoSeal,
            "your company has no seal of the kind asked for that your certificate may use: have one made, or made anew where \
             your certificate is newer than it",
        )
    };
    let enterprise = known.record.holder.enterprise.as_ref().ok_or_else(none)?;
    let seals = broker.directory.seals(Some(&enterprise.unified_social_credit_code)).await?;
    let mut usable: Vec<SealRecord> = seals
        .into_iter()
        .filter(|seal| {
            seal.kind == kind && seal.is_for(&known.record.facts) && broker.may_use_seal(seal, &known.signing)
        })
        .filter(|seal| wanted.is_none_or(|wanted| seal.id == wanted))
        .collect();
    match usable.len() {
        0 => Err(none()),
        1 => usable.pop().ok_or_else(none),
        _ => {
            let choice: Vec<SealSummary> =
                usable.into_iter().map(|seal| SealSummary { id: seal.id, name: seal.name }).collect();
            Err(ApiError::new(Kind::SealChoiceRequired, "several seals fit: claim again with one of them")
                .with("seals", serde_json::to_value(choice).unwrap_or_default()))
        }
    }
}

/// The claim's seal, DER, as long as it may be used with the certificate.
pub(super) async fn usable_seal(
    broker: &Broker,
    claim: &ClaimRecord,
    known: &KnownCertificate,
) -> Result<Option<Vec<u8>>, End> {
    let (Some(named), Some(enterprise)) = (&claim.seal, &claim.holder.enterprise) else { return Ok(None) };
    let seal = broker.directory.seal(&enterprise.unified_social_credit_code, &named.id).await?;
    if !seal.is_for(&known.record.facts) || !broker.may_use_seal(&seal, &known.signing) {
        let error = ApiError::new(
            Kind::NoSeal,
            "since the code was scanned the seal was revoked, has ended, or is for others: have the bid system show a new code, \
             and choose another seal",
        );
        return Err(End::with(Cause::SealNotUsable, error));
    }
    Ok(Some(seal.der.0))
}

/// What was revoked while the response was being verified does not complete the session any more.
pub(super) async fn still_good(broker: &Broker, claim: &ClaimRecord) -> Result<(), End> {
    let known = known_certificate(broker, &claim.certificate_sm3).await?;
    let (cause, kind) = match known.record.status(broker.repository.clock().now()) {
        Status::Active => return usable_seal(broker, claim, &known).await.map(drop),
        Status::Held => (Cause::CertificateSuspended, Kind::CertificateSuspended),
        Status::Revoked => (Cause::CertificateRevoked, Kind::CertificateRevoked),
        Status::Expired => (Cause::CertificateExpired, Kind::CertificateExpired),
    };
    Err(End::with(cause, ApiError::new(kind, "the certificate ended while the response was on its way")))
}
