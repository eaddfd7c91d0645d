//! A seal, whatever its version.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Any, Encode, Reader, SliceReader};

use super::structure::{self, CertificateDigestObject, ExtensionData, PictureInfo, SealHeader};
use super::{Error, legacy};
use crate::sm2::Signature;
use crate::sm3;
use crate::x509::Certificate;

/// A seal that was read. Reading it says nothing about its maker's signature: see
/// [`verify_maker_signature`](Self::verify_maker_signature).
#[derive(Clone)]
pub struct SesSeal {
    der: Vec<u8>,
    version: SealVersion,
    content: SealContent,
    maker: Certificate,
    signature: Signature,
    signed: Vec<u8>,
    time_stamp: Option<Vec<u8>>,
}

/// Which standard a seal follows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SealVersion {
    /// GM/T 0031-2014.
    Gmt0031V1,
    /// GB/T 38540-2020.
    Gbt38540V4,
    /// GM/T 0031-2025.
    Gmt0031V5,
}

/// Who may use a seal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignerList {
    /// The DER of their certificates (certListType 1; the only form of version 1).
    Certificates(Vec<Vec<u8>>),
    /// Digests of their certificates (certListType 2).
    Digests(Vec<CertificateDigest>),
}

/// The digest of a certificate that may use a seal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateDigest {
    /// A name that the maker chose, of letters, digits and `'()+,-./:=?` and space; here `SM3`.
    pub kind: String,
    /// The digest: SM3 over the certificate's DER.
    pub value: Vec<u8>,
}

/// What a seal looks like.
#[derive(Clone, Eq, PartialEq)]
pub struct Picture {
    /// `PNG`, `GIF`, `BMP`, `JPG`, `SVG` or `OFD`.
    pub kind: String,
    /// The picture file.
    pub data: Vec<u8>,
    /// Width in millimetres.
    pub width_mm: u32,
    /// Height in millimetres.
    pub height_mm: u32,
}

/// An extension of a seal or of what is signed with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Extension {
    /// What it is.
    pub id: ObjectIdentifier,
    /// Whether who doesn't understand it must refuse.
    pub critical: bool,
    /// Its value, as the octet string holds it.
    pub value: Vec<u8>,
}

#[derive(Clone)]
struct SealContent {
    vendor_id: String,
    id: String,
    kind: i64,
    name: String,
    signers: SignerList,
    created: i64,
    valid_from: i64,
    valid_until: i64,
    picture: Picture,
    extensions: Vec<Extension>,
}

impl SesSeal {
    /// Reads a seal of any version. Two fields mean version 1, five version 5, four what the header
    /// says.
    ///
    /// # Errors
    /// [`Error::Asn1`], [`Error::Malformed`] for other bytes, [`Error::Version`],
    /// [`Error::SignatureAlgorithm`], and [`Error::Primitive`] for a maker's certificate or signature
    /// that can't be read.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if field_count(der)? == 2 {
            Self::from_legacy(structure::decode(der, SEAL)?)
        } else {
            Self::from_structure(structure::decode(der, SEAL)?)
        }
    }

    /// The seal's DER, byte for byte what was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The standard it follows.
    #[must_use]
    pub fn version(&self) -> SealVersion {
        self.version
    }

    /// The seal's unique id (esID).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.content.id
    }

    /// The id of the vendor whose software made it (Vid).
    #[must_use]
    pub fn vendor_id(&self) -> &str {
        &self.content.vendor_id
    }

    /// The seal's type, a number that the maker defines; in 2014: 1 an organisation's, 2 a person's.
    #[must_use]
    pub fn kind(&self) -> i64 {
        self.content.kind
    }

    /// The seal's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.content.name
    }

    /// Who may use it.
    #[must_use]
    pub fn signers(&self) -> &SignerList {
        &self.content.signers
    }

    /// When it was made, in Unix seconds.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.content.created
    }

    /// The first second it may be used in, in Unix seconds.
    #[must_use]
    pub fn valid_from(&self) -> i64 {
        self.content.valid_from
    }

    /// The last second it may be used in, in Unix seconds.
    #[must_use]
    pub fn valid_until(&self) -> i64 {
        self.content.valid_until
    }

    /// What it looks like.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.content.picture
    }

    /// Its extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.content.extensions
    }

    /// The seal maker's certificate. Whether to trust it is another question.
    #[must_use]
    pub fn maker(&self) -> &Certificate {
        &self.maker
    }

    /// The timestamp token over the maker's signature, if there is one (version 5). It isn't checked.
    #[must_use]
    pub fn time_stamp(&self) -> Option<&[u8]> {
        self.time_stamp.as_deref()
    }

    /// Verifies the maker's signature with the maker's certificate in the seal.
    ///
    /// # Errors
    /// [`crate::Error::Signature`].
    pub fn verify_maker_signature(&self) -> Result<(), crate::Error> {
        self.maker.public_key().verify(&self.signed, &self.signature)
    }

    pub(super) fn from_structure(seal: structure::Seal) -> Result<Self, Error> {
        let version = match (seal.info.header.version, &seal.time_stamp) {
            (4, None) => SealVersion::Gbt38540V4,
            (5, _) => SealVersion::Gmt0031V5,
            (found, _) => return Err(Error::Version { what: SEAL, found }),
        };
        structure::require_sm2(seal.signature_algorithm, SEAL)?;
        let property = &seal.info.property;
        Ok(Self {
            der: seal.to_der()?,
            version,
            content: SealContent {
                vendor_id: vendor_id(&seal.info.header)?,
                id: seal.info.id.to_string(),
                kind: property.kind,
                name: property.name.clone(),
                signers: SignerList::decode(property.list_type, &property.list)?,
                created: structure::unix_seconds(property.created.to_unix_duration()),
                valid_from: structure::unix_seconds(property.valid_from.to_unix_duration()),
                valid_until: structure::unix_seconds(property.valid_until.to_unix_duration()),
                picture: Picture::read(&seal.info.picture),
                extensions: seal_extensions(
                    seal.info.extensions.as_ref(),
                    seal.info.untagged_extensions.as_ref(),
                )?,
            },
            maker: Certificate::from_der(seal.certificate.as_bytes())?,
            signature: Signature::from_der(structure::octets(&seal.signed_value, SEAL)?)?,
            signed: seal.info.to_der()?,
            time_stamp: time_stamp(seal.time_stamp.as_ref())?,
        })
    }

    pub(super) fn from_legacy(seal: legacy::Seal) -> Result<Self, Error> {
        let header = &seal.info.header;
        // A seal of four fields in the clothes of two isn't in use anywhere, so it is no seal.
        if header.version >= 4 {
            return Err(Error::Version { what: SEAL, found: header.version });
        }
        structure::require_sm2(seal.sign_info.signature_algorithm, SEAL)?;
        let property = &seal.info.property;
        let certificates = property.certificates.iter().map(|certificate| certificate.as_bytes().to_vec());
        Ok(Self {
            der: seal.to_der()?,
            version: SealVersion::Gmt0031V1,
            content: SealContent {
                vendor_id: vendor_id(header)?,
                id: seal.info.id.to_string(),
                kind: property.kind,
                name: property.name.clone(),
                signers: SignerList::Certificates(certificates.collect()),
                created: structure::unix_seconds(property.created.to_unix_duration()),
                valid_from: structure::unix_seconds(property.valid_from.to_unix_duration()),
                valid_until: structure::unix_seconds(property.valid_until.to_unix_duration()),
                picture: Picture::read(&seal.info.picture),
                extensions: seal_extensions(
                    seal.info.extensions.as_ref(),
                    seal.info.untagged_extensions.as_ref(),
                )?,
            },
            maker: Certificate::from_der(seal.sign_info.certificate.as_bytes())?,
            signature: Signature::from_der(structure::octets(&seal.sign_info.sign_data, SEAL)?)?,
            signed: seal.signed_bytes()?,
            time_stamp: None,
        })
    }
}

impl SealVersion {
    /// The number in the seal's header, for version 1 the lowest that stands there.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Gmt0031V1 => 1,
            Self::Gbt38540V4 => 4,
            Self::Gmt0031V5 => 5,
        }
    }
}

impl SignerList {
    /// Whether `certificate` may use the seal: its whole DER, or its SM3 digest, is in the list.
    #[must_use]
    pub fn contains(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Certificates(certificates) => certificates.iter().any(|listed| listed == certificate.der()),
            Self::Digests(digests) => {
                let digest = sm3::digest(certificate.der());
                digests.iter().any(|listed| listed.value == digest.as_bytes())
            }
        }
    }

    /// How many certificates it names.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Certificates(certificates) => certificates.len(),
            Self::Digests(digests) => digests.len(),
        }
    }

    /// The list of these certificates' digests.
    #[must_use]
    pub fn digests_of(certificates: &[Certificate]) -> Self {
        let digest = |certificate: &Certificate| CertificateDigest {
            kind: "SM3".to_owned(),
            value: sm3::digest(certificate.der()).as_bytes().to_vec(),
        };
        Self::Digests(certificates.iter().map(digest).collect())
    }

    /// The list of these certificates.
    #[must_use]
    pub fn certificates_of(certificates: &[Certificate]) -> Self {
        Self::Certificates(certificates.iter().map(|certificate| certificate.der().to_vec()).collect())
    }

    fn decode(list_type: u8, list: &Any) -> Result<Self, Error> {
        let list = list.to_der()?;
        match list_type {
            1 => {
                let certificates = structure::decode::<Vec<OctetString>>(&list, "certList")?;
                Ok(Self::Certificates(
                    certificates.into_iter().map(|certificate| certificate.into_bytes().into_vec()).collect(),
                ))
            }
            2 => {
                let digests = structure::decode::<Vec<CertificateDigestObject>>(&list, "certList")?;
                let digest = |digest: CertificateDigestObject| CertificateDigest {
                    kind: digest.kind.to_string(),
                    value: digest.value.into_bytes().into_vec(),
                };
                Ok(Self::Digests(digests.into_iter().map(digest).collect()))
            }
            _ => Err(Error::Malformed {
                what: "SES_ESPropertyInfo",
                reason: "certListType is neither 1 (certificates) nor 2 (digests)",
            }),
        }
    }
}

impl Picture {
    fn read(picture: &PictureInfo) -> Self {
        Self {
            kind: picture.kind.to_string(),
            data: picture.data.as_bytes().to_vec(),
            width_mm: picture.width,
            height_mm: picture.height,
        }
    }
}

impl fmt::Debug for SesSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesSeal")
            .field("version", &self.version)
            .field("id", &self.content.id)
            .field("name", &self.content.name)
            .field("picture", &self.content.picture)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture")
            .field("kind", &self.kind)
            .field("bytes", &self.data.len())
            .field("width_mm", &self.width_mm)
            .field("height_mm", &self.height_mm)
            .finish()
    }
}

const SEAL: &str = "SESeal";

/// How many fields the SEQUENCE `der` has: that tells version 1 from the others.
pub(super) fn field_count(der: &[u8]) -> Result<usize, Error> {
    let mut reader = SliceReader::new(der)?;
    let count = reader.sequence(|fields| {
        let mut count = 0;
        while !fields.is_finished() {
            fields.tlv_bytes()?;
            count += 1;
        }
        Ok::<_, der::Error>(count)
    })?;
    reader.finish()?;
    Ok(count)
}

pub(super) fn extensions(extensions: &[ExtensionData]) -> Vec<Extension> {
    let extension = |extension: &ExtensionData| Extension {
        id: extension.id,
        critical: extension.critical.unwrap_or(false),
        value: extension.value.as_bytes().to_vec(),
    };
    extensions.iter().map(extension).collect()
}

/// The extensions of a seal, which stand in one of two places.
fn seal_extensions(
    tagged: Option<&Vec<ExtensionData>>,
    untagged: Option<&Vec<ExtensionData>>,
) -> Result<Vec<Extension>, Error> {
    match (tagged, untagged) {
        (Some(_), Some(_)) => Err(Error::Malformed { what: "SES_SealInfo", reason: "it has extDatas twice" }),
        (Some(list), None) | (None, Some(list)) => Ok(extensions(list)),
        (None, None) => Ok(Vec::new()),
    }
}

pub(super) fn time_stamp(bits: Option<&der::asn1::BitString>) -> Result<Option<Vec<u8>>, Error> {
    bits.map(|bits| structure::octets(bits, "timeStamp").map(<[u8]>::to_vec)).transpose()
}

fn vendor_id(header: &SealHeader) -> Result<String, Error> {
    if header.identifier.as_str() != "ES" {
        return Err(Error::Malformed { what: "SES_Header", reason: "its ID is not ES" });
    }
    Ok(header.vendor_id.to_string())
}
