//! One rule each.

use yinqiao_protocol::{OperatorId, UserId};

use super::*;
use crate::actor::OperatorRole;
use crate::certificate::fixture::{chief, day, facts, holder, staff, user};
use crate::certificate::{RevocationReason, Standing};
use crate::job::JobKind;
use crate::refusal::RefusalKind;

pub(super) fn phone(fill: u8) -> Base64 {
    let mut key = vec![fill; 65];
    key[0] = 4;
    Base64(key)
}

pub(super) fn officer(number: u8) -> Actor {
    Actor::Operator { id: OperatorId::from_bytes([number; 16]), role: OperatorRole::SecurityOfficer }
}

/// Asked for on day 1 by the phone 1, with a week for the consents.
pub(super) fn requested() -> Recovery {
    let id = RecoveryId::from_bytes([1; 16]);
    let fresh = Standing::default();
    Recovery::request(id, (&facts(), &fresh), phone(1), None, 7, &holder(), day(1)).unwrap().next
}

fn recovering() -> Recovery {
    let once = requested().consent(&officer(1), day(2)).unwrap().next;
    once.consent(&officer(2), day(2)).unwrap().next
}

#[test]
fn two_different_officers_have_to_consent_before_the_ca_is_asked() {
    let once = requested().consent(&officer(1), day(2)).unwrap();
    assert_eq!(once.jobs, []);
    assert!(!once.next.consent(&officer(1), day(2)).unwrap().changed);
    let twice = once.next.consent(&officer(2), day(3)).unwrap();
    assert_eq!(twice.jobs[0].kind, JobKind::RecoverKey(twice.next.id));
    assert!(matches!(twice.next.state, RecoveryState::Recovering { .. }));
    assert_eq!(twice.next.consent(&officer(3), day(3)), Err(RecoveryRefusal::Recovering));
    assert!(!twice.next.consent(&officer(2), day(3)).unwrap().changed);
}

#[test]
fn nobody_else_consents_or_rejects() {
    for by in [
        holder(),
        chief(),
        staff(OperatorRole::Operator),
        staff(OperatorRole::Auditor),
        Actor::PaymentProvider,
    ] {
        assert_eq!(requested().consent(&by, day(2)), Err(RecoveryRefusal::NotAllowed));
        assert_eq!(requested().reject(&by, "no", day(2)), Err(RecoveryRefusal::NotAllowed));
    }
    assert_eq!(requested().consent(&Actor::System, day(2)), Err(RecoveryRefusal::NotAllowed));
}

#[test]
fn only_the_holder_asks_and_once_at_a_time() {
    let fresh = Standing::default();
    let ask = |by: &Actor, key: Base64, open: Option<RecoveryId>| {
        let id = RecoveryId::from_bytes([1; 16]);
        Recovery::request(id, (&facts(), &fresh), key, open, 7, by, day(1)).map(|step| step.next)
    };
    assert_eq!(ask(&chief(), phone(1), None), Err(RecoveryRefusal::NotFound));
    assert_eq!(ask(&holder(), Base64(vec![4; 64]), None), Err(RecoveryRefusal::DeviceKey));
    let other = Some(RecoveryId::from_bytes([2; 16]));
    assert_eq!(ask(&holder(), phone(1), other), Err(RecoveryRefusal::AlreadyOpen));
    assert!(ask(&holder(), phone(1), None).is_ok());
}

#[test]
fn the_key_of_a_revoked_certificate_can_be_recovered() {
    let revoked = Standing::revoked(RevocationReason::KeyCompromise, day(1), true);
    let id = RecoveryId::from_bytes([1; 16]);
    assert!(Recovery::request(id, (&facts(), &revoked), phone(1), None, 7, &holder(), day(2)).is_ok());
}

#[test]
fn consents_that_come_too_late_count_for_nothing() {
    let once = requested().consent(&officer(1), day(2)).unwrap().next;
    assert_eq!(once.consent(&officer(2), day(8)), Err(RecoveryRefusal::Over("expired")));
    assert!(once.is_open(day(7)) && !once.is_open(day(8)));
    assert!(!once.expire(day(7)).changed);
    assert_eq!(once.expire(day(9)).next.state, RecoveryState::Expired { at: day(8) });
    assert!(!recovering().expire(day(9)).changed);
}

#[test]
fn the_reply_goes_to_the_holder_at_the_phone_that_asked() {
    let envelope = Base64(vec![1, 2, 3]);
    let done = recovering().done(envelope.clone(), &Actor::System, day(3)).unwrap().next;
    assert_eq!(done.reply(&holder(), &phone(1)), Ok(&envelope));
    assert_eq!(done.reply(&holder(), &phone(2)), Err(RecoveryRefusal::OtherDevice));
    let stranger = user(UserId::from_bytes([1; 16]));
    assert_eq!(done.reply(&stranger, &phone(1)), Err(RecoveryRefusal::NotFound));
    assert_eq!(recovering().reply(&holder(), &phone(1)).unwrap_err().kind(), RefusalKind::Conflict);
}

#[test]
fn a_removal_ends_it_while_the_ca_is_asked_and_the_reply_is_dropped() {
    let rejected = recovering().reject(&Actor::System, "the company was deleted", day(3)).unwrap().next;
    let reply = rejected.done(Base64(vec![1]), &Actor::System, day(3));
    assert_eq!(reply, Err(RecoveryRefusal::Over("rejected")));
    assert_eq!(recovering().reject(&officer(3), "no", day(3)), Err(RecoveryRefusal::Recovering));
}
