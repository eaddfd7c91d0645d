//! Is a result what it says? Everything here can be checked by anybody who trusts the CA's root, without the broker and
//! years later. Pure.
//!
//! What nobody else can check: that the certificate was not revoked when it answered. The broker's word for it is in
//! [`Outcome::status`]; a revocation list of that time proves it.

use yinqiao_gm::sm2::Signature;
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::x509::chain::{self, ChainError, Usage};
use yinqiao_protocol::outcome::{Outcome, Status};
use yinqiao_protocol::statement::{Display, SignedText, SignedTextError};
use yinqiao_protocol::task::{Purpose, Task};
use yinqiao_protocol::{Base64, ItemId, SessionId, Sm3Hex, Statement, Timestamp};

use crate::trust::Trust;

mod items;
#[cfg(test)]
mod tests;

/// Seconds by which clocks may differ.
const CLOCKS_DIFFER_SECONDS: i64 = 600;

/// What is wrong with a result.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The statement cannot be read.
    #[error("the statement cannot be read: {0}")]
    Statement(#[from] SignedTextError),
    /// A certificate cannot be read.
    #[error("the {0} cannot be read: {1}")]
    Certificate(&'static str, yinqiao_gm::Error),
    /// Two parts of the result contradict each other.
    #[error("the result's {0} is not the statement's")]
    Contradiction(&'static str),
    /// Something that belongs to the purpose is missing.
    #[error("the result lacks the {0}")]
    Missing(&'static str),
    /// A signature is wrong.
    #[error("the signature over the {0} does not verify under the holder's certificate")]
    Signature(&'static str),
    /// A certificate leads to no trusted root.
    #[error("the {0} is not accepted: {1}")]
    Chain(&'static str, ChainError),
    /// The certificate was not good.
    #[error("the result says that the certificate was revoked")]
    Revoked,
    /// Dated ahead, or after it was verified.
    #[error("the statement is dated {stated_at}, the result {completed_at}; the time is {now}")]
    Date {
        /// By the statement.
        stated_at: Timestamp,
        /// By the result.
        completed_at: Timestamp,
        /// The verifier's.
        now: Timestamp,
    },
    /// Other items, or in another order.
    #[error("the result's items are not the statement's, in their order")]
    Items,
    /// What came for an item is wrong.
    #[error("item \"{item}\": {reason}")]
    Item {
        /// Which.
        item: ItemId,
        /// What is wrong with it.
        reason: String,
    },
    /// Another session, task or text than was asked.
    #[error("the result answers another {0} than was asked")]
    NotWhatWasAsked(&'static str),
}

/// A result that is what it says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What the holder signed.
    pub statement: Statement,
    /// The holder's signing certificate.
    pub certificate: Certificate,
    /// In `encrypt`, the holder's encryption certificate.
    pub encryption_certificate: Option<Certificate>,
}

/// What a bid system asked; a result must answer exactly that.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The session.
    pub session: SessionId,
    /// Purpose and items, late items included.
    pub task: &'a Task,
    /// What the holder was to read.
    pub display: &'a Display,
}

/// Verifies a result and that it answers what was asked.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_answer(
    outcome: &Outcome,
    asked: &Asked<'_>,
    trust: &Trust,
    now: Timestamp,
) -> Result<Verified, VerifyError> {
    let verified = verify_outcome(outcome, trust, now)?;
    let statement = &verified.statement;
    let same = [
        ("session", statement.session == asked.session),
        ("task", statement.task == *asked.task),
        ("text", statement.display == *asked.display),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(VerifyError::NotWhatWasAsked(what)),
        None => Ok(verified),
    }
}

/// Verifies all of a result that a third party can: the statement and its signature, the certificates' way to a trusted
/// root at the time of the statement, and for each purpose what came for its items.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_outcome(outcome: &Outcome, trust: &Trust, now: Timestamp) -> Result<Verified, VerifyError> {
    let statement = Statement::from_bytes(outcome.statement.as_slice())?;
    let certificate = certificate("signing certificate", &outcome.certificate)?;
    let same = [
        ("purpose", outcome.purpose == statement.task.purpose()),
        ("holder", outcome.holder == statement.holder),
        ("certificate", Sm3Hex::of(certificate.der()) == statement.certificate_sm3),
    ];
    if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
        return Err(VerifyError::Contradiction(what));
    }
    verify_signature(&certificate, outcome.statement.as_slice(), &outcome.statement_signature, "statement")?;
    verify_dates(&statement, outcome, now)?;
    let issuers = outcome.chain.iter().map(|der| self::certificate("issuer's certificate", der));
    let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
    let intermediates = [issuers, trust.intermediates.clone()].concat();
    let path = Path { trust, intermediates: &intermediates, at: statement.stated_at.seconds() };
    path.verify("signing certificate", &certificate, Usage::Signing)?;
    let encryption_certificate = verify_encryption_certificate(outcome, &certificate, &path)?;
    items::verify(outcome, &statement, &certificate, &path)?;
    Ok(Verified { statement, certificate, encryption_certificate })
}

/// How certificates lead to a root.
struct Path<'a> {
    trust: &'a Trust,
    intermediates: &'a [Certificate],
    /// Unix seconds.
    at: i64,
}

impl Path<'_> {
    fn verify(&self, what: &'static str, leaf: &Certificate, usage: Usage) -> Result<(), VerifyError> {
        chain::verify(leaf, self.intermediates, &self.trust.roots, self.at, usage)
            .map(|_| ())
            .map_err(|error| VerifyError::Chain(what, error))
    }
}

fn verify_dates(statement: &Statement, outcome: &Outcome, now: Timestamp) -> Result<(), VerifyError> {
    if outcome.status.status != Status::Good {
        return Err(VerifyError::Revoked);
    }
    let (stated_at, completed_at) = (statement.stated_at, outcome.completed_at);
    let in_order =
        |earlier: Timestamp, later: Timestamp| earlier.seconds() <= later.seconds() + CLOCKS_DIFFER_SECONDS;
    if in_order(statement.opened_at, stated_at)
        && in_order(stated_at, completed_at)
        && in_order(completed_at, now)
    {
        Ok(())
    } else {
        Err(VerifyError::Date { stated_at, completed_at, now })
    }
}

fn verify_encryption_certificate(
    outcome: &Outcome,
    signing: &Certificate,
    path: &Path<'_>,
) -> Result<Option<Certificate>, VerifyError> {
    let what = "encryption certificate";
    match (&outcome.encryption_certificate, outcome.purpose) {
        (Some(der), Purpose::Encrypt) => {
            let encryption = certificate(what, der)?;
            if encryption.subject() != signing.subject() {
                return Err(VerifyError::Contradiction("encryption certificate's subject"));
            }
            path.verify(what, &encryption, Usage::Encryption)?;
            Ok(Some(encryption))
        }
        (None, Purpose::Encrypt) => Err(VerifyError::Missing(what)),
        (None, _) => Ok(None),
        (Some(_), _) => Err(VerifyError::Contradiction(what)),
    }
}

fn certificate(what: &'static str, der: &Base64) -> Result<Certificate, VerifyError> {
    Certificate::from_der(der.as_slice()).map_err(|error| VerifyError::Certificate(what, error))
}

fn verify_signature(
    certificate: &Certificate,
    bytes: &[u8],
    signature: &Base64,
    what: &'static str,
) -> Result<(), VerifyError> {
    Signature::from_der(signature.as_slice())
        .and_then(|signature| certificate.public_key().verify(bytes, &signature))
        .map_err(|_| VerifyError::Signature(what))
}
