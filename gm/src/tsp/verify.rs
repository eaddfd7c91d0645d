//! Whether a token can be believed (RFC 3161, 2.2 and 2.4.2).

use super::{Error, MessageImprint, TimeStampToken, TstInfo, attributes};
use crate::{
    cms::{PartyId, signed_bytes},
    x509::{
        AnyCertificate,
        chain::{self, Path, Usage},
    },
};

/// Certificates that are tried as the signer's.
const MAX_SIGNERS: usize = 8;

/// Which authorities are trusted.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The anchors to one of which the authority's certificate must lead.
    pub anchors: &'a [AnyCertificate],
    /// Certificates that a token may lack: the authority's, and those of the CAs above it.
    pub others: &'a [AnyCertificate],
}

/// A time stamp that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedTimeStamp {
    /// What the authority states.
    pub info: TstInfo,
    /// The authority's certificate and those above it, up to the anchor. They were valid at the time stamped; whether
    /// one was revoked is the caller's to ask.
    pub path: Path,
}

impl TimeStampToken {
    /// Checks that the token stamps `imprint`; that its one signature is that of a certificate with the critical purpose
    /// timeStamping alone, the one that signingCertificateV2 names; and that this leads to an anchor at the time
    /// stamped.
    ///
    /// # Errors
    /// [`Error::OtherImprint`], [`Error::Token`], [`Error::CertificateMissing`], [`Error::Signature`],
    /// [`Error::SigningCertificate`], [`Error::Chain`].
    pub fn verify(&self, imprint: &MessageImprint, trust: &Trust<'_>) -> Result<VerifiedTimeStamp, Error> {
        if self.info.imprint != *imprint {
            return Err(Error::OtherImprint);
        }
        let attributes = self.signer.signed_attributes.as_ref();
        let attributes = attributes.ok_or(Error::Token("there are no signed attributes"))?;
        attributes::check_content(attributes, &self.digest_algorithm.digest(&self.content))?;
        let signed = signed_bytes(attributes)
            .map_err(|_| Error::Token("the signed attributes are not in DER's order"))?;
        let signer = self.signer_certificate(&signed, trust)?;
        attributes::check_signer(attributes, signer)?;
        if self.info.authority.as_ref().is_some_and(|name| name != signer.subject()) {
            return Err(Error::SigningCertificate);
        }
        let candidates = [self.certificates.as_slice(), trust.others].concat();
        let at = self.info.time.seconds;
        let path = chain::find_path(signer, &candidates, trust.anchors, at, Usage::TimeStamping)
            .map_err(Error::Chain)?;
        Ok(VerifiedTimeStamp { info: self.info.clone(), path })
    }

    /// The certificate that the signer names and whose key verifies.
    fn signer_certificate<'a>(
        &'a self,
        signed: &[u8],
        trust: &Trust<'a>,
    ) -> Result<&'a AnyCertificate, Error> {
        let all = self.certificates.iter().chain(trust.others).chain(trust.anchors);
        let named = all.filter(|certificate| names(&self.signer.signer, certificate)).take(MAX_SIGNERS);
        let mut fault = Error::CertificateMissing;
        for certificate in named {
            let key = certificate.any_public_key();
            if key.verify(self.signature_algorithm, signed, self.signer.signature.as_bytes()).is_ok() {
                return Ok(certificate);
            }
            fault = Error::Signature;
        }
        Err(fault)
    }
}

fn names(signer: &PartyId, certificate: &AnyCertificate) -> bool {
    signer.names(certificate).unwrap_or(false)
}
