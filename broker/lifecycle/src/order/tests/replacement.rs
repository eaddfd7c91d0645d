//! What may come in a certificate's place, and when.

use super::*;
use crate::certificate::fixture::facts;
use crate::certificate::{Facts, RevocationReason, Standing};

fn former() -> Facts {
    Facts { not_after: start_time().plus_seconds(200 * DAY_SECONDS), ..facts() }
}

fn renewal() -> Reason {
    Reason::Renew { certificate: former().sm3 }
}

fn after(days: u32) -> Timestamp {
    start_time().plus_seconds(days * DAY_SECONDS)
}

fn judged(
    reason: &Reason,
    standing: &Standing,
    orders: &[Order],
    now: Timestamp,
) -> Result<(), OrderRefusal> {
    reason.may_replace((&former(), standing), orders, &Policy::default(), now)
}

fn on_its_way(reason: Reason) -> Order {
    let order = order(100);
    Order { wish: Wish { reason, ..wish() }, ..order }
}

#[test]
fn a_certificate_is_renewed_around_its_end_and_not_long_before_or_after() {
    let standing = Standing::default();
    let ends = former().not_after;
    let judged = |reason: &Reason, day| judged(reason, &standing, &[], after(day));
    assert_eq!(judged(&renewal(), 109), Err(OrderRefusal::TooEarly { days: 90, ends }));
    assert_eq!(judged(&renewal(), 110), Ok(()));
    assert_eq!(judged(&renewal(), 230), Ok(()));
    assert_eq!(judged(&renewal(), 231), Err(OrderRefusal::TooLate { days: 30, ends }));
    let rekey = Reason::Rekey { certificate: former().sm3 };
    assert_eq!(judged(&rekey, 0), Ok(()));
    assert_eq!(judged(&rekey, 231), Err(OrderRefusal::TooLate { days: 30, ends }));
}

#[test]
fn one_order_at_a_time_comes_in_a_certificates_place() {
    let standing = Standing::default();
    let first = on_its_way(renewal());
    let refused = Err(OrderRefusal::ReplacementOpen(first.id));
    let cancelled = first.cancel(&applicant(), start_time()).unwrap().next;
    let orders = [on_its_way(Reason::New), first];
    let near = Facts { not_after: start_time(), ..former() };
    let judged = |reason: &Reason, orders: &[Order], now| {
        reason.may_replace((&near, &standing), orders, &Policy::default(), now)
    };
    assert_eq!(judged(&renewal(), &orders, start_time()), refused);
    assert_eq!(judged(&Reason::Rekey { certificate: near.sm3 }, &orders, start_time()), refused);
    assert_eq!(judged(&renewal(), &[cancelled], start_time()), Ok(()));
    // It has waited too long, and its payment may still be heard of: it stands in the way until it has expired.
    let late = orders[1].deadline().unwrap();
    assert_eq!(judged(&renewal(), &orders, late), refused);
    assert_eq!(judged(&renewal(), &[orders[1].expire(late).next], late), Ok(()));
    let of_another = on_its_way(Reason::Renew { certificate: Sm3Hex::of(b"another") });
    assert_eq!(judged(&renewal(), &[of_another], start_time()), Ok(()));
}

#[test]
fn nothing_comes_in_the_place_of_what_was_revoked_or_replaced() {
    let by = Actor::System;
    let facts = former();
    let revoked =
        Standing::default().revoke(&facts, &by, RevocationReason::Unspecified, start_time()).unwrap().next;
    assert_eq!(judged(&renewal(), &revoked, &[], after(150)), Err(OrderRefusal::FormerRevoked));
    let replaced = Standing { successor: Some(Sm3Hex::of(b"next")), ..Standing::default() };
    assert_eq!(judged(&renewal(), &replaced, &[], after(150)), Err(OrderRefusal::FormerReplaced));
}
