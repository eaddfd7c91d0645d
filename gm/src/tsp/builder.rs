//! Making tokens.

use const_oid::ObjectIdentifier;
use der::{Any, Decode, Encode, asn1::OctetString};
use spki::AlgorithmIdentifierOwned;

use super::{
    Accuracy, Error, PreciseTime, TimeStampRequest, TimeStampToken, TstInfo, attributes, token::STRUCTURE,
};
use crate::{
    Error as Primitive,
    cms::{
        Attribute, EncapsulatedContentInfo, IssuerAndSerialNumber, PartyId, SetOf, SignedContentInfo,
        SignedDataBody, SignerInfo,
    },
    oid, sm2, sm3,
    x509::{
        AnyCertificate, Certificate, SerialNumber,
        chain::{Usage, find_path},
    },
};

/// Builds the token that answers a request.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    info: TstInfo,
    name_authority: bool,
    certificate_requested: bool,
    certificates: Vec<AnyCertificate>,
}

/// A token that lacks its signature: for a key that is held elsewhere.
#[derive(Clone, Debug)]
pub struct PreparedToken {
    content: Vec<u8>,
    attributes: SetOf<Attribute>,
    to_be_signed: Vec<u8>,
    signer: PartyId,
    certificates: Vec<AnyCertificate>,
}

impl TokenBuilder {
    /// A stamp of what `request` asks for, at `time`, under `policy`, with a number that the authority never gave before.
    ///
    /// # Errors
    /// [`Error::Policy`] when the request wants another policy.
    pub fn new(
        request: &TimeStampRequest,
        policy: ObjectIdentifier,
        serial: SerialNumber,
        time: PreciseTime,
    ) -> Result<Self, Error> {
        if let Some(wanted) = request.policy().filter(|wanted| *wanted != policy) {
            return Err(Error::Policy { wanted, found: policy });
        }
        let info = TstInfo {
            policy,
            imprint: request.imprint().clone(),
            serial,
            time,
            accuracy: None,
            ordering: false,
            nonce: request.nonce().map(<[u8]>::to_vec),
            authority: None,
        };
        let certificate_requested = request.certificate_requested();
        Ok(Self { info, name_authority: false, certificate_requested, certificates: Vec::new() })
    }

    /// Says how far the time may be off.
    #[must_use]
    pub fn accuracy(mut self, accuracy: Accuracy) -> Self {
        self.info.accuracy = Some(accuracy);
        self
    }

    /// Says that this authority's stamps can be put in order by their times alone.
    #[must_use]
    pub fn ordering(mut self) -> Self {
        self.info.ordering = true;
        self
    }

    /// Puts the authority's name into the statement.
    #[must_use]
    pub fn name_authority(mut self) -> Self {
        self.name_authority = true;
        self
    }

    /// Sends the certificate of a CA above along, if certificates were asked for.
    #[must_use]
    pub fn certificate(mut self, certificate: &AnyCertificate) -> Self {
        self.certificates.push(certificate.clone());
        self
    }

    /// Signs it as `authority`, which has a certificate of
    /// [`Profile::TimeStamping`](crate::x509::Profile::TimeStamping).
    ///
    /// # Errors
    /// [`Error::Primitive`] when `key` is not the authority's or a value can't be written, [`Error::Chain`] when the
    /// certificate isn't valid at the time or not meant for stamping.
    pub fn sign(&self, authority: &Certificate, key: &sm2::PrivateKey) -> Result<TimeStampToken, Error> {
        if authority.public_key() != key.public_key() {
            return Err(Primitive::KeyMismatch { structure: "time stamping authority's certificate" }.into());
        }
        let prepared = self.prepare(authority)?;
        prepared.complete(&key.sign(prepared.to_be_signed())?)
    }

    /// All but the signature, for `authority`.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn prepare(&self, authority: &Certificate) -> Result<PreparedToken, Error> {
        require_authority(authority, self.info.time.seconds)?;
        let named = self.name_authority.then(|| authority.subject().clone());
        let content = TstInfo { authority: named, ..self.info.clone() }.to_der()?;
        let attributes = attributes::build(sm3::digest(&content).as_bytes(), authority)?;
        let to_be_signed = attributes.to_der().map_err(Primitive::encoding(STRUCTURE))?;
        let mut certificates = Vec::new();
        if self.certificate_requested {
            certificates.push(authority.as_any().clone());
            let others = self.certificates.iter().filter(|other| *other != authority.as_any());
            certificates.extend(others.cloned());
        }
        let signer = IssuerAndSerialNumber::of(authority)
            .map(PartyId::IssuerAndSerialNumber)
            .map_err(|_| Error::Token("the authority's name is too long for DER"))?;
        Ok(PreparedToken { content, attributes, to_be_signed, signer, certificates })
    }
}

impl PreparedToken {
    /// What is to be signed with SM2 under the default signer's ID: the DER of the signed attributes.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The token with its signature, which is not verified here.
    ///
    /// # Errors
    /// [`Error::Primitive`] if something is too long for DER.
    pub fn complete(&self, signature: &sm2::Signature) -> Result<TimeStampToken, Error> {
        let signature = signature.to_der()?;
        let sm3 = AlgorithmIdentifierOwned { oid: oid::SM3, parameters: None };
        let encode = || {
            let certificates = self.certificates.iter().map(|one| Any::from_der(one.der()));
            let certificates = certificates.collect::<der::Result<Vec<_>>>()?;
            let signer_info = SignerInfo {
                version: 1,
                signer: self.signer.clone(),
                digest_algorithm: sm3.clone(),
                signed_attributes: Some(self.attributes.clone()),
                signature_algorithm: AlgorithmIdentifierOwned { oid: oid::SM2_WITH_SM3, parameters: None },
                signature: OctetString::new(signature)?,
                unsigned_attributes: None,
            };
            let message = SignedContentInfo {
                content_type: oid::CMS_SIGNED_DATA,
                content: SignedDataBody {
                    version: 3,
                    digest_algorithms: SetOf::sorted(vec![sm3])?,
                    content_info: EncapsulatedContentInfo {
                        content_type: oid::TST_INFO,
                        content: Some(OctetString::new(self.content.as_slice())?),
                    },
                    certificates: match certificates.is_empty() {
                        true => None,
                        false => Some(SetOf::sorted(certificates)?),
                    },
                    crls: None,
                    signer_infos: SetOf::sorted(vec![signer_info])?,
                },
            };
            message.to_der()
        };
        TimeStampToken::from_der(&encode().map_err(Primitive::encoding(STRUCTURE))?)
    }
}

/// Whether clients will take this certificate, as far as it says itself.
fn require_authority(authority: &Certificate, at: i64) -> Result<(), Error> {
    let itself = std::slice::from_ref(authority.as_any());
    find_path(authority, &[], itself, at, Usage::TimeStamping).map(|_| ()).map_err(Error::Chain)
}
