//! Verifying the signers of a message.

use der::Encode;

use super::set::SetOf;
use super::signed_attributes::{Attribute, ForeignAttributes};
use super::signer_info::SignerInfo;
use super::{Error, SignedData, SignerError, arc};
use crate::sm2::Signature;
use crate::sm3;
use crate::x509::Certificate;
use crate::x509::chain::{self, Usage};

/// The document beside a detached signature.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// SM3 of the document. Enough for signatures with signed attributes, which is what Yinqiao
    /// makes; without them the signature is over the document itself.
    Digest(&'a sm3::Digest),
    /// The document.
    Bytes(&'a [u8]),
}

/// A signer whose signature verifies.
#[derive(Clone, Debug)]
pub struct VerifiedSigner {
    /// The signer's certificate. Whether to trust it is another question: [`chain::verify`].
    pub certificate: Certificate,
    /// When the signer says to have signed, in Unix seconds, if the signed attributes say so.
    pub signing_time: Option<i64>,
}

impl SignedData {
    /// Verifies each signer's signature over a document that the message doesn't carry. The outer
    /// error is about the message, the inner ones about one signer each; there is at least one.
    ///
    /// The signer's certificate is looked for in the message, then among `others`. Chains are not
    /// checked here.
    ///
    /// # Errors
    /// [`Error::Attached`] if the message carries its content.
    pub fn verify_detached(
        &self,
        content: Content<'_>,
        others: &[Certificate],
    ) -> Result<Vec<Result<VerifiedSigner, SignerError>>, Error> {
        match self.content() {
            Some(_) => Err(Error::Attached),
            None => Ok(self.verify_signers(content, others)),
        }
    }

    /// Verifies each signer's signature over the content that the message carries, as
    /// [`verify_detached`](Self::verify_detached).
    ///
    /// # Errors
    /// [`Error::Detached`] if it carries none.
    pub fn verify_attached(
        &self,
        others: &[Certificate],
    ) -> Result<Vec<Result<VerifiedSigner, SignerError>>, Error> {
        let content = self.content().ok_or(Error::Detached)?;
        Ok(self.verify_signers(Content::Bytes(content), others))
    }

    /// As [`verify_detached`](Self::verify_detached), and each signer's certificate must chain to
    /// one of `roots`, be valid at `at` (Unix seconds) and be meant for signatures. Certificates of
    /// the message and `others` serve as intermediates. Revocation is not asked.
    ///
    /// # Errors
    /// As [`verify_detached`](Self::verify_detached).
    pub fn verify_detached_with_chain(
        &self,
        content: Content<'_>,
        others: &[Certificate],
        roots: &[Certificate],
        at: i64,
    ) -> Result<Vec<Result<VerifiedSigner, SignerError>>, Error> {
        let intermediates = [self.certificates(), others].concat();
        let signers = self.verify_detached(content, others)?;
        let chained = signers.into_iter().map(|signer| {
            let signer = signer?;
            chain::verify(&signer.certificate, &intermediates, roots, at, Usage::Signing)
                .map_err(SignerError::Chain)?;
            Ok(signer)
        });
        Ok(chained.collect())
    }

    fn verify_signers(
        &self,
        content: Content<'_>,
        others: &[Certificate],
    ) -> Vec<Result<VerifiedSigner, SignerError>> {
        self.signers.iter().map(|signer| self.verify_signer(signer, content, others)).collect()
    }

    fn verify_signer(
        &self,
        signer: &SignerInfo,
        content: Content<'_>,
        others: &[Certificate],
    ) -> Result<VerifiedSigner, SignerError> {
        if !arc::is_sm3(&signer.digest_algorithm) {
            return Err(SignerError::DigestAlgorithm(signer.digest_algorithm.oid));
        }
        if !arc::is_sm2_signature(&signer.signature_algorithm) {
            return Err(SignerError::SignatureAlgorithm(signer.signature_algorithm.oid));
        }
        let certificate = self
            .certificates
            .iter()
            .chain(others)
            .find(|certificate| signer.signer.names(certificate).unwrap_or(false))
            .ok_or_else(|| SignerError::CertificateMissing(signer.signer.clone()))?;
        let signature =
            Signature::from_der(signer.signature.as_bytes()).map_err(|_| SignerError::SignatureFormat)?;
        let verify = |message: &[u8]| {
            let key = certificate.public_key();
            key.verify(message, &signature).map_err(|_| SignerError::Signature)
        };
        let signing_time = match (&signer.signed_attributes, content) {
            (Some(attributes), content) => {
                let signing_time = self.check_attributes(attributes, content)?;
                verify(&signed_bytes(attributes)?)?;
                signing_time
            }
            (None, Content::Bytes(content)) => {
                verify(content)?;
                None
            }
            (None, Content::Digest(_)) => return Err(SignerError::ContentNeeded),
        };
        Ok(VerifiedSigner { certificate: certificate.clone(), signing_time })
    }

    /// Content type and digest must be the message's; gives the signing time.
    fn check_attributes(
        &self,
        attributes: &SetOf<Attribute>,
        content: Content<'_>,
    ) -> Result<Option<i64>, SignerError> {
        let attributes = ForeignAttributes::read(attributes)?;
        if attributes.content_type != self.content_type {
            return Err(SignerError::ContentType);
        }
        let digest = match content {
            Content::Digest(digest) => *digest,
            Content::Bytes(content) => sm3::digest(content),
        };
        if attributes.message_digest != digest.as_bytes() {
            return Err(SignerError::MessageDigest);
        }
        Ok(attributes.signing_time)
    }
}

/// The DER of the SET, tag 31, which RFC 5652 clause 5.4 has signed in place of the [0].
pub(crate) fn signed_bytes(attributes: &SetOf<Attribute>) -> Result<Vec<u8>, SignerError> {
    const MALFORMED: SignerError = SignerError::SignedAttributes("they are not in DER's order");
    let as_read = attributes.to_der().map_err(|_| MALFORMED)?;
    let sorted = SetOf::sorted(attributes.as_slice().to_vec()).and_then(|sorted| sorted.to_der());
    match sorted {
        Ok(sorted) if sorted == as_read => Ok(as_read),
        _ => Err(MALFORMED),
    }
}
