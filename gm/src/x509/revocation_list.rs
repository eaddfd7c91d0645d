//! Certificate revocation lists (RFC 5280, 5).

use std::fmt;

use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, Uint, UintRef},
    pem::LineEnding,
};
use spki::AlgorithmIdentifierRef;
use x509_cert::{
    certificate::Version,
    ext::{
        Extension,
        pkix::{CrlNumber, CrlReason},
    },
    time::Time,
};

use super::{
    Certificate, DistinguishedName, KeyUsage, SerialNumber,
    extension::{authority_key_identifier, decode, extension},
    signed::{self, Signed, decode_pem, sm2_with_sm3},
    time::{from_time, to_time},
};
use crate::{Error, error::require_canonical, oid, sm2};

const STRUCTURE: &str = "CertificateList";
const TBS: &str = "TBSCertList";
const PEM_LABEL: &str = "X509 CRL";

/// ```text
/// TBSCertList ::= SEQUENCE {                              -- RFC 5280, 5.1
///   version              Version OPTIONAL,                -- here always v2
///   signature            AlgorithmIdentifier,
///   issuer               Name,
///   thisUpdate           Time,
///   nextUpdate           Time OPTIONAL,                   -- here always present, as 5.1.2.5 demands
///   revokedCertificates  SEQUENCE OF SEQUENCE {
///     userCertificate      CertificateSerialNumber,
///     revocationDate       Time,
///     crlEntryExtensions   Extensions OPTIONAL } OPTIONAL,
///   crlExtensions        [0] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
struct TbsCertList<'a> {
    version: Version,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    revoked_certificates: Option<Vec<RevokedCertificate<'a>>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    crl_extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct RevokedCertificate<'a> {
    user_certificate: UintRef<'a>,
    revocation_date: Time,
    crl_entry_extensions: Option<Vec<Extension>>,
}

/// Why a certificate was revoked.
///
/// ```text
/// CRLReason ::= ENUMERATED { ... }                        -- RFC 5280, 5.3.1
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RevocationReason {
    /// 0, also where the list gives no reason.
    Unspecified,
    /// 1: the private key is, or may be, in other hands.
    KeyCompromise,
    /// 2: the CA's key is.
    CaCompromise,
    /// 3: the subject's name or membership changed.
    AffiliationChanged,
    /// 4: another certificate took its place.
    Superseded,
    /// 5: it is no longer needed.
    CessationOfOperation,
    /// 6: suspended; may become valid again.
    CertificateHold,
    /// 8: in a delta list, no longer suspended.
    RemoveFromCrl,
    /// 9: a right that it states was withdrawn.
    PrivilegeWithdrawn,
    /// 10: the attribute authority's key is in other hands.
    AaCompromise,
}

impl RevocationReason {
    /// The number in `CRLReason`.
    pub const fn code(self) -> u8 {
        self.to_crl_reason() as u8
    }

    pub(crate) const fn to_crl_reason(self) -> CrlReason {
        match self {
            Self::Unspecified => CrlReason::Unspecified,
            Self::KeyCompromise => CrlReason::KeyCompromise,
            Self::CaCompromise => CrlReason::CaCompromise,
            Self::AffiliationChanged => CrlReason::AffiliationChanged,
            Self::Superseded => CrlReason::Superseded,
            Self::CessationOfOperation => CrlReason::CessationOfOperation,
            Self::CertificateHold => CrlReason::CertificateHold,
            Self::RemoveFromCrl => CrlReason::RemoveFromCRL,
            Self::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
            Self::AaCompromise => CrlReason::AaCompromise,
        }
    }

    pub(crate) const fn from_crl_reason(reason: CrlReason) -> Self {
        match reason {
            CrlReason::Unspecified => Self::Unspecified,
            CrlReason::KeyCompromise => Self::KeyCompromise,
            CrlReason::CaCompromise => Self::CaCompromise,
            CrlReason::AffiliationChanged => Self::AffiliationChanged,
            CrlReason::Superseded => Self::Superseded,
            CrlReason::CessationOfOperation => Self::CessationOfOperation,
            CrlReason::CertificateHold => Self::CertificateHold,
            CrlReason::RemoveFromCRL => Self::RemoveFromCrl,
            CrlReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            CrlReason::AaCompromise => Self::AaCompromise,
        }
    }
}

/// What a list says about one certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevokedEntry {
    /// Since when, Unix seconds.
    pub revoked_at: i64,
    /// Why.
    pub reason: RevocationReason,
}

/// A complete version 2 revocation list. Delta and indirect lists, and lists of some reasons or some certificates
/// only, are refused: they carry critical extensions.
#[derive(Clone, Eq, PartialEq)]
pub struct CertificateRevocationList {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    signature: sm2::Signature,
    issuer: DistinguishedName,
    this_update: i64,
    next_update: i64,
    number: Option<Vec<u8>>,
    /// By serial number, each once.
    entries: Vec<(SerialNumber, RevokedEntry)>,
}

impl CertificateRevocationList {
    /// Makes a list of `entries`, signed as `issuer`. `number` must grow from list to list.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not the issuer's, [`Error::Invalid`] when an update time or an entry
    /// can't stand in a list, [`Error::Randomness`].
    pub fn build(
        issuer: &Certificate,
        key: &sm2::PrivateKey,
        this_update: i64,
        next_update: i64,
        number: u64,
        entries: &[(SerialNumber, RevokedEntry)],
    ) -> Result<Self, Error> {
        if issuer.public_key() != key.public_key() {
            return Err(Error::KeyMismatch { structure: "issuer's certificate" });
        }
        let revoked = entries.iter().map(|(serial, entry)| {
            let reason = entry.reason.to_crl_reason();
            // RFC 5280, 5.3.1: unspecified is said by saying nothing.
            let extensions = match entry.reason {
                RevocationReason::Unspecified => None,
                _ => Some(vec![extension("CRLReason", oid::CRL_REASON, false, &reason)?]),
            };
            Ok(RevokedCertificate {
                user_certificate: serial.as_uint()?,
                revocation_date: to_time(TBS, entry.revoked_at)?,
                crl_entry_extensions: extensions,
            })
        });
        let revoked = revoked.collect::<Result<Vec<_>, Error>>()?;
        let number = Uint::new(&number.to_be_bytes()).map_err(Error::encoding("CRLNumber"))?;
        let mut extensions = vec![extension("CRLNumber", oid::CRL_NUMBER, false, &CrlNumber(number))?];
        if let Some(identifier) = issuer.subject_key_identifier() {
            extensions.push(authority_key_identifier(identifier)?);
        }
        let list = TbsCertList {
            version: Version::V2,
            signature: sm2_with_sm3(),
            issuer: AnyRef::from_der(issuer.subject().as_der()).map_err(Error::encoding(TBS))?,
            this_update: to_time(TBS, this_update)?,
            next_update: to_time(TBS, next_update)?,
            revoked_certificates: if revoked.is_empty() { None } else { Some(revoked) },
            crl_extensions: Some(extensions),
        };
        let list = list.to_der().map_err(Error::encoding(TBS))?;
        Self::from_der(&signed::sign(STRUCTURE, &list, key)?)
    }

    /// Reads a list; its signature is checked by [`verify_signature`](Self::verify_signature).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure; [`Error::Algorithm`] and
    /// [`Error::Scalar`] for a signature that isn't SM2's; [`Error::Invalid`] for another version, an unknown
    /// critical extension of the list or an entry, a serial number listed twice, or a next update before this one.
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
        let mut number = None;
        for extension in list.crl_extensions.iter().flatten() {
            match extension.extn_id {
                oid::CRL_NUMBER => {
                    let value: UintRef<'_> = decode("CRLNumber", extension.extn_value.as_bytes())?;
                    number = Some(value.as_bytes().to_vec());
                }
                oid::AUTHORITY_KEY_IDENTIFIER => {}
                _ if extension.critical => return invalid("has a critical extension that is not understood"),
                _ => {}
            }
        }
        let revoked = list.revoked_certificates.unwrap_or_default();
        let mut entries = revoked.iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
        entries.sort_unstable_by_key(|(serial, _)| *serial);
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return invalid("a serial number is listed twice");
        }
        let issuer = list.issuer.to_der().map_err(Error::encoding(TBS))?;
        Ok(Self {
            der: der.to_vec(),
            to_be_signed: signed.to_be_signed.to_vec(),
            signature: signed.sm2_signature(STRUCTURE)?.clone(),
            issuer: DistinguishedName::from_der(&issuer)?,
            this_update,
            next_update,
            number,
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
    /// [`Error::Invalid`] for another name or a key without cRLSign, [`Error::Signature`].
    pub fn verify_signature(&self, issuer: &Certificate) -> Result<(), Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if self.issuer != *issuer.subject() {
            return invalid("was issued under another name");
        }
        if !issuer.key_usage().is_some_and(|usage| usage.contains(KeyUsage::CRL_SIGN)) {
            return invalid("the issuer's key usage lacks cRLSign");
        }
        issuer.public_key().verify(&self.to_be_signed, &self.signature)
    }

    /// What the list says about this certificate of its issuer; `None` when it is not revoked.
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

    /// The list's number, big-endian, when it has one.
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }
}

impl fmt::Debug for CertificateRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRevocationList({}, {} entries)", self.issuer, self.entries.len())
    }
}

fn read_entry(revoked: &RevokedCertificate<'_>) -> Result<(SerialNumber, RevokedEntry), Error> {
    let mut reason = RevocationReason::Unspecified;
    for extension in revoked.crl_entry_extensions.iter().flatten() {
        if extension.extn_id == oid::CRL_REASON {
            reason = RevocationReason::from_crl_reason(decode("CRLReason", extension.extn_value.as_bytes())?);
        } else if extension.critical {
            return Err(Error::Invalid {
                structure: TBS,
                reason: "an entry has a critical extension that is not understood",
            });
        }
    }
    let revoked_at = from_time(TBS, &revoked.revocation_date)?;
    Ok((SerialNumber::from_bytes(revoked.user_certificate.as_bytes())?, RevokedEntry { revoked_at, reason }))
}
