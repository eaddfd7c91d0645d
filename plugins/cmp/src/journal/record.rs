//! What the journal's files hold. Holders appear as digests only.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use yinqiao_ca_sdk::messages::{
    Der, ErrorClass, IdempotencyKey, RevocationReason, Serial, State as CertificateState,
};
use yinqiao_ca_sdk::{AdapterError, Operation};

/// `transactions/NAME/record.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct TransactionRecord {
    pub(crate) idempotency_key: IdempotencyKey,
    pub(crate) operation: Operation,
    /// SM3 of the request document, in hexadecimal.
    pub(crate) request_digest: String,
    pub(crate) begun_at_ms: u64,
    pub(crate) subject: Subject,
    pub(crate) state: State,
}

/// What the transaction is about.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    Enrolment(Enrolment),
    Revocation(Revocation),
}

/// What a certificate must be to be the one that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Enrolment {
    /// SubjectPublicKeyInfo.
    pub(crate) public_key: Der,
    /// SM3 of the name that the subject must hold, in hexadecimal; None: any.
    pub(crate) holder: Option<String>,
    /// The body that answers: ip, cp or kup.
    pub(crate) answer: u32,
}

/// Which certificate gets which state.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Revocation {
    pub(crate) serial: Serial,
    /// The issuer's Name.
    pub(crate) issuer: Der,
    pub(crate) state: CertificateState,
    pub(crate) reason: Option<RevocationReason>,
}

/// How far it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// For certain, the CA knows nothing of it.
    Begun,
    /// The CA may know of it.
    Sent { transaction: Transaction },
    /// The CA wants to be asked again.
    Waiting {
        transaction: Transaction,
        /// What pollReq names.
        cert_req_id: i64,
        next_poll_ms: u64,
        /// An answer to a pollReq was lost: it may have been the certificate.
        answer_lost: bool,
    },
    /// The certificate is here and good; the CA does not know that yet.
    Granted { transaction: Transaction, cert_req_id: i64, certificate: Der, chain: Vec<Der> },
    /// The certificate is not the one that was asked for; the CA has not acknowledged that.
    Refused { transaction: Transaction, cert_req_id: i64, certificate: Der, implicit: bool, reason: String },
    /// The CA has said no, for good.
    Rejected { rejection: Rejection },
    /// The reply was or can be given.
    Done { reply: Box<RawValue> },
}

/// What the messages of one transaction have in common.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Transaction {
    /// transactionID, 16 octets in hexadecimal.
    pub(crate) id: String,
    /// The senderNonce of the CA's last message, in hexadecimal: the next message's recipNonce.
    pub(crate) peer_nonce: Option<String>,
}

/// A CA's final no.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Rejection {
    pub(crate) vendor_code: Option<String>,
    pub(crate) text: String,
}

impl From<Rejection> for AdapterError {
    fn from(rejection: Rejection) -> Self {
        Self {
            class: ErrorClass::Permanent,
            vendor_code: rejection.vendor_code,
            text: rejection.text,
            retry_after_ms: None,
        }
    }
}

/// `certificates/SERIAL.json`. It is written before its transaction is done, and counts when that is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Issued {
    /// The name of the transaction that issued it.
    pub(crate) transaction: String,
    pub(crate) certificate: Der,
    /// As [`Enrolment::holder`].
    pub(crate) holder: Option<String>,
    /// The last state that the CA confirmed.
    pub(crate) state: CertificateState,
    pub(crate) reason: Option<RevocationReason>,
    pub(crate) changed_at_ms: Option<u64>,
}
