//! Companies, who belongs to them, orders, removals, and the trading centre's staff.

use yinqiao_lifecycle::cascade::Cascade;
use yinqiao_lifecycle::enterprise::{Enterprise, State as EnterpriseState};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::{Membership, State as MembershipState};
use yinqiao_lifecycle::operator::Operator;
use yinqiao_lifecycle::order::Order;
use yinqiao_protocol::{PaymentId, Sm3Hex, UserId};

use super::{Aggregate, Index, IndexEntry, IndexPrefix};
use crate::store::Collection;

impl Aggregate for Enterprise {
    const COLLECTION: Collection = Collection::Enterprise;

    fn key(&self) -> Vec<u8> {
        self.code.as_str().as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let state: &[u8] = match self.state {
            EnterpriseState::Active => b"active",
            EnterpriseState::Deleting { .. } => b"deleting",
            EnterpriseState::Deleted { .. } => b"deleted",
        };
        vec![
            IndexEntry::falling(Index::EnterpriseByTime, &[], self.since),
            IndexEntry::falling(Index::EnterpriseByState, state, self.since),
            IndexEntry::text(Index::EnterpriseByName, &self.data.name),
        ]
    }
}

/// Companies in use, the newest first.
pub fn active_companies() -> IndexPrefix {
    IndexPrefix::new(Index::EnterpriseByState, b"active")
}

/// Octets of a membership's key: the company's code, then the user.
pub fn membership_key(enterprise: &CreditCode, user: UserId) -> Vec<u8> {
    [enterprise.as_str().as_bytes(), user.as_bytes().as_slice()].concat()
}

/// In which list of a company a membership stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MembershipList {
    /// Who waits for the legal person.
    Applications,
    /// Who belongs to it, or is just being removed.
    Members,
}

impl MembershipList {
    fn of(state: &MembershipState) -> Option<Self> {
        match state {
            MembershipState::Applied => Some(Self::Applications),
            MembershipState::Active { .. } | MembershipState::Removing { .. } => Some(Self::Members),
            MembershipState::Rejected { .. }
            | MembershipState::Withdrawn { .. }
            | MembershipState::Removed { .. } => None,
        }
    }

    /// The list of a company.
    pub fn in_company(self, enterprise: &CreditCode) -> IndexPrefix {
        IndexPrefix::new(Index::MembershipByEnterprise, &self.value(enterprise))
    }

    fn value(self, enterprise: &CreditCode) -> Vec<u8> {
        let list = match self {
            Self::Applications => b'a',
            Self::Members => b'm',
        };
        [enterprise.as_str().as_bytes(), &[list]].concat()
    }
}

impl Aggregate for Membership {
    const COLLECTION: Collection = Collection::Membership;

    fn key(&self) -> Vec<u8> {
        membership_key(&self.enterprise, self.user)
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries =
            vec![IndexEntry::falling(Index::MembershipByUser, self.user.as_bytes(), self.applied_at)];
        if let Some(list) = MembershipList::of(&self.state) {
            let value = list.value(&self.enterprise);
            entries.push(IndexEntry::rising(Index::MembershipByEnterprise, &value, self.applied_at));
        }
        entries
    }
}

/// All memberships of a user, also those that are over.
pub fn memberships_of(user: UserId) -> IndexPrefix {
    IndexPrefix::new(Index::MembershipByUser, user.as_bytes())
}

impl Aggregate for Order {
    const COLLECTION: Collection = Collection::Order;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![
            IndexEntry::falling(Index::OrderByUser, self.applicant.as_bytes(), self.applied_at),
            IndexEntry::falling(Index::OrderByState, self.state_name().as_bytes(), self.applied_at),
            IndexEntry::falling(Index::OrderByTime, &[], self.applied_at),
        ];
        if let Some(code) = &self.enterprise {
            entries.push(IndexEntry::falling(
                Index::OrderByEnterprise,
                code.as_str().as_bytes(),
                self.applied_at,
            ));
        }
        if let Some(payment) = &self.payment {
            entries.push(IndexEntry::plain(Index::OrderByPayment, payment.id.as_bytes()));
            entries.extend(
                payment
                    .references()
                    .map(|reference| IndexEntry::plain(Index::OrderByReference, reference.as_bytes())),
            );
            if let Some(since) = payment.refund_due_since {
                entries.push(IndexEntry::rising(Index::OrderByRefundDue, &[], since));
            }
        }
        if let Some(deadline) = self.deadline() {
            entries.push(IndexEntry::rising(Index::OrderByDeadline, &[], deadline));
        }
        entries
    }
}

/// The orders of a user, the newest first.
pub fn orders_of(user: UserId) -> IndexPrefix {
    IndexPrefix::new(Index::OrderByUser, user.as_bytes())
}

/// The orders for a company, the newest first.
pub fn orders_for(enterprise: &CreditCode) -> IndexPrefix {
    IndexPrefix::new(Index::OrderByEnterprise, enterprise.as_str().as_bytes())
}

/// The orders that this payment is for: one at most.
pub fn orders_by_payment(payment: PaymentId) -> IndexPrefix {
    IndexPrefix::new(Index::OrderByPayment, payment.as_bytes())
}

/// The orders for which a payment came under this reference.
pub fn orders_by_reference(reference: &str) -> IndexPrefix {
    IndexPrefix::new(Index::OrderByReference, reference.as_bytes())
}

/// The orders for which something has to be given back, those that wait the longest first.
pub fn orders_with_refunds_due() -> IndexPrefix {
    IndexPrefix::new(Index::OrderByRefundDue, &[])
}

impl Aggregate for Cascade {
    const COLLECTION: Collection = Collection::Cascade;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::falling(Index::CascadeByTime, &[], self.started_at)];
        if !self.is_finished() {
            entries.push(IndexEntry::rising(Index::CascadeOpen, &[], self.started_at));
        }
        entries
    }
}

impl Aggregate for Operator {
    const COLLECTION: Collection = Collection::Operator;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::rising(Index::OperatorByTime, &[], self.since)];
        if self.disabled_at.is_none() {
            entries.push(IndexEntry::plain(Index::OperatorByToken, self.token_sm3.as_bytes()));
            entries.push(IndexEntry::plain(Index::OperatorByName, self.name.as_bytes()));
        }
        entries
    }
}

/// Staff with this token.
pub fn operators_by_token(token_sm3: &Sm3Hex) -> IndexPrefix {
    IndexPrefix::new(Index::OperatorByToken, token_sm3.as_bytes())
}
