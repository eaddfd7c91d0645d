//! One rule each.

use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{SealApplicationId, SealId, Sm3Hex, UserId};

use super::*;
use crate::actor::{Actor, OperatorRole};
use crate::certificate::Facts;
use crate::certificate::fixture::{chief, company, day, facts, holder, legal_person, other_company, staff};
use crate::job::JobKind;
use crate::refusal::RefusalKind;

pub(super) fn new(kind: SealKind, name: &str) -> NewSealApplication {
    NewSealApplication {
        enterprise: company(),
        kind,
        name: name.to_owned(),
        picture: Picture { sm3: Sm3Hex::of(b"png"), width_mm: 40, height_mm: 40 },
        certificate_authority: "softca".to_owned(),
        usage: Usage::Company,
    }
}

fn submit(new: NewSealApplication, by: &Actor) -> Result<SealApplication, SealRefusal> {
    let id = SealApplicationId::from_bytes([1; 16]);
    SealApplication::submit(id, new, Surroundings::default(), by, day(1)).map(|step| step.next)
}

fn submitted() -> SealApplication {
    submit(new(SealKind::Official, "公章"), &chief()).unwrap()
}

fn seal(number: u8) -> SealId {
    SealId::from_bytes([number; 16])
}

fn facts_of(id: SealId, enterprise: &crate::identity::CreditCode) -> SealFacts<'_> {
    SealFacts { id, enterprise }
}

#[test]
fn the_legal_person_applies_and_the_ca_makes_it() {
    let application = submitted();
    assert_eq!(application.awaits(), Some(Awaited::Review));
    let reviewed = application.reviewed(Review::Made(seal(1)), &Actor::System, day(2)).unwrap();
    let (id, standing) = reviewed.seal.unwrap();
    assert_eq!((id, standing.application), (seal(1), Some(application.id)));
    assert!(standing.is_active() && reviewed.step.next.awaits().is_none());
    let again = reviewed.step.next.reviewed(Review::Made(seal(1)), &Actor::System, day(3)).unwrap();
    assert!(!again.step.changed && again.seal.is_none());
}

#[test]
fn nobody_else_applies() {
    let elsewhere = legal_person(UserId::from_bytes([3; 16]), other_company());
    for by in [holder(), elsewhere, staff(OperatorRole::Operator), Actor::System] {
        assert_eq!(submit(new(SealKind::Official, "公章"), &by), Err(SealRefusal::NotAllowed));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let application = new(SealKind::Official, "公章");
    for (width_mm, height_mm) in [(0, 40), (40, 201)] {
        let picture = Picture { width_mm, height_mm, ..application.picture.clone() };
        let refusal = submit(NewSealApplication { picture, ..application.clone() }, &chief());
        assert_eq!(refusal, Err(SealRefusal::Size));
    }
    for name in ["", "a\u{202e}b", &"章".repeat(101)] {
        assert_eq!(submit(new(SealKind::Official, name), &chief()), Err(SealRefusal::Name));
    }
}

#[test]
fn a_company_that_is_being_deleted_and_a_second_application_of_that_name_are_refused() {
    let with = |surroundings| {
        let id = SealApplicationId::from_bytes([2; 16]);
        SealApplication::submit(id, new(SealKind::Official, "公章"), surroundings, &chief(), day(1))
            .unwrap_err()
    };
    let gone = Surroundings { enterprise_gone: true, ..Surroundings::default() };
    assert_eq!(with(gone), SealRefusal::EnterpriseGone);
    let pending = Surroundings { pending: Some(submitted().id), ..Surroundings::default() };
    assert_eq!(with(pending), SealRefusal::AlreadyPending);
}

#[test]
fn a_change_replaces_a_seal_of_its_kind_and_company_when_the_new_one_is_made() {
    let standing = SealStanding::default();
    let (ours, theirs) = (company(), other_company());
    let replace = |enterprise, kind, standing| {
        let replaces = Some(ReplacedSeal { id: seal(9), enterprise, kind, standing });
        let id = SealApplicationId::from_bytes([2; 16]);
        let surroundings = Surroundings { replaces, ..Surroundings::default() };
        SealApplication::submit(id, new(SealKind::Official, "公章"), surroundings, &chief(), day(1))
    };
    assert_eq!(replace(&theirs, SealKind::Official, &standing), Err(SealRefusal::NotFound));
    assert_eq!(replace(&ours, SealKind::Signature, &standing), Err(SealRefusal::OtherKind));
    let operator = staff(OperatorRole::Operator);
    let revoked = standing
        .revoke(facts_of(seal(9), &ours), SealRevocationReason::Misused, &operator, day(1))
        .unwrap()
        .next;
    assert_eq!(replace(&ours, SealKind::Official, &revoked), Err(SealRefusal::SealRevoked));
    let application = replace(&ours, SealKind::Official, &standing).unwrap().next;
    let reviewed = application.reviewed(Review::Made(seal(1)), &Actor::System, day(2)).unwrap();
    assert_eq!(reviewed.superseded, Some(seal(9)));
    assert_eq!(reviewed.step.jobs[0].kind, JobKind::RevokeSeal(seal(9)));
    let rejected =
        application.reviewed(Review::Rejected("not legible".into()), &Actor::System, day(2)).unwrap();
    assert_eq!(rejected.superseded, None);
}

#[test]
fn a_seal_that_the_ca_made_of_a_cancelled_application_is_revoked() {
    let cancelled = submitted().cancel(&chief(), day(1)).unwrap().next;
    assert_eq!(cancelled.awaits(), Some(Awaited::Withdrawal));
    assert!(!cancelled.cancel(&chief(), day(2)).unwrap().changed);
    let reviewed = cancelled.reviewed(Review::Made(seal(1)), &Actor::System, day(2)).unwrap();
    assert_eq!(reviewed.step.jobs[0].kind, JobKind::RevokeSeal(seal(1)));
    assert_eq!(reviewed.step.next.awaits(), None);
    let forgotten = cancelled.reviewed(Review::Withdrawn, &Actor::System, day(2)).unwrap();
    assert_eq!((forgotten.step.next.awaits(), forgotten.step.jobs.len()), (None, 0));
}

#[test]
fn a_made_or_rejected_one_cannot_be_cancelled_and_a_withdrawn_one_must_have_been_cancelled() {
    let system = Actor::System;
    let made = submitted().reviewed(Review::Made(seal(1)), &system, day(2)).unwrap().step.next;
    assert_eq!(made.cancel(&chief(), day(3)).unwrap_err().kind(), RefusalKind::Conflict);
    assert!(made.reviewed(Review::Made(seal(2)), &system, day(3)).is_err());
    assert!(submitted().reviewed(Review::Withdrawn, &system, day(2)).is_err());
    assert_eq!(submitted().cancel(&holder(), day(3)), Err(SealRefusal::NotFound));
    let review = submitted().reviewed(Review::Made(seal(1)), &chief(), day(2));
    assert_eq!(review, Err(SealRefusal::OnlyTheBroker));
}

#[test]
fn only_those_on_the_list_may_use_it() {
    let (ours, all) = (company(), SealStanding::default());
    let seal = facts_of(seal(1), &ours);
    let user = facts().user.unwrap();
    let other = Facts { user: Some(UserId::from_bytes([4; 16])), sm3: Sm3Hex::of(b"other"), ..facts() };
    assert!(all.may_be_used_with(seal, &facts()) && all.may_be_used_with(seal, &other));
    let by_user = all.change_usage(seal, Usage::listed([user], vec![]), &chief(), day(1)).unwrap().next;
    let by_certificate =
        all.change_usage(seal, Usage::listed([], vec![facts().sm3; 2]), &chief(), day(1)).unwrap().next;
    for listed in [by_user, by_certificate] {
        assert!(listed.may_be_used_with(seal, &facts()) && !listed.may_be_used_with(seal, &other));
    }
    let foreign = Facts { enterprise: Some(other_company()), ..facts() };
    assert!(!all.may_be_used_with(seal, &foreign));
    assert_eq!(all.change_usage(seal, Usage::Company, &holder(), day(1)), Err(SealRefusal::NotFound));
}

#[test]
fn a_revoked_seal_is_blocked_before_the_ca_answers_and_stays_so() {
    let ours = company();
    let facts_of_seal = facts_of(seal(1), &ours);
    let revoke =
        |standing: &SealStanding, by: &Actor, reason| standing.revoke(facts_of_seal, reason, by, day(2));
    let fresh = SealStanding::default();
    let step = revoke(&fresh, &chief(), SealRevocationReason::NoLongerUsed).unwrap();
    assert_eq!(step.jobs[0].kind, JobKind::RevokeSeal(seal(1)));
    assert!(step.next.is_revoking() && !step.next.may_be_used_with(facts_of_seal, &facts()));
    let declined = Some("not supported by the CA".to_owned());
    let done = step.next.confirm_revocation(facts_of_seal, declined, day(3)).next;
    assert!(!done.is_revoking() && !done.is_active());
    assert!(!done.confirm_revocation(facts_of_seal, None, day(4)).changed);
    assert!(!revoke(&done, &chief(), SealRevocationReason::NoLongerUsed).unwrap().changed);
    assert!(!revoke(&done, &Actor::System, SealRevocationReason::Superseded).unwrap().changed);
    assert!(revoke(&done, &chief(), SealRevocationReason::Misused).is_err());
    assert_eq!(revoke(&fresh, &holder(), SealRevocationReason::Misused), Err(SealRefusal::NotFound));
    let auditor = staff(OperatorRole::Auditor);
    assert_eq!(revoke(&fresh, &auditor, SealRevocationReason::Misused), Err(SealRefusal::NotAllowed));
}

#[test]
fn a_record_without_a_standing_reads_as_a_seal_for_all() {
    assert_eq!(serde_json::from_str::<SealStanding>("{}").unwrap(), SealStanding::default());
    assert!(SealStanding::default().is_active());
}
