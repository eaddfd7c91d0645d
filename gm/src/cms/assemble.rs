//! Putting a signature, made elsewhere, into a message.

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Any, Decode, Encode};

use super::set::SetOf;
use super::signed_attributes::Attribute;
use super::signed_data::{EncapsulatedContentInfo, SignedContentInfo, SignedDataBody};
use super::signer_info::SignerInfo;
use super::{Arc, ContentKind, Error, IssuerAndSerialNumber, PartyId, SignedAttributes, arc};
use crate::sm2::Signature;
use crate::sm3;
use crate::x509::Certificate;

/// An attribute added beside the signature, which doesn't cover it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnsignedAttribute {
    /// The attribute's type, such as [`TIME_STAMP_TOKEN`](crate::oid::TIME_STAMP_TOKEN).
    pub kind: ObjectIdentifier,
    /// DER of its only value.
    pub value: Vec<u8>,
}

/// A SignedData of one signer whose content stays outside.
///
/// `signed_attributes` are the bytes that were signed ([`SignedAttributes::build`]); `others` are
/// the issuers' certificates that a verifier may lack. The signature is put in as it is: verify the
/// result before handing it on.
///
/// # Errors
/// What [`SignedAttributes::parse`] says of the attributes, [`Error::ArcMismatch`] if they belong to
/// the other arc, [`Error::Asn1`] if something is too long for DER.
pub fn assemble_detached(
    arc: Arc,
    signed_attributes: &[u8],
    signature: &Signature,
    signer: &Certificate,
    others: &[Certificate],
) -> Result<Vec<u8>, Error> {
    assemble(arc, None, signed_attributes, signature, signer, others, &[])
}

/// As [`assemble_detached`], with unsigned attributes, such as a timestamp over the signature value.
///
/// # Errors
/// As [`assemble_detached`]; [`Error::Asn1`] also for an attribute's value that isn't DER.
pub fn assemble_detached_with_unsigned(
    arc: Arc,
    signed_attributes: &[u8],
    signature: &Signature,
    signer: &Certificate,
    others: &[Certificate],
    unsigned: &[UnsignedAttribute],
) -> Result<Vec<u8>, Error> {
    assemble(arc, None, signed_attributes, signature, signer, others, unsigned)
}

/// As [`assemble_detached`], with the content inside.
///
/// # Errors
/// As [`assemble_detached`]; [`Error::Malformed`] if the attributes hold another content's digest.
pub fn assemble_attached(
    arc: Arc,
    content: &[u8],
    signed_attributes: &[u8],
    signature: &Signature,
    signer: &Certificate,
    others: &[Certificate],
) -> Result<Vec<u8>, Error> {
    if SignedAttributes::parse(signed_attributes)?.content_digest != sm3::digest(content) {
        return Err(Error::Malformed {
            what: "SignedAttributes",
            reason: "messageDigest is not the digest of the content",
        });
    }
    assemble(arc, Some(content), signed_attributes, signature, signer, others, &[])
}

fn assemble(
    arc: Arc,
    content: Option<&[u8]>,
    signed_attributes: &[u8],
    signature: &Signature,
    signer: &Certificate,
    others: &[Certificate],
    unsigned: &[UnsignedAttribute],
) -> Result<Vec<u8>, Error> {
    if SignedAttributes::parse(signed_attributes)?.arc != arc {
        return Err(Error::ArcMismatch);
    }
    let signer_info = SignerInfo {
        version: 1,
        signer: PartyId::IssuerAndSerialNumber(IssuerAndSerialNumber::of(signer)?),
        digest_algorithm: arc::sm3(),
        signed_attributes: Some(SetOf::<Attribute>::from_der(signed_attributes)?),
        signature_algorithm: arc.signature_algorithm(),
        signature: OctetString::new(signature.to_der()?)?,
        unsigned_attributes: unsigned_attributes(unsigned)?,
    };
    let mut certificates = Vec::with_capacity(1 + others.len());
    for certificate in std::iter::once(signer).chain(others) {
        let certificate = Any::from_der(certificate.der())?;
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
    }
    let message = SignedContentInfo {
        content_type: arc.content_type(ContentKind::SignedData),
        content: SignedDataBody {
            version: 1,
            digest_algorithms: SetOf::sorted(vec![arc::sm3()])?,
            content_info: EncapsulatedContentInfo {
                content_type: arc.content_type(ContentKind::Data),
                content: content.map(OctetString::new).transpose()?,
            },
            certificates: Some(SetOf::sorted(certificates)?),
            crls: None,
            signer_infos: SetOf::sorted(vec![signer_info])?,
        },
    };
    Ok(message.to_der()?)
}

fn unsigned_attributes(unsigned: &[UnsignedAttribute]) -> Result<Option<SetOf<Attribute>>, Error> {
    if unsigned.is_empty() {
        return Ok(None);
    }
    let attributes = unsigned
        .iter()
        .map(|attribute| {
            let value = Any::from_der(&attribute.value)?;
            Ok(Attribute { kind: attribute.kind, values: SetOf::sorted(vec![value])? })
        })
        .collect::<der::Result<Vec<_>>>()?;
    Ok(Some(SetOf::sorted(attributes)?))
}
