//! TBS_Sign: what a holder's key signs when a document is sealed.

use der::Encode;
use der::asn1::{BitString, Ia5String};

use super::structure::{self, ToSign};
use super::{Error, SealVersion, SesSeal};
use crate::sm3;

/// What a seal signature says: this seal, on the document of this digest, at this time.
///
/// The SM2 signature's message is the DER of the structure, hashed with Z of the signer.
#[derive(Clone, Debug)]
pub struct TbsSign {
    /// The seal, whole.
    pub seal: SesSeal,
    /// When the signer says to seal, in Unix seconds.
    pub time: i64,
    /// SM3 of what is sealed; in an OFD of the bytes of `Signature.xml`.
    pub data_hash: sm3::Digest,
    /// What is sealed; in an OFD the absolute path of `Signature.xml`. ASCII.
    pub property_info: String,
}

impl TbsSign {
    /// The DER to sign. `seal` is the DER of a seal of version 4 or 5, `time` counts Unix seconds.
    ///
    /// # Errors
    /// What [`SesSeal::from_der`] says of the seal; [`Error::OldSeal`] for one of version 1;
    /// [`Error::Time`]; [`Error::Asn1`] if `property_info` isn't ASCII.
    pub fn build(
        seal: &[u8],
        time: i64,
        data_hash: &sm3::Digest,
        property_info: &str,
    ) -> Result<Vec<u8>, Error> {
        Self::encode(&SesSeal::from_der(seal)?, time, data_hash, property_info)
    }

    /// Reads what [`build`](Self::build) makes, and nothing else: no extensions, no version 1.
    ///
    /// The seal inside is read too, not verified.
    ///
    /// # Errors
    /// [`Error::Asn1`], [`Error::Malformed`] and what [`SesSeal::from_der`] says of the seal.
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        let to_sign = structure::decode::<ToSign>(der, TBS_SIGN)?;
        let parsed = Self::from_structure(&to_sign)?;
        if Self::encode(&parsed.seal, parsed.time, &parsed.data_hash, &parsed.property_info)? != der {
            return Err(Error::Malformed {
                what: TBS_SIGN,
                reason: "it holds more than what is shown of it",
            });
        }
        Ok(parsed)
    }

    pub(super) fn from_structure(to_sign: &ToSign) -> Result<Self, Error> {
        let seal = SesSeal::from_structure(to_sign.seal.clone())?;
        if to_sign.version != seal.version().number() {
            return Err(Error::Version { what: TBS_SIGN, found: to_sign.version });
        }
        Ok(Self {
            seal,
            time: structure::unix_seconds(to_sign.time.to_unix_duration()),
            data_hash: data_hash(&to_sign.data_hash)?,
            property_info: to_sign.property_info.to_string(),
        })
    }

    fn encode(
        seal: &SesSeal,
        time: i64,
        data_hash: &sm3::Digest,
        property_info: &str,
    ) -> Result<Vec<u8>, Error> {
        if seal.version() == SealVersion::Gmt0031V1 {
            return Err(Error::OldSeal { found: seal.version().number() });
        }
        let to_sign = ToSign {
            version: seal.version().number(),
            seal: structure::decode(seal.der(), "SESeal")?,
            time: structure::generalized_time(time)?,
            data_hash: BitString::from_bytes(data_hash.as_bytes())?,
            property_info: Ia5String::new(property_info)?,
            extensions: None,
        };
        Ok(to_sign.to_der()?)
    }
}

pub(super) const TBS_SIGN: &str = "TBS_Sign";

pub(super) fn data_hash(bits: &BitString) -> Result<sm3::Digest, Error> {
    sm3::Digest::from_slice(structure::octets(bits, TBS_SIGN)?)
        .map_err(|_| Error::Malformed { what: TBS_SIGN, reason: "dataHash is not an SM3 digest" })
}
