//! One revoked certificate of a list.

use der::{Sequence, asn1::UintRef};
use x509_cert::{
    ext::{Extension, pkix::CrlReason},
    time::Time,
};

use super::{
    super::{
        SerialNumber,
        extension::{decode, extension},
        time::{from_time, to_time},
    },
    TBS,
};
use crate::{Error, oid};

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

/// ```text
/// SEQUENCE {                                              -- an element of revokedCertificates
///   userCertificate      CertificateSerialNumber,
///   revocationDate       Time,
///   crlEntryExtensions   Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct RevokedCertificate<'a> {
    user_certificate: UintRef<'a>,
    revocation_date: Time,
    crl_entry_extensions: Option<Vec<Extension>>,
}

impl<'a> RevokedCertificate<'a> {
    pub(super) fn new(serial: &'a SerialNumber, entry: &RevokedEntry) -> Result<Self, Error> {
        // RFC 5280, 5.3.1: unspecified is said by saying nothing.
        let extensions = match entry.reason {
            RevocationReason::Unspecified => None,
            reason => Some(vec![extension("CRLReason", oid::CRL_REASON, false, &reason.to_crl_reason())?]),
        };
        Ok(Self {
            user_certificate: serial.as_uint()?,
            revocation_date: to_time(TBS, entry.revoked_at)?,
            crl_entry_extensions: extensions,
        })
    }

    pub(super) fn read(&self) -> Result<(SerialNumber, RevokedEntry), Error> {
        let mut reason = RevocationReason::Unspecified;
        for extension in self.crl_entry_extensions.iter().flatten() {
            let refused = |reason| Err(Error::Invalid { structure: TBS, reason });
            match extension.extn_id {
                oid::CRL_REASON => {
                    let value = decode("CRLReason", extension.extn_value.as_bytes())?;
                    reason = RevocationReason::from_crl_reason(value);
                }
                oid::CERTIFICATE_ISSUER => {
                    return refused(
                        "is an indirect list: an entry names another issuer, which is not supported",
                    );
                }
                _ if extension.critical => {
                    return refused("an entry has a critical extension that is not understood");
                }
                _ => {}
            }
        }
        let revoked_at = from_time(TBS, &self.revocation_date)?;
        Ok((SerialNumber::from_bytes(self.user_certificate.as_bytes())?, RevokedEntry { revoked_at, reason }))
    }
}
