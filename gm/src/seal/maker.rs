//! Making a seal of GB/T 38540-2020.

use der::asn1::{BitString, Ia5String, OctetString, PrintableString};
use der::{Any, Encode};

use super::structure::{
    self, CertificateDigestObject, ExtensionData, PictureInfo, Property, Seal, SealHeader, SealInfo,
};
use super::{Error, Extension, Picture, SealVersion, SesSeal, SignerList};
use crate::oid;
use crate::sm2::{PrivateKey, Signature};
use crate::x509::Certificate;

/// Everything that a seal says, before its maker signs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealDescription {
    /// The seal's unique id (esID), ASCII.
    pub id: String,
    /// The id of the vendor whose software makes it (Vid), ASCII.
    pub vendor_id: String,
    /// The seal's type, a number that the maker defines.
    pub kind: i64,
    /// The seal's name.
    pub name: String,
    /// Who may use it; at least one.
    pub signers: SignerList,
    /// When it is made, in Unix seconds.
    pub created: i64,
    /// The first second it may be used in, in Unix seconds.
    pub valid_from: i64,
    /// The last second it may be used in, in Unix seconds.
    pub valid_until: i64,
    /// What it looks like.
    pub picture: Picture,
    /// Extensions; without any the field is left out. Much software reads them only untagged, so
    /// leave them out where you can.
    pub extensions: Vec<Extension>,
}

impl SealDescription {
    /// The DER of SES_SealInfo, which the maker signs.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a seal that nobody could use: no signers, no picture, or a validity
    /// that ends before it begins. [`Error::Time`]; [`Error::Asn1`] for a text outside its alphabet.
    pub fn to_tbs(&self) -> Result<Vec<u8>, Error> {
        let refused = |reason| Err(Error::Malformed { what: "SES_SealInfo", reason });
        let (list_type, list) = self.signers.encode()?;
        if self.signers.is_empty() {
            return refused("nobody may use the seal");
        }
        if self.picture.data.is_empty() || self.picture.width_mm == 0 || self.picture.height_mm == 0 {
            return refused("the seal has no picture, or one without a size");
        }
        if self.valid_until < self.valid_from {
            return refused("the seal's validity ends before it begins");
        }
        let extensions = self
            .extensions
            .iter()
            .map(|extension| {
                Ok(ExtensionData {
                    id: extension.id,
                    critical: extension.critical.then_some(true),
                    value: OctetString::new(extension.value.as_slice())?,
                })
            })
            .collect::<der::Result<Vec<_>>>()?;
        let info = SealInfo {
            header: SealHeader {
                identifier: Ia5String::new("ES")?,
                version: SealVersion::Gbt38540V4.number(),
                vendor_id: Ia5String::new(&self.vendor_id)?,
            },
            id: Ia5String::new(&self.id)?,
            property: Property {
                kind: self.kind,
                name: self.name.clone(),
                list_type,
                list,
                created: structure::generalized_time(self.created)?,
                valid_from: structure::generalized_time(self.valid_from)?,
                valid_until: structure::generalized_time(self.valid_until)?,
            },
            picture: PictureInfo {
                kind: Ia5String::new(&self.picture.kind)?,
                data: OctetString::new(self.picture.data.as_slice())?,
                width: self.picture.width_mm,
                height: self.picture.height_mm,
            },
            extensions: (!extensions.is_empty()).then_some(extensions),
            untagged_extensions: None,
        };
        Ok(info.to_der()?)
    }
}

impl SignerList {
    /// Whether nobody may use the seal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Certificates(certificates) => certificates.is_empty(),
            Self::Digests(digests) => digests.is_empty(),
        }
    }

    fn encode(&self) -> Result<(u8, Any), Error> {
        match self {
            Self::Certificates(certificates) => {
                let certificates = certificates
                    .iter()
                    .map(|certificate| OctetString::new(certificate.as_slice()))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok((1, Any::encode_from(&certificates)?))
            }
            Self::Digests(digests) => {
                let digests = digests
                    .iter()
                    .map(|digest| {
                        Ok(CertificateDigestObject {
                            kind: PrintableString::new(&digest.kind)?,
                            value: OctetString::new(digest.value.as_slice())?,
                        })
                    })
                    .collect::<der::Result<Vec<_>>>()?;
                Ok((2, Any::encode_from(&digests)?))
            }
        }
    }
}

/// The DER of the SESeal out of what the maker signed ([`SealDescription::to_tbs`]), the signature
/// over it and the maker's certificate. The signature is put in as it is.
///
/// # Errors
/// [`Error::Asn1`], [`Error::Malformed`], [`Error::Version`] if `tbs` isn't the DER of a version 4
/// SES_SealInfo; [`Error::Primitive`] if the signature can't be encoded.
pub fn assemble_seal(tbs: &[u8], signature: &Signature, maker: &Certificate) -> Result<Vec<u8>, Error> {
    let seal = Seal {
        info: structure::decode(tbs, "SES_SealInfo")?,
        certificate: OctetString::new(maker.der())?,
        signature_algorithm: oid::SM2_WITH_SM3,
        signed_value: BitString::from_bytes(&signature.to_der()?)?,
        time_stamp: None,
    };
    let der = seal.to_der()?;
    match SesSeal::from_structure(seal)?.version() {
        SealVersion::Gbt38540V4 => Ok(der),
        other => Err(Error::Version { what: "SESeal", found: other.number() }),
    }
}

/// Makes a seal with the maker's key at hand: [`SealDescription::to_tbs`], signed, and
/// [`assemble_seal`].
///
/// # Errors
/// As these two; [`Error::Primitive`] also if `key` isn't that of `maker`, or there is no randomness.
pub fn make_seal(
    description: &SealDescription,
    key: &PrivateKey,
    maker: &Certificate,
) -> Result<Vec<u8>, Error> {
    let tbs = description.to_tbs()?;
    let signature = key.sign(&tbs)?;
    maker.public_key().verify(&tbs, &signature)?;
    assemble_seal(&tbs, &signature, maker)
}
