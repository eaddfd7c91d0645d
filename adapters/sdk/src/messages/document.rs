//! Which document belongs to which operation.

use std::fmt;

use serde::{Deserialize, Serialize};
use yinqiao_ca_abi::{capability, operation};

use super::certificate::{
    CaCertificates, CertificateIdentity, CertificatePair, CertificateState, Crl, DerRequest, DerResponse,
    Empty, IssueRequest, RecoverKeyRequest, RecoveredKey, RenewRequest, RevokeRequest, States,
    SuspendRequest,
};
use super::seal::{IssuedSeal, SealIdentity, SealIssueRequest, SealRevokeRequest, SealStatus};

/// Declares the operations once: name, number, text, request's and reply's type.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $number:ident, $text:literal, $request:ty => $reply:ident($reply_type:ty);)*) => {
        /// What can be submitted.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The header's number.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$name => operation::$number,)* }
            }

            /// The operation with the header's number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $(operation::$number => Some(Self::$name),)* _ => None }
            }

            /// Its name in logs and errors.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        /// An operation with its request.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
        }

        impl Request {
            /// Reads the request document of `operation`.
            ///
            /// # Errors
            /// When it is not that document.
            pub fn parse(operation: Operation, document: &[u8]) -> Result<Self, DocumentError> {
                match operation {
                    $(Operation::$name => read(operation, "request", document).map(Self::$name),)*
                }
            }

            /// Which operation.
            #[must_use]
            pub const fn operation(&self) -> Operation {
                match self { $(Self::$name(_) => Operation::$name,)* }
            }

            /// The request document.
            ///
            /// # Errors
            /// When it cannot be written.
            pub fn to_json(&self) -> Result<Vec<u8>, DocumentError> {
                match self { $(Self::$name(request) => write(self.operation(), "request", request),)* }
            }
        }

        impl Reply {
            /// Reads the reply document of `operation`.
            ///
            /// # Errors
            /// When it is not that document.
            pub fn parse(operation: Operation, document: &[u8]) -> Result<Self, DocumentError> {
                match operation {
                    $(Operation::$name => read::<$reply_type>(operation, "reply", document).map(Self::$reply),)*
                }
            }
        }
    };
}

operations! {
    /// A certificate pair for a new key.
    Issue = CA_OP_ISSUE, "issue", IssueRequest => Pair(CertificatePair);
    /// A further pair for the same keys.
    Renew = CA_OP_RENEW, "renew", RenewRequest => Pair(CertificatePair);
    /// A pair for new keys of the same subject.
    Rekey = CA_OP_REKEY, "rekey", RenewRequest => Pair(CertificatePair);
    /// Revocation with a reason.
    Revoke = CA_OP_REVOKE, "revoke", RevokeRequest => States(States);
    /// Suspension.
    Hold = CA_OP_HOLD, "hold", SuspendRequest => States(States);
    /// End of a suspension.
    Unhold = CA_OP_UNHOLD, "unhold", SuspendRequest => States(States);
    /// A certificate's state.
    Status = CA_OP_STATUS, "status", CertificateIdentity => State(CertificateState);
    /// The current revocation list.
    Crl = CA_OP_CRL, "crl", Empty => Crl(Crl);
    /// An OCSP answer.
    Ocsp = CA_OP_OCSP, "ocsp", DerRequest => Response(DerResponse);
    /// The escrowed encryption key for another signing key.
    RecoverKey = CA_OP_RECOVER_KEY, "recover key", RecoverKeyRequest => RecoveredKey(RecoveredKey);
    /// An electronic seal.
    SealIssue = CA_OP_SEAL_ISSUE, "issue seal", SealIssueRequest => Seal(IssuedSeal);
    /// A seal's state.
    SealStatus = CA_OP_SEAL_STATUS, "seal status", SealIdentity => SealState(SealStatus);
    /// Revocation of a seal.
    SealRevoke = CA_OP_SEAL_REVOKE, "revoke seal", SealRevokeRequest => SealState(SealStatus);
    /// A timestamp.
    Timestamp = CA_OP_TIMESTAMP, "timestamp", DerRequest => Response(DerResponse);
    /// The CA's own certificates.
    CaCertificates = CA_OP_CA_CERTIFICATES, "CA certificates", Empty => CaCertificates(CaCertificates);
}

impl Operation {
    /// Whether the CA is another one afterwards: then a lost reply is an unknown outcome.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Self::Status | Self::Crl | Self::Ocsp | Self::SealStatus | Self::Timestamp | Self::CaCertificates
        )
    }

    /// Its capability bit.
    #[must_use]
    pub const fn capability(self) -> u64 {
        capability::can(self.number())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Operation> for u32 {
    fn from(operation: Operation) -> Self {
        operation.number()
    }
}

impl TryFrom<u32> for Operation {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        Self::from_number(number).ok_or_else(|| format!("no operation has the number {number}"))
    }
}

/// A reply. Several operations share one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To CA certificates.
    CaCertificates(CaCertificates),
    /// To crl.
    Crl(Crl),
    /// To issue, renew and rekey.
    Pair(CertificatePair),
    /// To recover key.
    RecoveredKey(RecoveredKey),
    /// To ocsp and timestamp.
    Response(DerResponse),
    /// To issue seal.
    Seal(IssuedSeal),
    /// To seal status and revoke seal.
    SealState(SealStatus),
    /// To status.
    State(CertificateState),
    /// To revoke, hold and unhold.
    States(States),
}

/// A document is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the {part} of {operation} is not valid: {reason}")]
pub struct DocumentError {
    operation: Operation,
    part: &'static str,
    reason: String,
}

fn read<T: for<'de> Deserialize<'de>>(
    operation: Operation,
    part: &'static str,
    document: &[u8],
) -> Result<T, DocumentError> {
    let wrong = |reason: String| DocumentError { operation, part, reason };
    // Left to itself, serde takes an array for an object.
    if !document.trim_ascii_start().starts_with(b"{") {
        return Err(wrong("it is no JSON object".to_owned()));
    }
    serde_json::from_slice(document).map_err(|error| wrong(without_values(&error)))
}

/// What is wrong, without the values that the parser quotes: they may be personal data.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    if text.starts_with("missing field") {
        return text;
    }
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("a member at {place} has a value that does not fit it")
        }
        _ => format!("it is no JSON at {place}"),
    }
}

fn write<T: Serialize>(
    operation: Operation,
    part: &'static str,
    document: &T,
) -> Result<Vec<u8>, DocumentError> {
    serde_json::to_vec(document).map_err(|error| DocumentError { operation, part, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Der, Holder, HolderKind};

    #[test]
    fn every_operation_has_its_own_number_and_bit() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_number(operation.number()), Some(*operation));
            assert_eq!(operation.capability().count_ones(), 1);
        }
        assert_eq!(Operation::from_number(0), None);
        assert_eq!(Operation::ALL.len(), 15);
    }

    #[test]
    fn an_issue_request_reads_as_the_header_writes_it() {
        let document =
            br#"{"csr": "MAA=", "holder": {"kind": "person", "name": "Zhang San", "identity_code": "1"},
            "validity": {"days": 365}, "of_a_later_version": [1]}"#;
        let Request::Issue(request) = Request::parse(Operation::Issue, document).unwrap() else { panic!() };
        assert_eq!(request.csr, Der(vec![0x30, 0]));
        assert_eq!(request.holder.kind, HolderKind::Person);
        assert_eq!(request.validity.unwrap().days, Some(365));
    }

    #[test]
    fn a_document_without_a_required_member_is_refused_by_name() {
        let error = Request::parse(Operation::Revoke, br#"{"serial": "01"}"#).unwrap_err().to_string();
        assert!(error.contains("request of revoke") && error.contains("reason"), "{error}");
    }

    #[test]
    fn a_holders_personal_data_is_not_shown_by_debug() {
        let holder = Holder {
            kind: HolderKind::Person,
            name: "Zhang San".into(),
            identity_code: Some("110101199003074477".into()),
            organization: None,
            unified_social_credit_code: None,
        };
        let shown = format!("{holder:?}");
        assert!(!shown.contains("Zhang") && !shown.contains("1101"), "{shown}");
    }

    #[test]
    fn an_error_does_not_quote_the_value_that_does_not_fit() {
        let request = br#"{"csr":"AAAA","holder":{"kind":"person","name":["110101199003077774"]}}"#;
        let error = Request::parse(Operation::Issue, request).unwrap_err().to_string();
        assert!(!error.contains("110101199003077774"), "{error}");
        assert!(error.contains("line 1, column"), "{error}");
        let missing = Request::parse(Operation::Issue, b"{}").unwrap_err().to_string();
        assert!(missing.contains("missing field `csr`"), "{missing}");
    }

    #[test]
    fn an_array_is_no_request() {
        for document in ["[]", " [\"AAAA\"]", "null", ""] {
            assert!(Request::parse(Operation::Crl, document.as_bytes()).is_err(), "{document}");
        }
    }
}
