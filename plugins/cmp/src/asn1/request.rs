//! What a client asks for.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString, Uint};
use der::{Decode, Encode, Sequence};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use super::{PkiStatusInfo, directory_name, oid};

/// ```text
/// CertReqMsg ::= SEQUENCE {                               -- RFC 4211, 3
///   certReq  CertRequest,
///   popo     ProofOfPossession OPTIONAL,
///   regInfo  SEQUENCE SIZE (1..MAX) OF AttributeTypeAndValue OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertReqMsg {
    pub(crate) cert_req: CertRequest,
    pub(crate) popo: Option<Any>,
}

/// `ProofOfPossession` of the choice `raVerified [0] NULL`, implicitly tagged: whoever protects this message has checked
/// that the requester has the private key.
pub(crate) fn ra_verified() -> der::Result<Any> {
    Any::from_der(&[0x80, 0])
}

/// ```text
/// CertRequest ::= SEQUENCE {                              -- RFC 4211, 5
///   certReqId     INTEGER,
///   certTemplate  CertTemplate,
///   controls      Controls OPTIONAL }
/// Controls ::= SEQUENCE SIZE (1..MAX) OF AttributeTypeAndValue
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertRequest {
    pub(crate) cert_req_id: i64,
    pub(crate) cert_template: CertTemplate,
    pub(crate) controls: Option<Vec<AttributeTypeAndValue>>,
}

/// ```text
/// CertTemplate ::= SEQUENCE {                             -- RFC 4211, 5, implicit tags
///   version       [0] Version              OPTIONAL,
///   serialNumber  [1] INTEGER              OPTIONAL,
///   signingAlg    [2] AlgorithmIdentifier  OPTIONAL,
///   issuer        [3] Name                 OPTIONAL,      -- explicit: Name is a CHOICE
///   validity      [4] OptionalValidity     OPTIONAL,
///   subject       [5] Name                 OPTIONAL,      -- explicit
///   publicKey     [6] SubjectPublicKeyInfo OPTIONAL,
///   issuerUID     [7] UniqueIdentifier     OPTIONAL,
///   subjectUID    [8] UniqueIdentifier     OPTIONAL,
///   extensions    [9] Extensions           OPTIONAL }
/// ```
#[derive(Clone, Debug, Default, Sequence)]
pub(crate) struct CertTemplate {
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) serial_number: Option<Uint>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) issuer: Option<Any>,
    #[asn1(context_specific = "4", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) validity: Option<OptionalValidity>,
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) subject: Option<Any>,
    #[asn1(context_specific = "6", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) public_key: Option<SubjectPublicKeyInfoOwned>,
    #[asn1(context_specific = "9", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) extensions: Option<Vec<Extension>>,
}

/// ```text
/// OptionalValidity ::= SEQUENCE {                         -- RFC 4211, 5
///   notBefore  [0] Time OPTIONAL,                         -- explicit: Time is a CHOICE
///   notAfter   [1] Time OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct OptionalValidity {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) not_before: Option<Time>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) not_after: Option<Time>,
}

/// ```text
/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct AttributeTypeAndValue {
    kind: ObjectIdentifier,
    value: Any,
}

impl AttributeTypeAndValue {
    /// The control oldCertID (RFC 4211, 6.5), which says what a kur is to replace.
    pub(crate) fn old_cert_id(old: &CertId) -> der::Result<Self> {
        Ok(Self { kind: oid::OLD_CERT_ID, value: Any::from_der(&old.to_der()?)? })
    }
}

/// ```text
/// CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER }                      -- RFC 4211, 6.5
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertId {
    pub(crate) issuer: Any,
    pub(crate) serial_number: Uint,
}

impl CertId {
    /// From the issuer's name in DER and the serial number's octets.
    pub(crate) fn new(issuer: &[u8], serial: &[u8]) -> der::Result<Self> {
        Ok(Self { issuer: directory_name(issuer)?, serial_number: Uint::new(serial)? })
    }
}

/// ```text
/// RevDetails ::= SEQUENCE {                               -- RFC 9810, 5.3.9
///   certDetails      CertTemplate,
///   crlEntryDetails  Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct RevDetails {
    pub(crate) cert_details: CertTemplate,
    pub(crate) crl_entry_details: Option<Vec<Extension>>,
}

/// ```text
/// CertStatus ::= SEQUENCE {                               -- RFC 9810, 5.3.18
///   certHash    OCTET STRING,
///   certReqId   INTEGER,
///   statusInfo  PKIStatusInfo OPTIONAL,
///   hashAlg [0] AlgorithmIdentifier OPTIONAL }            -- needs pvno 3; never sent
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertStatus {
    pub(crate) cert_hash: OctetString,
    pub(crate) cert_req_id: i64,
    pub(crate) status_info: Option<PkiStatusInfo>,
}

/// ```text
/// PollReqContent ::= SEQUENCE OF SEQUENCE { certReqId INTEGER }                         -- RFC 9810, 5.3.22
/// ```
#[derive(Clone, Copy, Debug, Sequence)]
pub(crate) struct PollReq {
    pub(crate) cert_req_id: i64,
}

#[cfg(test)]
mod tests {
    use super::super::explicit;
    use super::*;

    #[test]
    fn a_template_has_implicit_tags_but_explicit_names() {
        let template = CertTemplate {
            serial_number: Some(Uint::new(&[5]).unwrap()),
            subject: Some(Any::from_der(&[0x30, 0]).unwrap()),
            ..CertTemplate::default()
        };
        assert_eq!(template.to_der().unwrap(), [0x30, 7, 0x81, 1, 5, 0xa5, 2, 0x30, 0]);
        assert_eq!(ra_verified().unwrap().to_der().unwrap(), [0x80, 0]);
        assert_eq!(explicit(4, &[0x30, 0]).unwrap(), [0xa4, 2, 0x30, 0]);
    }
}
