//! The token: a signed message that holds what the authority states.

use der::{Any, Decode, Encode, referenced::OwnedToRef};

use super::{Error, TstInfo};
use crate::{
    Error as Primitive,
    cms::{SetOf, SignedContentInfo, SignerInfo},
    error::require_canonical,
    hash::HashAlgorithm,
    oid,
    x509::{AnyCertificate, SignatureAlgorithm},
};

pub(super) const STRUCTURE: &str = "TimeStampToken";

/// A token, read. What it states counts only after [`verify`](Self::verify).
///
/// ```text
/// TimeStampToken ::= ContentInfo      -- RFC 3161, 2.4.2: id-signedData of an id-ct-TSTInfo, with one signer
/// ```
#[derive(Clone, Debug)]
pub struct TimeStampToken {
    der: Vec<u8>,
    pub(super) info: TstInfo,
    /// The DER of `info`.
    pub(super) content: Vec<u8>,
    pub(super) certificates: Vec<AnyCertificate>,
    pub(super) signer: SignerInfo,
    pub(super) digest_algorithm: HashAlgorithm,
    pub(super) signature_algorithm: SignatureAlgorithm,
}

impl TimeStampToken {
    /// Reads a token, as in a response or as kept in an unsigned attribute. Of the certificates inside, those that
    /// can't be read here are left out: some authorities send their root along, signed with what is no longer
    /// accepted.
    ///
    /// # Errors
    /// [`Error::Primitive`] for anything but DER of this structure and for algorithms that aren't accepted,
    /// [`Error::Token`] for another content or not exactly one signer, [`Error::ImprintHash`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let message = SignedContentInfo::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &message, der)?;
        let body = message.content;
        if message.content_type != oid::CMS_SIGNED_DATA {
            return Err(Error::Token("the content type must be id-signedData"));
        }
        if body.content_info.content_type != oid::TST_INFO {
            return Err(Error::Token("what is signed must be an id-ct-TSTInfo"));
        }
        // RFC 5652, 5.1: content other than data makes it 3.
        if body.version != 3 {
            return Err(Error::Token("the version must be 3"));
        }
        let content = body.content_info.content.ok_or(Error::Token("the TSTInfo is not inside"))?;
        let [signer] = <[SignerInfo; 1]>::try_from(body.signer_infos.into_vec())
            .map_err(|_| Error::Token("there must be exactly one signer"))?;
        let digest_algorithm =
            HashAlgorithm::from_identifier(STRUCTURE, &signer.digest_algorithm.owned_to_ref())?;
        if digest_algorithm == HashAlgorithm::Sha1 {
            let weak = Primitive::WeakAlgorithm { structure: STRUCTURE, algorithm: "SHA-1" };
            return Err(weak.into());
        }
        let signature_algorithm = SignatureAlgorithm::from_identifier_and_hash(
            STRUCTURE,
            &signer.signature_algorithm.owned_to_ref(),
            digest_algorithm,
        )?;
        let readable = |certificate: &Any| AnyCertificate::from_der(&certificate.to_der().ok()?).ok();
        let certificates = body.certificates.iter().flat_map(SetOf::as_slice).filter_map(readable);
        Ok(Self {
            info: TstInfo::from_der(content.as_bytes())?,
            content: content.as_bytes().to_vec(),
            certificates: certificates.collect(),
            signer,
            digest_algorithm,
            signature_algorithm,
            der: der.to_vec(),
        })
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the authority states.
    pub fn info(&self) -> &TstInfo {
        &self.info
    }

    /// The certificates inside.
    pub fn certificates(&self) -> &[AnyCertificate] {
        &self.certificates
    }
}
