//! Ordering a certificate in another's place: a renewal around its end, or another key since phone or PIN is lost.

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{DAY_SECONDS, Order, OrderRefusal, Reason};
use crate::certificate::{Facts, Standing};
use crate::offer::Policy;

impl Reason {
    /// The certificate in whose place the new one comes.
    #[must_use]
    pub fn in_place_of(&self) -> Option<&Sm3Hex> {
        match self {
            Self::New => None,
            Self::Renew { certificate } | Self::Rekey { certificate } => Some(certificate),
        }
    }

    /// Whether something may be ordered in the place of this certificate, for this reason. `orders` are its holder's: one at a
    /// time comes in a certificate's place.
    ///
    /// # Errors
    /// When it was revoked or replaced, its end is too far off or too long ago, or another order is on its way.
    pub fn may_replace<'a>(
        &self,
        (facts, standing): (&Facts, &Standing),
        orders: impl IntoIterator<Item = &'a Order>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), OrderRefusal> {
        if standing.is_revoked() {
            return Err(OrderRefusal::FormerRevoked);
        }
        if standing.successor.is_some() {
            return Err(OrderRefusal::FormerReplaced);
        }
        let ends = facts.not_after;
        if matches!(self, Self::Renew { .. }) && ends > now.plus_seconds(seconds(policy.renewal_days)) {
            return Err(OrderRefusal::TooEarly { days: policy.renewal_days, ends });
        }
        if ends.plus_seconds(seconds(policy.late_renewal_days)) < now {
            return Err(OrderRefusal::TooLate { days: policy.late_renewal_days, ends });
        }
        let same = |order: &&Order| order.wish.reason.in_place_of() == Some(&facts.sm3);
        let other = orders.into_iter().filter(same).find(|order| !order.is_over());
        other.map_or(Ok(()), |other| Err(OrderRefusal::ReplacementOpen(other.id)))
    }
}

fn seconds(days: u32) -> u32 {
    days.saturating_mul(DAY_SECONDS)
}
