//! The two arcs of object identifiers, and which algorithm identifiers are taken in them.

use const_oid::ObjectIdentifier;
use der::Any;
use der::asn1::OctetString;
use spki::AlgorithmIdentifierOwned;

use super::Error;
use crate::oid;

/// Which standard's object identifiers a message carries.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Arc {
    /// GM/T 0010-2012 (GB/T 35275-2017): 1.2.156.10197.6.1.4.2.
    Gmt0010,
    /// RFC 5652 (PKCS #7): 1.2.840.113549.1.7.
    Rfc5652,
}

/// The content types this module reads and writes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ContentKind {
    /// Plain octets.
    Data,
    /// A [`super::SignedData`].
    SignedData,
    /// A [`super::EnvelopedData`].
    EnvelopedData,
}

impl Arc {
    /// The object identifier of `kind` in this arc.
    #[must_use]
    pub const fn content_type(self, kind: ContentKind) -> ObjectIdentifier {
        match (self, kind) {
            (Self::Gmt0010, ContentKind::Data) => oid::GMT_DATA,
            (Self::Gmt0010, ContentKind::SignedData) => oid::GMT_SIGNED_DATA,
            (Self::Gmt0010, ContentKind::EnvelopedData) => oid::GMT_ENVELOPED_DATA,
            (Self::Rfc5652, ContentKind::Data) => oid::CMS_DATA,
            (Self::Rfc5652, ContentKind::SignedData) => oid::CMS_SIGNED_DATA,
            (Self::Rfc5652, ContentKind::EnvelopedData) => oid::CMS_ENVELOPED_DATA,
        }
    }

    /// The arc in which `content_type` means `kind`; [`Error::ContentType`] if none.
    pub(super) fn of(content_type: ObjectIdentifier, kind: ContentKind) -> Result<Self, Error> {
        [Self::Gmt0010, Self::Rfc5652]
            .into_iter()
            .find(|arc| arc.content_type(kind) == content_type)
            .ok_or(Error::ContentType { found: content_type, wanted: kind })
    }

    /// SM2 signature as this arc names it: SM2-1 (.301.1) in GM/T 0010, SM2-with-SM3 (.501) in RFC 5652.
    pub(super) fn signature_algorithm(self) -> AlgorithmIdentifierOwned {
        bare(match self {
            Self::Gmt0010 => oid::SM2_SIGN,
            Self::Rfc5652 => oid::SM2_WITH_SM3,
        })
    }

    /// The version of an EnvelopedData and of its RecipientInfos that name issuer and serial number:
    /// 1 in GM/T 0010, 0 in RFC 5652 (clauses 6.1 and 6.2.1).
    pub(super) const fn enveloped_version(self) -> u8 {
        match self {
            Self::Gmt0010 => 1,
            Self::Rfc5652 => 0,
        }
    }
}

/// SM3 without parameters.
pub(super) fn sm3() -> AlgorithmIdentifierOwned {
    bare(oid::SM3)
}

/// SM2-3, public-key encryption, without parameters.
pub(super) fn sm2_encryption() -> AlgorithmIdentifierOwned {
    bare(oid::SM2_ENCRYPT)
}

/// SM4-CBC with its initialisation vector.
pub(super) fn sm4_cbc(iv: &[u8; 16]) -> Result<AlgorithmIdentifierOwned, Error> {
    Ok(AlgorithmIdentifierOwned {
        oid: oid::SM4_CBC,
        parameters: Some(Any::encode_from(&OctetString::new(iv.as_slice())?)?),
    })
}

/// Whether this names SM3.
pub(super) fn is_sm3(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == oid::SM3 && without_parameters(algorithm)
}

/// Whether this names the SM2 signature in either arc's way.
pub(super) fn is_sm2_signature(algorithm: &AlgorithmIdentifierOwned) -> bool {
    [oid::SM2_SIGN, oid::SM2_WITH_SM3].contains(&algorithm.oid) && without_parameters(algorithm)
}

/// Whether this names SM2 encryption in one of the ways in use: .301.3 by the standard, .301.2 by
/// GmSSL, .301.1 and the bare curve by others.
pub(super) fn is_sm2_encryption(algorithm: &AlgorithmIdentifierOwned) -> bool {
    [oid::SM2_ENCRYPT, oid::SM2_KEY_EXCHANGE, oid::SM2_SIGN, oid::SM2_CURVE].contains(&algorithm.oid)
        && without_parameters(algorithm)
}

/// The initialisation vector, if this is SM4-CBC; bare SM4 with a vector means CBC (CFCA).
pub(super) fn sm4_cbc_iv(algorithm: &AlgorithmIdentifierOwned) -> Result<[u8; 16], Error> {
    let unsupported = Error::ContentEncryption { found: algorithm.oid };
    if ![oid::SM4_CBC, oid::SM4].contains(&algorithm.oid) {
        return Err(unsupported);
    }
    let Some(parameters) = &algorithm.parameters else {
        return Err(unsupported);
    };
    let vector = parameters.decode_as::<OctetString>()?;
    vector.as_bytes().try_into().map_err(|_| unsupported)
}

fn bare(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn without_parameters(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_none_or(Any::is_null)
}
