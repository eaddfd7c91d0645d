//! A PKCS#10 request (RFC 2986), whose proof of possession the plugin checks before it vouches for it.

use der::{Decode, Encode};
use x509_cert::request::CertReqInfo;
use yinqiao_gm::x509::PublicKey;

use super::{Signed, X509Error, signature_algorithm};

const STRUCTURE: &str = "certificate request";

/// A request whose signature by its own key was verified.
#[derive(Clone, Debug)]
pub(crate) struct CertificateRequest {
    der: Vec<u8>,
    subject: Vec<u8>,
    public_key: Vec<u8>,
}

impl CertificateRequest {
    /// Reads and verifies.
    ///
    /// # Errors
    /// When it is not DER, uses an unknown algorithm, or is not signed by its own key.
    pub(crate) fn verify(der: &[u8]) -> Result<Self, X509Error> {
        let encoding = || X509Error::encoding(STRUCTURE);
        let signed = Signed::from_der(der).map_err(encoding())?;
        let to_be_signed = signed.to_be_signed.to_der().map_err(encoding())?;
        let info = CertReqInfo::from_der(&to_be_signed).map_err(encoding())?;
        let algorithm = signature_algorithm(&signed.algorithm).ok_or_else(|| X509Error::Algorithm {
            structure: STRUCTURE,
            algorithm: signed.algorithm.oid.to_string(),
        })?;
        let public_key = info.public_key.to_der().map_err(encoding())?;
        let signature = signed.signature.as_bytes().unwrap_or_default();
        PublicKey::from_spki_der(&public_key)
            .and_then(|key| key.verify(algorithm, &to_be_signed, signature))
            .map_err(|error| X509Error::Signature { structure: STRUCTURE, reason: error.to_string() })?;
        Ok(Self { der: der.to_vec(), subject: info.subject.to_der().map_err(encoding())?, public_key })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// DER of the name.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// DER of the `SubjectPublicKeyInfo`.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}
