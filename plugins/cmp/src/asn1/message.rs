//! `PKIMessage`: header, body, protection, certificates.

use der::asn1::{Any, AnyRef, BitString, BitStringRef, GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use spki::AlgorithmIdentifierOwned;

use super::{Body, InfoTypeAndValue, explicit, sequence};

/// ```text
/// PKIHeader ::= SEQUENCE {                                -- RFC 9810, 5.1.1
///   pvno               INTEGER { cmp1999(1), cmp2000(2), cmp2021(3) },
///   sender             GeneralName,
///   recipient          GeneralName,
///   messageTime    [0] GeneralizedTime      OPTIONAL,
///   protectionAlg  [1] AlgorithmIdentifier  OPTIONAL,
///   senderKID      [2] KeyIdentifier        OPTIONAL,
///   recipKID       [3] KeyIdentifier        OPTIONAL,
///   transactionID  [4] OCTET STRING         OPTIONAL,
///   senderNonce    [5] OCTET STRING         OPTIONAL,
///   recipNonce     [6] OCTET STRING         OPTIONAL,
///   freeText       [7] PKIFreeText          OPTIONAL,
///   generalInfo    [8] SEQUENCE SIZE (1..MAX) OF InfoTypeAndValue OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(crate) struct PkiHeader {
    pub(crate) pvno: u8,
    pub(crate) sender: Any,
    pub(crate) recipient: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) message_time: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) protection_alg: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) sender_kid: Option<OctetString>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) recip_kid: Option<OctetString>,
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) transaction_id: Option<OctetString>,
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) sender_nonce: Option<OctetString>,
    #[asn1(context_specific = "6", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) recip_nonce: Option<OctetString>,
    #[asn1(context_specific = "7", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) free_text: Option<Vec<String>>,
    #[asn1(context_specific = "8", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) general_info: Option<Vec<InfoTypeAndValue>>,
}

/// A message that is to be sent: its two protected parts in DER.
pub(crate) struct SentMessage {
    header: Vec<u8>,
    body: Vec<u8>,
}

impl SentMessage {
    pub(crate) fn new(header: &PkiHeader, body: &Body) -> der::Result<Self> {
        Ok(Self { header: header.to_der()?, body: body.to_der()? })
    }

    /// What is protected: `ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }`.
    pub(crate) fn protected_part(&self) -> der::Result<Vec<u8>> {
        sequence(&[&self.header, &self.body])
    }

    /// The DER of the whole message.
    pub(crate) fn finish(&self, protection: &[u8], extra_certificates: &[&[u8]]) -> der::Result<Vec<u8>> {
        let protection = explicit(0, &BitString::from_bytes(protection)?.to_der()?)?;
        let certificates = match extra_certificates {
            [] => Vec::new(),
            certificates => explicit(1, &sequence(certificates)?)?,
        };
        sequence(&[&self.header, &self.body, &protection, &certificates])
    }
}

/// ```text
/// PKIMessage ::= SEQUENCE {                               -- RFC 9810, 5.1
///   header          PKIHeader,
///   body            PKIBody,
///   protection  [0] PKIProtection OPTIONAL,               -- BIT STRING
///   extraCerts  [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL }
/// ```
#[derive(Sequence)]
struct PkiMessage<'a> {
    header: AnyRef<'a>,
    body: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    protection: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extra_certs: Option<Vec<Any>>,
}

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct ReceivedMessage {
    pub(crate) header: PkiHeader,
    pub(crate) body: Body,
    /// None: it is not protected.
    pub(crate) protection: Option<Vec<u8>>,
    pub(crate) extra_certificates: Vec<Vec<u8>>,
    protected_part: Vec<u8>,
}

impl ReceivedMessage {
    /// Reads one message and nothing after it.
    pub(crate) fn from_der(der: &[u8]) -> der::Result<Self> {
        let message = PkiMessage::from_der(der)?;
        let (header, body) = (message.header.to_der()?, message.body.to_der()?);
        let certificates = message.extra_certs.unwrap_or_default();
        Ok(Self {
            header: PkiHeader::from_der(&header)?,
            body: Body::from_any(message.body)?,
            // Signatures and MACs fill whole octets; other bits make a protection that never verifies.
            protection: message.protection.map(|bits| bits.as_bytes().unwrap_or_default().to_vec()),
            extra_certificates: certificates.iter().map(Encode::to_der).collect::<der::Result<_>>()?,
            protected_part: sequence(&[&header, &body])?,
        })
    }

    /// What is protected, octet for octet as received.
    pub(crate) fn protected_part(&self) -> &[u8] {
        &self.protected_part
    }
}

/// `GeneralName` of the choice `directoryName [4] Name`, from a name's DER.
pub(crate) fn directory_name(name: &[u8]) -> der::Result<Any> {
    Any::from_der(&explicit(4, name)?)
}

/// The name's DER, when a `GeneralName` is a directoryName.
pub(crate) fn name_of(general_name: &Any) -> Option<&[u8]> {
    match general_name.tag() {
        Tag::ContextSpecific { constructed: true, number } if number.value() == 4 => {
            Some(general_name.value())
        }
        _ => None,
    }
}
