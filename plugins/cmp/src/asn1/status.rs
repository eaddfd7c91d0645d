//! What the CA says about a request.

use der::asn1::BitString;
use der::{Sequence, ValueOrd};

/// ```text
/// PKIStatusInfo ::= SEQUENCE {                            -- RFC 9810, 5.2.3
///   status        PKIStatus,
///   statusString  PKIFreeText     OPTIONAL,
///   failInfo      PKIFailureInfo  OPTIONAL }
/// PKIFreeText ::= SEQUENCE SIZE (1..MAX) OF UTF8String
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Sequence, ValueOrd)]
pub(crate) struct PkiStatusInfo {
    pub(crate) status: i64,
    pub(crate) status_string: Option<Vec<String>>,
    pub(crate) fail_info: Option<BitString>,
}

impl PkiStatusInfo {
    /// The rejection of a certificate in a certConf.
    pub(crate) fn rejection(failure: FailureInfo, text: &str) -> der::Result<Self> {
        let octet_count = failure.0 / 8 + 1;
        let mut octets = vec![0_u8; octet_count as usize];
        if let Some(last) = octets.last_mut() {
            *last = 0x80 >> (failure.0 % 8);
        }
        // DER of a named bit list: no trailing zero bits (X.690, 11.2.2).
        let unused = 7 - (failure.0 % 8) as u8;
        Ok(Self {
            status: PkiStatus::Rejection.number(),
            status_string: Some(vec![text.to_owned()]),
            fail_info: Some(BitString::new(unused, octets)?),
        })
    }

    /// The status, when it is one of the standard's.
    pub(crate) fn pki_status(&self) -> Option<PkiStatus> {
        PkiStatus::from_number(self.status)
    }

    /// The bits that are set, by number.
    pub(crate) fn failures(&self) -> Vec<FailureInfo> {
        let bits = self.fail_info.iter().flat_map(|bits| bits.bits().enumerate());
        bits.filter(|(_, set)| *set).map(|(number, _)| FailureInfo(number as u32)).collect()
    }

    /// The CA's words.
    pub(crate) fn text(&self) -> Option<String> {
        self.status_string.as_ref().map(|lines| lines.join("; ")).filter(|text| !text.is_empty())
    }
}

/// ```text
/// PKIStatus ::= INTEGER { accepted (0), grantedWithMods (1), rejection (2), waiting (3), revocationWarning (4),
///                         revocationNotification (5), keyUpdateWarning (6) }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PkiStatus {
    Accepted,
    GrantedWithMods,
    Rejection,
    Waiting,
    RevocationWarning,
    RevocationNotification,
    KeyUpdateWarning,
}

impl PkiStatus {
    const ALL: [Self; 7] = [
        Self::Accepted,
        Self::GrantedWithMods,
        Self::Rejection,
        Self::Waiting,
        Self::RevocationWarning,
        Self::RevocationNotification,
        Self::KeyUpdateWarning,
    ];

    fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|number| Self::ALL.get(number).copied())
    }

    const fn number(self) -> i64 {
        self as i64
    }

    /// As the standard spells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::GrantedWithMods => "grantedWithMods",
            Self::Rejection => "rejection",
            Self::Waiting => "waiting",
            Self::RevocationWarning => "revocationWarning",
            Self::RevocationNotification => "revocationNotification",
            Self::KeyUpdateWarning => "keyUpdateWarning",
        }
    }
}

/// One bit of `PKIFailureInfo` (RFC 9810, 5.2.3), by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FailureInfo(pub(crate) u32);

impl FailureInfo {
    pub(crate) const BAD_MESSAGE_CHECK: Self = Self(1);
    pub(crate) const BAD_TIME: Self = Self(3);
    pub(crate) const INCORRECT_DATA: Self = Self(7);
    pub(crate) const CERT_REVOKED: Self = Self(10);
    pub(crate) const CERT_CONFIRMED: Self = Self(11);
    pub(crate) const WRONG_INTEGRITY: Self = Self(12);
    pub(crate) const TIME_NOT_AVAILABLE: Self = Self(14);
    pub(crate) const SIGNER_NOT_TRUSTED: Self = Self(20);
    pub(crate) const TRANSACTION_ID_IN_USE: Self = Self(21);
    pub(crate) const NOT_AUTHORIZED: Self = Self(23);
    pub(crate) const SYSTEM_UNAVAIL: Self = Self(24);
    pub(crate) const SYSTEM_FAILURE: Self = Self(25);

    /// As the standard spells it.
    pub(crate) fn name(self) -> String {
        const NAMES: [&str; 27] = [
            "badAlg",
            "badMessageCheck",
            "badRequest",
            "badTime",
            "badCertId",
            "badDataFormat",
            "wrongAuthority",
            "incorrectData",
            "missingTimeStamp",
            "badPOP",
            "certRevoked",
            "certConfirmed",
            "wrongIntegrity",
            "badRecipientNonce",
            "timeNotAvailable",
            "unacceptedPolicy",
            "unacceptedExtension",
            "addInfoNotAvailable",
            "badSenderNonce",
            "badCertTemplate",
            "signerNotTrusted",
            "transactionIdInUse",
            "unsupportedVersion",
            "notAuthorized",
            "systemUnavail",
            "systemFailure",
            "duplicateCertReq",
        ];
        NAMES.get(self.0 as usize).map_or_else(|| format!("bit {}", self.0), |name| (*name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_sets_exactly_its_bit_in_der() {
        for number in 0..27 {
            let info = PkiStatusInfo::rejection(FailureInfo(number), "no").unwrap();
            let bits = info.fail_info.clone().unwrap();
            assert_eq!(info.failures(), [FailureInfo(number)]);
            assert_eq!(bits.bit_len(), number as usize + 1, "no trailing zero bits");
        }
    }

    #[test]
    fn failures_are_spelled_as_in_the_standard() {
        assert_eq!(FailureInfo(9).name(), "badPOP");
        assert_eq!(FailureInfo(26).name(), "duplicateCertReq");
        assert_eq!(FailureInfo(27).name(), "bit 27");
    }
}
