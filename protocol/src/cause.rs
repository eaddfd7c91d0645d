//! Why a session ended without a result, and through whom: by art. 31 of the rules on electronic bidding
//! (电子招标投标办法) a bid that stays encrypted through its bidder's fault is cancelled (撤销), through anyone else's
//! withdrawn (撤回).

use serde::{Deserialize, Serialize};

use crate::identifier::ItemId;
use crate::timestamp::Timestamp;

/// The cause of an end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Cause {
    /// The time to scan ran out and nobody had scanned.
    NeverScanned,
    /// Scanned, but the time to confirm ran out.
    NotConfirmed,
    /// Scanned, but the bid system did not send the items in time.
    ItemsNeverCame,
    /// The items came so late that the holder had less than a minute to confirm.
    ItemsCameLate,
    /// The holder said no.
    DeclinedByHolder,
    /// The holder reported that this is not what they wanted to do.
    ReportedByHolder,
    /// Too many wrong PINs: the key on the phone is locked.
    PinLocked,
    /// The phone found that the bytes to sign do not say what it was to show.
    RefusedByPhone,
    /// The holder's encryption key does not open this item.
    KeyDidNotOpen {
        /// The first such item.
        item: ItemId,
    },
    /// The signing or encryption certificate was revoked after the claim.
    CertificateRevoked,
    /// The signing or encryption certificate was suspended after the claim.
    CertificateSuspended,
    /// The certificate's validity ended after the claim.
    CertificateExpired,
    /// The seal was revoked after the claim, has ended, or is no longer for this certificate.
    SealNotUsable,
    /// The bid system cancelled the session.
    CancelledByRelyingParty,
    /// The bid system cancelled the opening.
    OpeningCancelled,
    /// Time ran out, and in that time the broker was down.
    BrokerUnavailable {
        /// Start of the outage.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// Time ran out, and in that time the CA's status service could not be reached.
    CertificateAuthorityUnavailable {
        /// Start of the outage.
        from: Timestamp,
        /// Its end, or the session's.
        until: Timestamp,
    },
}

/// Through whom a session ended without a result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// The bidder.
    Holder,
    /// The bid system.
    RelyingParty,
    /// This broker.
    Broker,
    /// The CA of the holder's certificate.
    CertificateAuthority,
    /// It cannot be told from what the broker knows.
    Undetermined,
}

impl Cause {
    /// Through whom.
    pub fn attribution(&self) -> Attribution {
        match self {
            Self::NeverScanned
            | Self::NotConfirmed
            | Self::DeclinedByHolder
            | Self::ReportedByHolder
            | Self::PinLocked
            | Self::KeyDidNotOpen { .. }
            | Self::CertificateRevoked
            | Self::CertificateSuspended
            | Self::CertificateExpired
            | Self::SealNotUsable => Attribution::Holder,
            Self::ItemsNeverCame
            | Self::ItemsCameLate
            | Self::CancelledByRelyingParty
            | Self::OpeningCancelled => Attribution::RelyingParty,
            // The phone says so, and nobody else can see it: no ground to blame anyone.
            Self::RefusedByPhone => Attribution::Undetermined,
            Self::BrokerUnavailable { .. } => Attribution::Broker,
            Self::CertificateAuthorityUnavailable { .. } => Attribution::CertificateAuthority,
        }
    }
}
