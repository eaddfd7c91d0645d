//! What there is still of what is removed, as read from the store.

use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{OrderId, RecoveryId, SealApplicationId, SealId, Sm3Hex, UserId};

use crate::identity::CreditCode;

/// All that belongs to what is removed and is not gone: of one person in one company, of a company, of a person everywhere.
/// Read in one go, in any order. What belongs to others has no place in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inventory {
    /// Certificates that can be seen.
    pub certificates: Vec<RemainingCertificate>,
    /// Orders that may still become certificates, or hold money.
    pub orders: Vec<OrderId>,
    /// Recoveries that are open.
    pub recoveries: Vec<RecoveryId>,
    /// Seals that are not revoked, or whose revocation the CA has not confirmed.
    pub seals: Vec<RemainingSeal>,
    /// Applications for seals of which something may still come: under review, or cancelled and not settled.
    pub seal_applications: Vec<SealApplicationId>,
    /// Memberships that are active or applied for.
    pub memberships: Vec<(CreditCode, UserId)>,
    /// Whoever has sessions open.
    pub sessions: Vec<UserId>,
    /// Whether the company or person itself is still there.
    pub subject_present: bool,
}

/// A certificate that can be seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemainingCertificate {
    /// Which.
    pub sm3: Sm3Hex,
    /// Whether it is over for the broker and the CA: expired, or revoked with nothing left to ask the CA for.
    pub over: bool,
}

/// A seal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemainingSeal {
    /// Which.
    pub id: SealId,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
}
