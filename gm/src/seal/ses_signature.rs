//! A seal signature, whatever its version.

use std::fmt;

use der::Encode;
use der::asn1::{BitString, OctetString};

use super::ses_seal::{extensions, field_count, time_stamp};
use super::structure::{self, ToSign};
use super::tbs_sign::data_hash;
use super::{Error, Extension, SealVersion, SesSeal, TbsSign, legacy};
use crate::sm2::Signature;
use crate::x509::Certificate;
use crate::{oid, sm3};

/// A seal signature that was read. Reading it says nothing about its signatures: see
/// [`verify_signature`](super::verify_signature).
#[derive(Clone)]
pub struct SesSignature {
    der: Vec<u8>,
    content: TbsSign,
    extensions: Vec<Extension>,
    signer: Certificate,
    signature: Signature,
    signed: Vec<u8>,
    time_stamp: Option<Vec<u8>>,
}

impl SesSignature {
    /// Reads a seal signature of any version: two fields mean version 1, four or five what the seal
    /// inside says.
    ///
    /// # Errors
    /// [`Error::Asn1`], [`Error::Malformed`] for other bytes, [`Error::Version`],
    /// [`Error::SignatureAlgorithm`], what [`SesSeal::from_der`] says of the seal, and
    /// [`Error::Primitive`] for a certificate or signature that can't be read.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        if field_count(der)? == 2 {
            Self::from_legacy(structure::decode(der, SIGNATURE)?)
        } else {
            Self::from_structure(structure::decode(der, SIGNATURE)?)
        }
    }

    /// The DER, byte for byte what was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The standard it follows, which is the seal's.
    #[must_use]
    pub fn version(&self) -> SealVersion {
        self.seal().version()
    }

    /// The seal.
    #[must_use]
    pub fn seal(&self) -> &SesSeal {
        &self.content.seal
    }

    /// When the signer says to have sealed, in Unix seconds.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.content.time
    }

    /// SM3 of what was sealed.
    #[must_use]
    pub fn data_hash(&self) -> &sm3::Digest {
        &self.content.data_hash
    }

    /// What was sealed; in an OFD the path of `Signature.xml`.
    #[must_use]
    pub fn property_info(&self) -> &str {
        &self.content.property_info
    }

    /// Extensions of what was signed.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The signer's certificate.
    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The DER under the signer's signature.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// The timestamp token over the signature, if there is one. It isn't checked.
    #[must_use]
    pub fn time_stamp(&self) -> Option<&[u8]> {
        self.time_stamp.as_deref()
    }

    /// Verifies the signer's signature with the certificate that is in it.
    ///
    /// # Errors
    /// [`crate::Error::Signature`].
    pub fn verify_signer_signature(&self) -> Result<(), crate::Error> {
        self.signer.public_key().verify(&self.signed, &self.signature)
    }

    fn from_structure(signature: structure::Signature) -> Result<Self, Error> {
        structure::require_sm2(signature.signature_algorithm, SIGNATURE)?;
        Ok(Self {
            der: signature.to_der()?,
            content: TbsSign::from_structure(&signature.to_sign)?,
            extensions: extensions(signature.to_sign.extensions.as_deref().unwrap_or_default()),
            signer: Certificate::from_der(signature.certificate.as_bytes())?,
            signature: Signature::from_der(structure::octets(&signature.signature, SIGNATURE)?)?,
            signed: signature.to_sign.to_der()?,
            time_stamp: time_stamp(signature.time_stamp.as_ref())?,
        })
    }

    fn from_legacy(signature: legacy::Signature) -> Result<Self, Error> {
        let to_sign = &signature.to_sign;
        structure::require_sm2(to_sign.signature_algorithm, SIGNATURE)?;
        if to_sign.version >= 4 {
            return Err(Error::Version { what: SIGNATURE, found: to_sign.version });
        }
        Ok(Self {
            der: signature.to_der()?,
            content: TbsSign {
                seal: SesSeal::from_legacy(to_sign.seal.clone())?,
                time: legacy::signing_time(&to_sign.time)?,
                data_hash: data_hash(&to_sign.data_hash)?,
                property_info: to_sign.property_info.to_string(),
            },
            extensions: Vec::new(),
            signer: Certificate::from_der(to_sign.certificate.as_bytes())?,
            signature: Signature::from_der(structure::octets(&signature.signature, SIGNATURE)?)?,
            signed: to_sign.to_der()?,
            time_stamp: None,
        })
    }
}

impl fmt::Debug for SesSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesSignature").field("content", &self.content).finish_non_exhaustive()
    }
}

/// The seal signature out of what was signed ([`TbsSign::build`]), the signature over it and the
/// signer's certificate. The signature is put in as it is: verify the result before handing it on.
///
/// # Errors
/// What [`TbsSign::parse`] says of `tbs_sign`; [`Error::Primitive`] if the signature can't be encoded.
pub fn assemble_signature(
    tbs_sign: &[u8],
    signature: &Signature,
    signer: &Certificate,
) -> Result<Vec<u8>, Error> {
    TbsSign::parse(tbs_sign)?;
    let assembled = structure::Signature {
        to_sign: structure::decode::<ToSign>(tbs_sign, "TBS_Sign")?,
        certificate: OctetString::new(signer.der())?,
        signature_algorithm: oid::SM2_WITH_SM3,
        signature: BitString::from_bytes(&signature.to_der()?)?,
        time_stamp: None,
    };
    Ok(assembled.to_der()?)
}

const SIGNATURE: &str = "SES_Signature";
