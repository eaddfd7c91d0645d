//! Requests and replies about certificates.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::encoding::{Der, Serial};

/// A request without members.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Empty {}

/// Asks for a certificate pair.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IssueRequest {
    /// PKCS#10 request of the signing key.
    pub csr: Der,
    /// Whose certificate it becomes.
    pub holder: Holder,
    /// From when and for how long; what is absent follows the CA's rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// One of the products that the adapter describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

/// Whose certificate it becomes. `Debug` shows no personal data.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Holder {
    /// A person or an enterprise.
    pub kind: HolderKind,
    /// The person's or the enterprise's name.
    pub name: String,
    /// The person's identity code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_code: Option<String>,
    /// The enterprise a person belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The enterprise's unified social credit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unified_social_credit_code: Option<String>,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A person or an enterprise.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// 法人用户.
    Enterprise,
    /// 个人用户.
    Person,
}

/// From when and for how long.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Validity {
    /// First moment, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<u64>,
    /// Days from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A signing certificate and, where the CA has the dual regime, an encryption certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificatePair {
    /// X.509 certificate of the request's key.
    pub signing_certificate: Der,
    /// X.509 certificate of a key pair that the CA made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_certificate: Option<Der>,
    /// SM2EnvelopedKey (GB/T 35276): the encryption private key for the signing public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enveloped_key: Option<Der>,
    /// From the issuer to the root.
    pub chain: Vec<Der>,
}

/// Asks for a further pair: renew takes the present key's request, rekey another key's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RenewRequest {
    /// The present signing certificate.
    pub serial: Serial,
    /// PKCS#10 request.
    pub csr: Der,
    /// From when and for how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
}

/// Asks to revoke.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RevokeRequest {
    /// Which certificate.
    pub serial: Serial,
    /// Why.
    pub reason: RevocationReason,
    /// The pair's other certificate too.
    pub pair: bool,
}

/// Asks to suspend, or to end a suspension.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SuspendRequest {
    /// Which certificate.
    pub serial: Serial,
    /// The pair's other certificate too.
    pub pair: bool,
}

/// Names a certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificateIdentity {
    /// Which certificate.
    pub serial: Serial,
}

/// RFC 5280 section 5.3.1, without removeFromCRL and aACompromise.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// 3: the holder left the organisation.
    AffiliationChanged,
    /// 2: the CA's key.
    #[serde(rename = "cACompromise")]
    CaCompromise,
    /// 6: suspended.
    CertificateHold,
    /// 5: no longer needed.
    CessationOfOperation,
    /// 1: the holder's key.
    KeyCompromise,
    /// 9: a right was withdrawn.
    PrivilegeWithdrawn,
    /// 4: another certificate replaced it.
    Superseded,
    /// 0.
    Unspecified,
}

/// A certificate's state at the CA.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificateState {
    /// Which certificate.
    pub serial: Serial,
    /// Its state.
    pub state: State,
    /// Why it is not good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
    /// Since when, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at_ms: Option<u64>,
}

/// What a certificate can be, apart from expired, which it says itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Issued and not revoked.
    Good,
    /// Suspended.
    Held,
    /// For good.
    Revoked,
    /// The CA did not issue it.
    Unknown,
}

/// The states after a change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct States {
    /// Each certificate the change was about.
    pub certificates: Vec<CertificateState>,
}

/// A revocation list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Crl {
    /// CertificateList.
    pub crl: Der,
    /// cRLNumber in hexadecimal.
    pub number: String,
    /// thisUpdate, milliseconds since 1970.
    pub this_update_ms: u64,
    /// nextUpdate, milliseconds since 1970.
    pub next_update_ms: u64,
    /// A delta list that can be put to `crl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Der>,
}

/// An OCSP or timestamp request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DerRequest {
    /// OCSPRequest or TimeStampReq.
    pub request: Der,
}

/// An OCSP or timestamp response.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DerResponse {
    /// OCSPResponse or TimeStampResp.
    pub response: Der,
}

/// Asks for an escrowed encryption key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecoverKeyRequest {
    /// The encryption certificate.
    pub serial: Serial,
    /// PKCS#10 request of the signing key that the encryption key is enveloped for.
    pub csr: Der,
}

/// An escrowed encryption key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecoveredKey {
    /// Its certificate.
    pub encryption_certificate: Der,
    /// SM2EnvelopedKey for the request's key.
    pub enveloped_key: Der,
}

/// The CA's own certificates.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CaCertificates {
    /// Roots last.
    pub certificates: Vec<Der>,
}
