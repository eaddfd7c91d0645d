//! What the files hold.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, RevocationReason, Serial};
use yinqiao_protocol::consent::Consent;

use crate::vault::SealedKey;

/// `operations/SM3(idempotency key).json`: what was done under a key.
#[derive(Deserialize, Serialize)]
pub(crate) struct OperationRecord {
    pub(crate) idempotency_key: IdempotencyKey,
    pub(crate) operation: Operation,
    /// SM3 of the request document, in hexadecimal.
    pub(crate) request_digest: String,
    /// The request of a change of state that was begun and is not known to be done.
    pub(crate) begun: Option<Box<RawValue>>,
    /// None: begun.
    pub(crate) reply: Option<Box<RawValue>>,
    /// The serial numbers or the seal id that were handed out with the reply. Others that name this operation are of an
    /// attempt that was killed before it was committed, and were never handed out.
    pub(crate) made: Vec<String>,
    /// The encryption private key of a pair, under the name [`escrow_name`].
    pub(crate) escrow: Option<SealedKey>,
    pub(crate) at_ms: u64,
    /// The profile that certificates were issued under. None in records of the version before: the profile `pair`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) product: Option<String>,
    /// What became of the review; None where none was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<ReviewOutcome>,
}

/// What became of a review.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum ReviewOutcome {
    /// `reviews/TOKEN.json` says what waits for operators.
    Pending,
    /// It was done, with the consents that it was done for.
    Approved { consents: Vec<Consent> },
    /// It was not done and never will be: what every later call is told.
    Ended { text: String, at_ms: u64 },
}

/// `reviews/TOKEN.json`: what operators are to decide. It is written before the operation's record: unless that record
/// says pending, nothing waits. The token is the operation's file name.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ReviewRecord {
    pub(crate) idempotency_key: IdempotencyKey,
    pub(crate) operation: Operation,
    /// The request document, whose SM3 the operators sign.
    pub(crate) request: Box<RawValue>,
    pub(crate) submitted_at_ms: u64,
    pub(crate) expires_at_ms: u64,
}

/// `decisions/TOKEN-OPERATOR.json`: what one operator decided, as the command line wrote it. It counts by its signature.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct DecisionRecord {
    /// The signature over the text of consent, or of rejection.
    pub(crate) consent: Consent,
    /// Why not; None: consent.
    pub(crate) rejection: Option<String>,
    pub(crate) at_ms: u64,
}

/// The name that an escrowed key is sealed under.
pub(crate) fn escrow_name(encryption_serial: &Serial) -> String {
    format!("escrow/{encryption_serial}")
}

/// `certificates/SERIAL.json`. It is written before the operation's record: unless that record names it, the certificate
/// was never handed out and counts as unknown.
#[derive(Deserialize, Serialize)]
pub(crate) struct CertificateRecord {
    /// The file name of the operation.
    pub(crate) operation: String,
    pub(crate) role: Role,
    /// The pair's other certificate, where there is one.
    pub(crate) partner: Option<Serial>,
}

/// Which of a pair.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Encryption,
    Signing,
}

/// `revocations/SERIAL.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RevocationRecord {
    pub(crate) reason: RevocationReason,
    pub(crate) at_ms: u64,
}

/// `crl.json`.
#[derive(Deserialize, Serialize)]
pub(crate) struct CrlRecord {
    pub(crate) number: u64,
    pub(crate) crl: Der,
    pub(crate) this_update_ms: u64,
    pub(crate) next_update_ms: u64,
    /// SM3 over the entries, in hexadecimal: tells whether another list is due.
    pub(crate) entries_digest: String,
    /// Where delta lists are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<DeltaRecord>,
}

/// A delta list of the same number, and what it is a delta to.
#[derive(Deserialize, Serialize)]
pub(crate) struct DeltaRecord {
    pub(crate) crl: Der,
    pub(crate) next_update_ms: u64,
    /// The complete list that it is a delta to.
    pub(crate) base: Der,
    /// Certificates on any complete list since then, the base not among them.
    pub(crate) listed_since: BTreeSet<String>,
}

/// `seals/ID.json`, written before the operation's record, as a certificate's.
#[derive(Deserialize, Serialize)]
pub(crate) struct SealRecord {
    pub(crate) operation: String,
    pub(crate) valid_until_ms: u64,
}

/// `seal-revocations/ID.json`.
#[derive(Deserialize, Serialize)]
pub(crate) struct SealRevocationRecord {
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
}
