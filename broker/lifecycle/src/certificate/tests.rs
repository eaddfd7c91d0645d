//! One rule each.

use yinqiao_protocol::UserId;

use super::fixture::{chief, day, facts, holder, legal_person, other_company, staff, user};
use super::*;
use crate::actor::{Actor, OperatorRole};
use crate::job::JobKind;
use crate::refusal::RefusalKind;

/// Asks a CA that does all it is asked until there is nothing left.
fn settled(mut standing: Standing) -> Standing {
    while let Some(asked) = standing.next_operation() {
        standing = standing.confirm(&facts(), asked, Answer::Done, day(2)).next;
    }
    standing
}

fn suspended_by(by: &Actor) -> Standing {
    Standing::default().suspend(&facts(), by, HoldReason::PhoneLost, day(1)).unwrap().next
}

fn revoked_by(by: &Actor) -> Standing {
    Standing::default().revoke(&facts(), by, RevocationReason::KeyCompromise, day(1)).unwrap().next
}

#[test]
fn a_record_without_a_standing_reads_as_active() {
    let standing: Standing = serde_json::from_str("{}").unwrap();
    assert_eq!(standing, Standing::default());
    assert_eq!(standing.status(&facts(), day(1)), Status::Active);
    assert_eq!(standing.next_operation(), None);
}

#[test]
fn a_lost_phone_blocks_at_once_and_the_ca_is_asked_for_a_hold() {
    let step = Standing::default().suspend(&facts(), &holder(), HoldReason::PhoneLost, day(1)).unwrap();
    assert_eq!(step.next.status(&facts(), day(1)), Status::Held);
    assert_eq!(step.jobs[0].kind, JobKind::Reconcile(facts().sm3));
    assert_eq!(step.next.next_operation().unwrap().operation, CaOperation::Hold);
}

#[test]
fn a_resumed_certificate_is_in_force_when_the_ca_has_let_it_go() {
    let held = settled(suspended_by(&holder()));
    let resumed = held.resume(&facts(), &holder(), day(2)).unwrap().next;
    assert_eq!(resumed.status(&facts(), day(2)), Status::Held);
    assert_eq!(settled(resumed).status(&facts(), day(2)), Status::Active);
}

#[test]
fn the_holder_cannot_resume_what_the_legal_person_suspended_or_took_over() {
    let taken_over = suspended_by(&holder())
        .suspend(&facts(), &chief(), HoldReason::SuspectedMisuse, day(1))
        .unwrap()
        .next;
    for standing in [suspended_by(&chief()), taken_over, suspended_by(&staff(OperatorRole::Operator))] {
        assert_eq!(standing.resume(&facts(), &holder(), day(2)), Err(CertificateRefusal::SuspendedByOther));
        assert!(standing.resume(&facts(), &chief(), day(2)).unwrap().changed);
    }
}

#[test]
fn the_holder_does_not_take_a_suspension_over_by_asking_for_it_again() {
    let standing = suspended_by(&chief());
    let again = standing.suspend(&facts(), &holder(), HoldReason::PhoneLost, day(2)).unwrap();
    assert!(!again.changed);
}

#[test]
fn strangers_see_nothing_and_other_powers_may_nothing() {
    let elsewhere = legal_person(UserId::from_bytes([3; 16]), other_company());
    for (by, kind) in [
        (user(UserId::from_bytes([2; 16])), RefusalKind::NotFound),
        (elsewhere, RefusalKind::NotFound),
        (staff(OperatorRole::Auditor), RefusalKind::NotAllowed),
        (staff(OperatorRole::SecurityOfficer), RefusalKind::NotAllowed),
        (Actor::PaymentProvider, RefusalKind::NotAllowed),
    ] {
        let standing = Standing::default();
        let suspended = standing.suspend(&facts(), &by, HoldReason::PhoneLost, day(1));
        let revoked = standing.revoke(&facts(), &by, RevocationReason::Unspecified, day(1));
        assert_eq!(suspended.unwrap_err().kind(), kind, "{by:?}");
        assert_eq!(revoked.unwrap_err().kind(), kind, "{by:?}");
    }
}

#[test]
fn reasons_that_are_not_the_holders_to_give_are_refused() {
    for reason in [RevocationReason::CaCompromise, RevocationReason::PrivilegeWithdrawn] {
        let refusal = Standing::default().revoke(&facts(), &holder(), reason, day(1)).unwrap_err();
        assert_eq!(refusal.kind(), RefusalKind::Invalid);
    }
    let kept = Standing::default().suspend(&facts(), &chief(), HoldReason::KeptByAuthority, day(1));
    assert_eq!(kept.unwrap_err().kind(), RefusalKind::Invalid);
}

#[test]
fn a_revocation_passes_a_hold_whose_answer_is_awaited() {
    let revoked = suspended_by(&holder())
        .revoke(&facts(), &chief(), RevocationReason::AffiliationChanged, day(1))
        .unwrap()
        .next;
    let asked = revoked.next_operation().unwrap();
    assert_eq!(asked.operation, CaOperation::Revoke(RevocationReason::AffiliationChanged));
    let hold = PendingOperation { number: 0, operation: CaOperation::Hold };
    let late = revoked.confirm(&facts(), hold, Answer::Done, day(1)).next;
    assert_eq!((late.confirmed, late.status(&facts(), day(1))), (Confirmed::Held, Status::Revoked));
    let done = late.confirm(&facts(), asked, Answer::Done, day(1)).next;
    assert_eq!((done.confirmed, done.next_operation()), (Confirmed::Revoked, None));
    assert!(!done.confirm(&facts(), hold, Answer::Done, day(1)).changed);
}

#[test]
fn a_late_answer_to_an_earlier_hold_is_not_taken_for_the_later_one() {
    let hold = suspended_by(&holder()).next_operation().unwrap();
    let resumed = settled(settled(suspended_by(&holder())).resume(&facts(), &holder(), day(2)).unwrap().next);
    let again = resumed.suspend(&facts(), &holder(), HoldReason::PhoneLost, day(3)).unwrap().next;
    assert!(!again.confirm(&facts(), hold, Answer::Done, day(3)).changed);
    assert_ne!(again.next_operation().unwrap().key(&facts().sm3), hold.key(&facts().sm3));
}

#[test]
fn a_hold_that_may_have_reached_the_ca_is_asked_to_its_end_before_it_is_undone() {
    let resumed = suspended_by(&holder()).resume(&facts(), &holder(), day(1)).unwrap().next;
    let hold = resumed.next_operation().unwrap();
    assert_eq!((hold.operation, resumed.status(&facts(), day(1))), (CaOperation::Hold, Status::Held));
    let held = resumed.confirm(&facts(), hold, Answer::Done, day(1)).next;
    assert_eq!(held.next_operation().unwrap().operation, CaOperation::Unhold);
}

#[test]
fn a_ca_without_hold_is_remembered_and_the_broker_blocks_all_the_same() {
    let standing = suspended_by(&holder());
    let asked = standing.next_operation().unwrap();
    let blocked = standing.confirm(&facts(), asked, Answer::NotSupported, day(1)).next;
    assert_eq!((blocked.status(&facts(), day(1)), blocked.next_operation()), (Status::Held, None));
    assert_eq!(blocked.declined.hold.as_ref().unwrap().reason, "not supported by the CA");
    let resumed = blocked.resume(&facts(), &holder(), day(2)).unwrap();
    assert_eq!(resumed.next.status(&facts(), day(2)), Status::Active);
    assert_eq!(resumed.jobs, []);
}

#[test]
fn a_ca_that_keeps_a_hold_keeps_the_certificate_suspended() {
    let standing = settled(suspended_by(&holder())).resume(&facts(), &holder(), day(2)).unwrap().next;
    let asked = standing.next_operation().unwrap();
    let kept = standing.confirm(&facts(), asked, Answer::NotSupported, day(2)).next;
    assert_eq!((kept.status(&facts(), day(2)), kept.next_operation()), (Status::Held, None));
    assert_eq!(kept.resume(&facts(), &chief(), day(3)), Err(CertificateRefusal::CannotResume));
    let refused = standing.confirm(&facts(), asked, Answer::Refused("not today".into()), day(2)).next;
    assert!(refused.resume(&facts(), &chief(), day(3)).unwrap().next.next_operation().is_some());
}

#[test]
fn a_ca_that_would_not_revoke_is_asked_again_when_an_operator_says_so() {
    let standing = revoked_by(&holder());
    let asked = standing.next_operation().unwrap();
    let declined = standing.confirm(&facts(), asked, Answer::Refused("closed".into()), day(1)).next;
    assert_eq!((declined.status(&facts(), day(1)), declined.next_operation()), (Status::Revoked, None));
    assert_eq!(declined.ask_again(&facts(), &holder(), day(2)), Err(CertificateRefusal::NotAllowed));
    let again = declined.ask_again(&facts(), &staff(OperatorRole::Operator), day(2)).unwrap();
    assert_eq!((again.next.next_operation(), again.jobs.len()), (Some(asked), 1));
}

#[test]
fn what_the_ca_revoked_by_itself_is_revoked_here() {
    let found = Standing::default().found_revoked(&facts(), RevocationReason::CaCompromise, day(1)).next;
    assert_eq!((found.status(&facts(), day(1)), found.next_operation()), (Status::Revoked, None));
}

#[test]
fn a_revoked_certificate_is_neither_resumed_nor_revoked_for_another_reason() {
    let revoked = revoked_by(&holder());
    assert!(!revoked.revoke(&facts(), &holder(), RevocationReason::KeyCompromise, day(2)).unwrap().changed);
    assert!(!revoked.revoke(&facts(), &Actor::System, RevocationReason::Superseded, day(2)).unwrap().changed);
    for refusal in [
        revoked.revoke(&facts(), &chief(), RevocationReason::Superseded, day(2)).unwrap_err(),
        revoked.resume(&facts(), &chief(), day(2)).unwrap_err(),
        revoked.suspend(&facts(), &chief(), HoldReason::NotInUse, day(2)).unwrap_err(),
    ] {
        assert_eq!(refusal, CertificateRefusal::Revoked("keyCompromise"));
    }
}

#[test]
fn it_is_valid_to_its_last_moment() {
    let (standing, end) = (Standing::default(), facts().not_after);
    assert_eq!(standing.status(&facts(), end), Status::Active);
    let after = Timestamp::from_millis(end.millis() + 1);
    assert_eq!(standing.status(&facts(), after), Status::Expired);
    assert_eq!(
        standing.suspend(&facts(), &holder(), HoldReason::PhoneLost, after),
        Err(CertificateRefusal::Expired)
    );
    assert!(
        !standing.revoke(&facts(), &Actor::System, RevocationReason::Unspecified, after).unwrap().changed
    );
}

#[test]
fn it_is_hidden_when_the_ca_knows_of_the_revocation_and_then_gone_for_people() {
    let hide = |standing: &Standing| standing.hide(&facts(), &Actor::System, day(3));
    assert_eq!(hide(&Standing::default()), Err(CertificateRefusal::StillGood));
    assert_eq!(hide(&revoked_by(&chief())), Err(CertificateRefusal::NotConfirmed));
    assert_eq!(
        settled(revoked_by(&chief())).hide(&facts(), &chief(), day(3)),
        Err(CertificateRefusal::OnlyTheBroker)
    );
    let hidden = hide(&settled(revoked_by(&chief()))).unwrap().next;
    assert!(hidden.is_hidden() && !hide(&hidden).unwrap().changed);
    assert_eq!(hidden.resume(&facts(), &holder(), day(3)), Err(CertificateRefusal::NotFound));
}
