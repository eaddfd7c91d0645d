//! A revocation list (RFC 5280, 5), as a general message brings it.

use der::asn1::{ObjectIdentifier, Uint};
use der::{Decode, Encode};
use x509_cert::crl::TbsCertList;
use yinqiao_gm::x509::{AnyCertificate, KeyUsage, SignatureAlgorithm};

use super::{Signed, X509Error, signature_algorithm};

const STRUCTURE: &str = "revocation list";
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// A complete list.
#[derive(Clone, Debug)]
pub(crate) struct RevocationList {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    /// cRLNumber's octets.
    pub(crate) number: Vec<u8>,
    /// Unix seconds.
    pub(crate) this_update: u64,
    /// Unix seconds.
    pub(crate) next_update: u64,
}

impl RevocationList {
    /// Reads a list; [`Self::verify`] checks its signature.
    ///
    /// # Errors
    /// When it is not DER, a delta, uses an unknown algorithm, or lacks number or next update.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        let encoding = || X509Error::encoding(STRUCTURE);
        let invalid = |reason| X509Error::Invalid { structure: STRUCTURE, reason };
        let signed = Signed::from_der(der).map_err(encoding())?;
        let to_be_signed = signed.to_be_signed.to_der().map_err(encoding())?;
        let list =
            TbsCertList::<x509_cert::certificate::Rfc5280>::from_der(&to_be_signed).map_err(encoding())?;
        let algorithm = signature_algorithm(&signed.algorithm).ok_or_else(|| X509Error::Algorithm {
            structure: STRUCTURE,
            algorithm: signed.algorithm.oid.to_string(),
        })?;
        if list.signature != signed.algorithm {
            return Err(invalid("the algorithm inside and outside of what is signed must be the same"));
        }
        let extensions = list.crl_extensions.unwrap_or_default();
        let find = |identifier| extensions.iter().find(|extension| extension.extn_id == identifier);
        if find(DELTA_INDICATOR).is_some() {
            return Err(invalid("it is a delta, not a complete list"));
        }
        let number = find(CRL_NUMBER).ok_or_else(|| invalid("it has no cRLNumber"))?;
        let number = Uint::from_der(number.extn_value.as_bytes()).map_err(encoding())?;
        let next_update = list.next_update.ok_or_else(|| invalid("it has no nextUpdate"))?;
        Ok(Self {
            der: der.to_vec(),
            algorithm,
            signature: signed.signature.as_bytes().unwrap_or_default().to_vec(),
            issuer: list.issuer.to_der().map_err(encoding())?,
            number: number.as_bytes().to_vec(),
            this_update: list.this_update.to_unix_duration().as_secs(),
            next_update: next_update.to_unix_duration().as_secs(),
            to_be_signed,
        })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether one of the CA certificates signed it.
    ///
    /// # Errors
    /// When none did.
    pub(crate) fn verify(&self, authorities: &[AnyCertificate]) -> Result<(), X509Error> {
        let signed = authorities.iter().any(|authority| {
            authority.subject().as_der() == self.issuer
                && authority.key_usage().is_none_or(|usage| usage.contains(KeyUsage::CRL_SIGN))
                && authority
                    .any_public_key()
                    .verify(self.algorithm, &self.to_be_signed, &self.signature)
                    .is_ok()
        });
        if signed {
            return Ok(());
        }
        let reason = "none of the configured CA certificates made it".to_owned();
        Err(X509Error::Signature { structure: STRUCTURE, reason })
    }
}
