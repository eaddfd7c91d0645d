//! What a CA answers.

use der::asn1::{Any, OctetString};
use der::{Decode, Sequence, Tag, Tagged};

use super::PkiStatusInfo;
use super::request::CertId;

/// ```text
/// CertRepMessage ::= SEQUENCE {                           -- RFC 9810, 5.3.4
///   caPubs    [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL,
///   response      SEQUENCE OF CertResponse }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertRepMessage {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) ca_pubs: Option<Vec<Any>>,
    pub(crate) response: Vec<CertResponse>,
}

/// ```text
/// CertResponse ::= SEQUENCE {
///   certReqId         INTEGER,
///   status            PKIStatusInfo,
///   certifiedKeyPair  CertifiedKeyPair OPTIONAL,
///   rspInfo           OCTET STRING OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertResponse {
    pub(crate) cert_req_id: i64,
    pub(crate) status: PkiStatusInfo,
    pub(crate) certified_key_pair: Option<CertifiedKeyPair>,
    pub(crate) rsp_info: Option<OctetString>,
}

/// ```text
/// CertifiedKeyPair ::= SEQUENCE {
///   certOrEncCert        CertOrEncCert,
///   privateKey       [0] EncryptedKey        OPTIONAL,
///   publicationInfo  [1] PKIPublicationInfo  OPTIONAL }
/// CertOrEncCert ::= CHOICE { certificate [0] CMPCertificate, encryptedCert [1] EncryptedKey }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct CertifiedKeyPair {
    cert_or_enc_cert: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) private_key: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) publication_info: Option<Any>,
}

/// Which of the two choices.
pub(crate) enum CertOrEncCert {
    /// A certificate's DER.
    Certificate(Vec<u8>),
    /// A certificate that only the holder of the private key can read.
    Encrypted,
}

impl CertifiedKeyPair {
    /// The certificate, or that there is none to be read.
    pub(crate) fn certificate(&self) -> der::Result<CertOrEncCert> {
        match self.cert_or_enc_cert.tag() {
            Tag::ContextSpecific { constructed: true, number } if number.value() == 0 => {
                // Exactly one value inside.
                Any::from_der(self.cert_or_enc_cert.value())?;
                Ok(CertOrEncCert::Certificate(self.cert_or_enc_cert.value().to_vec()))
            }
            Tag::ContextSpecific { constructed: true, number } if number.value() == 1 => {
                Ok(CertOrEncCert::Encrypted)
            }
            other => Err(other.unexpected_error(None).into()),
        }
    }
}

/// ```text
/// RevRepContent ::= SEQUENCE {                            -- RFC 9810, 5.3.10
///   status        SEQUENCE SIZE (1..MAX) OF PKIStatusInfo,
///   revCerts  [0] SEQUENCE SIZE (1..MAX) OF CertId OPTIONAL,
///   crls      [1] SEQUENCE SIZE (1..MAX) OF CertificateList OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct RevRepContent {
    pub(crate) status: Vec<PkiStatusInfo>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) rev_certs: Option<Vec<CertId>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) crls: Option<Vec<Any>>,
}

/// ```text
/// PollRepContent ::= SEQUENCE OF SEQUENCE {               -- RFC 9810, 5.3.22
///   certReqId   INTEGER,
///   checkAfter  INTEGER,                                  -- seconds
///   reason      PKIFreeText OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct PollRep {
    pub(crate) cert_req_id: i64,
    pub(crate) check_after: i64,
    pub(crate) reason: Option<Vec<String>>,
}

/// ```text
/// ErrorMsgContent ::= SEQUENCE {                          -- RFC 9810, 5.3.21
///   pKIStatusInfo  PKIStatusInfo,
///   errorCode      INTEGER OPTIONAL,
///   errorDetails   PKIFreeText OPTIONAL }
/// ```
#[derive(Clone, Debug, Sequence)]
pub(crate) struct ErrorMsgContent {
    pub(crate) pki_status_info: PkiStatusInfo,
    pub(crate) error_code: Option<i64>,
    pub(crate) error_details: Option<Vec<String>>,
}
