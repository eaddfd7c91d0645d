//! A list of any kind, read.

use std::fmt;

use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, UintRef},
    pem::LineEnding,
};
use spki::AlgorithmIdentifierRef;
use x509_cert::{
    certificate::Version,
    ext::{Extension, pkix::AuthorityKeyIdentifier},
    time::Time,
};

use super::{
    super::{
        AnyCertificate, DistinguishedName, KeyUsage, SerialNumber, SignatureAlgorithm,
        extension::decode,
        location::distribution_points,
        signed::{Signature, Signed, decode_pem},
        time::from_time,
    },
    CombinedList, PEM_LABEL, RevokedEntry, STRUCTURE, Scope, TBS,
    entry::RevokedCertificate,
};
use crate::{Error, error::require_canonical, oid};

/// ```text
/// TBSCertList ::= SEQUENCE {                              -- RFC 5280, 5.1
///   version              Version OPTIONAL,                -- here always v2
///   signature            AlgorithmIdentifier,
///   issuer               Name,
///   thisUpdate           Time,
///   nextUpdate           Time OPTIONAL,                   -- here always present, as 5.1.2.5 demands
///   revokedCertificates  SEQUENCE OF SEQUENCE { ... } OPTIONAL,
///   crlExtensions        [0] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct TbsCertList<'a> {
    pub(super) version: Version,
    pub(super) signature: AlgorithmIdentifierRef<'a>,
    pub(super) issuer: AnyRef<'a>,
    pub(super) this_update: Time,
    pub(super) next_update: Time,
    pub(super) revoked_certificates: Option<Vec<RevokedCertificate<'a>>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) crl_extensions: Option<Vec<Extension>>,
}

/// A version 2 revocation list: complete, a delta to a complete one, or of some certificates only; signed with any
/// [`SignatureAlgorithm`]. Indirect lists and lists for some reasons only are refused.
#[derive(Clone, Eq, PartialEq)]
pub struct AnyRevocationList {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    signature: Signature,
    issuer: DistinguishedName,
    this_update: i64,
    next_update: i64,
    extensions: ListExtensions,
    /// By serial number, each once.
    entries: Vec<(SerialNumber, RevokedEntry)>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct ListExtensions {
    number: Option<Vec<u8>>,
    base_number: Option<Vec<u8>>,
    scope: Scope,
    freshest_crl: Vec<String>,
    authority_key_identifier: Option<Vec<u8>>,
}

impl AnyRevocationList {
    /// Reads a list; its signature is checked by [`verify_signature`](Self::verify_signature).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure; [`Error::Algorithm`],
    /// [`Error::WeakAlgorithm`] and [`Error::Scalar`] for a signature that isn't accepted; [`Error::Invalid`] for
    /// another version, an unknown critical extension of the list or an entry, a serial number listed twice, a next
    /// update before this one, an indirect list, and a list for some reasons only.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let signed = Signed::from_der(STRUCTURE, der)?;
        let list = TbsCertList::from_der(signed.to_be_signed).map_err(Error::encoding(TBS))?;
        require_canonical(TBS, &list, signed.to_be_signed)?;
        let invalid = |reason| Err(Error::Invalid { structure: TBS, reason });
        if list.version != Version::V2 {
            return invalid("version must be v2");
        }
        if list.signature != signed.algorithm {
            return invalid("signature must name the algorithm that the list is signed with");
        }
        let (this_update, next_update) =
            (from_time(TBS, &list.this_update)?, from_time(TBS, &list.next_update)?);
        if next_update < this_update {
            return invalid("nextUpdate must not be before thisUpdate");
        }
        let extensions = ListExtensions::read(list.crl_extensions.as_deref().unwrap_or_default())?;
        let revoked = list.revoked_certificates.unwrap_or_default();
        let mut entries = revoked.iter().map(RevokedCertificate::read).collect::<Result<Vec<_>, _>>()?;
        entries.sort_unstable_by_key(|(serial, _)| *serial);
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return invalid("a serial number is listed twice");
        }
        let issuer = list.issuer.to_der().map_err(Error::encoding(TBS))?;
        Ok(Self {
            der: der.to_vec(),
            to_be_signed: signed.to_be_signed.to_vec(),
            signature: signed.signature,
            issuer: DistinguishedName::from_der(&issuer)?,
            this_update,
            next_update,
            extensions,
            entries,
        })
    }

    /// Reads the PEM form, label `X509 CRL`.
    ///
    /// # Errors
    /// [`Error::Pem`], and as [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_der(&decode_pem(STRUCTURE, PEM_LABEL, pem)?)
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM form, label `X509 CRL`, lines ended by LF.
    pub fn to_pem(&self) -> Result<String, Error> {
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, &self.der).map_err(Error::pem(STRUCTURE))
    }

    /// Whether `issuer` signed this list: its name is the list's issuer, it may sign lists, and its key verifies.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another name or a key without cRLSign, [`Error::Signature`], [`Error::KeyAlgorithm`].
    pub fn verify_signature(&self, issuer: &AnyCertificate) -> Result<(), Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if self.issuer != *issuer.subject() {
            return invalid("was issued under another name");
        }
        if !issuer.key_usage().is_some_and(|usage| usage.contains(KeyUsage::CRL_SIGN)) {
            return invalid("the issuer's key usage lacks cRLSign");
        }
        self.signature.verify(issuer.any_public_key(), &self.to_be_signed)
    }

    /// What a complete list says about this certificate; `None` when it is not revoked.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the list doesn't speak of the certificate, which is not the same as not revoked: it is of
    /// another issuer, of other certificates, or a delta, which needs its base ([`with_delta`](Self::with_delta)).
    pub fn status(&self, certificate: &AnyCertificate) -> Result<Option<RevokedEntry>, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if self.is_delta() {
            return invalid("is a delta list, which says nothing without the complete list that it is for");
        }
        self.require_cover(certificate)?;
        Ok(self.entry(certificate.serial()))
    }

    /// This complete list, brought up to date by a delta. Both must have been verified.
    ///
    /// # Errors
    /// As [`CombinedList::new`].
    pub fn with_delta<'a>(&'a self, delta: &'a Self) -> Result<CombinedList<'a>, Error> {
        CombinedList::new(self, delta)
    }

    /// Whether the list is there for this certificate.
    pub(super) fn require_cover(&self, certificate: &AnyCertificate) -> Result<(), Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if self.issuer != *certificate.issuer() {
            return invalid("is of another issuer than the certificate");
        }
        if !self.scope().covers(certificate) {
            return invalid("covers other certificates of the issuer than this one");
        }
        Ok(())
    }

    /// The entry with this number, whatever the list is about: see [`status`](Self::status).
    pub fn entry(&self, serial: &SerialNumber) -> Option<RevokedEntry> {
        let found = self.entries.binary_search_by_key(serial, |(serial, _)| *serial).ok()?;
        Some(self.entries[found].1)
    }

    /// All entries, by serial number.
    pub fn entries(&self) -> &[(SerialNumber, RevokedEntry)] {
        &self.entries
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// When it was made, Unix seconds.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When the next one is due at the latest, Unix seconds.
    pub fn next_update(&self) -> i64 {
        self.next_update
    }

    /// The list's number (cRLNumber), big-endian, when it has one.
    pub fn number(&self) -> Option<&[u8]> {
        self.extensions.number.as_deref()
    }

    /// Of a delta, the number of the complete list from which on it tells the changes (deltaCRLIndicator), big-endian.
    pub fn base_number(&self) -> Option<&[u8]> {
        self.extensions.base_number.as_deref()
    }

    /// Whether it is a delta list.
    pub fn is_delta(&self) -> bool {
        self.base_number().is_some()
    }

    /// Which of its issuer's certificates it speaks of.
    pub fn scope(&self) -> &Scope {
        &self.extensions.scope
    }

    /// The URIs under which deltas to it are published (freshestCRL).
    pub fn freshest_crl(&self) -> &[String] {
        &self.extensions.freshest_crl
    }

    /// The name of the key that signed it.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.authority_key_identifier.as_deref()
    }

    /// What it is signed with.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature.algorithm()
    }
}

impl fmt::Debug for AnyRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_delta() { "delta, " } else { "" };
        write!(f, "RevocationList({}, {kind}{} entries)", self.issuer, self.entries.len())
    }
}

impl ListExtensions {
    fn read(all: &[Extension]) -> Result<Self, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: TBS, reason });
        let mut extensions = Self::default();
        for (i, extension) in all.iter().enumerate() {
            if all[..i].iter().any(|earlier| earlier.extn_id == extension.extn_id) {
                return invalid("each extension may appear only once");
            }
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                oid::CRL_NUMBER => extensions.number = Some(number("CRLNumber", value)?),
                oid::DELTA_CRL_INDICATOR if extension.critical => {
                    extensions.base_number = Some(number("BaseCRLNumber", value)?);
                }
                oid::DELTA_CRL_INDICATOR => return invalid("deltaCRLIndicator must be critical"),
                oid::ISSUING_DISTRIBUTION_POINT => extensions.scope = Scope::from_extension(extension)?,
                oid::FRESHEST_CRL => extensions.freshest_crl = distribution_points("FreshestCRL", value)?,
                oid::AUTHORITY_KEY_IDENTIFIER => {
                    let value: AuthorityKeyIdentifier = decode("AuthorityKeyIdentifier", value)?;
                    extensions.authority_key_identifier =
                        value.key_identifier.map(|identifier| identifier.as_bytes().to_vec());
                }
                _ if extension.critical => return invalid("has a critical extension that is not understood"),
                _ => {}
            }
        }
        if extensions.base_number.is_some() {
            // RFC 5280, 5.2.3 and 5.2.6
            if extensions.number.is_none() {
                return invalid("a delta list must have a cRLNumber");
            }
            if !extensions.freshest_crl.is_empty() {
                return invalid("a delta list must not have a freshestCRL");
            }
        }
        Ok(extensions)
    }
}

/// `INTEGER (0..MAX)` of at most 20 bytes (RFC 5280, 5.2.3).
fn number(structure: &'static str, value: &[u8]) -> Result<Vec<u8>, Error> {
    let value: UintRef<'_> = decode(structure, value)?;
    let bytes = value.as_bytes();
    if bytes.len() > 20 {
        return Err(Error::Length { structure, expected: "at most 20", found: bytes.len() });
    }
    Ok(bytes.to_vec())
}
