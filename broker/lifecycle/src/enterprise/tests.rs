use yinqiao_protocol::OperatorId;

use super::*;
use crate::identity::AssuranceLevel;

const CODE: &str = "91350100M000100Y43";

fn legal_person(number: u8) -> UserActor {
    UserActor {
        id: UserId::from_bytes([number; 16]),
        kind: HolderKind::LegalPerson,
        enterprise: Some(CODE.parse().unwrap()),
        level: AssuranceLevel::L4,
    }
}

fn person(number: u8) -> UserActor {
    UserActor { kind: HolderKind::Person, enterprise: None, ..legal_person(number) }
}

fn operator(role: OperatorRole) -> Actor {
    Actor::Operator { id: OperatorId::from_bytes([9; 16]), role }
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_seconds(seconds)
}

fn company() -> Enterprise {
    Enterprise::register(None, &legal_person(1), "某公司", at(0)).unwrap().next
}

fn cascade(number: u8) -> CascadeId {
    CascadeId::from_bytes([number; 16])
}

#[test]
fn a_company_belongs_to_the_legal_person_that_registered_it() {
    let company = company();
    let again = Enterprise::register(Some(&company), &legal_person(1), "其他", at(1)).unwrap();
    assert!(!again.changed && again.next == company);
    let other = Enterprise::register(Some(&company), &legal_person(2), "某公司", at(1));
    assert_eq!(other, Err(EnterpriseRefusal::OtherLegalPerson));
    assert_eq!(Enterprise::register(None, &person(1), "某公司", at(1)), Err(EnterpriseRefusal::NotConfirmed));
}

#[test]
fn only_the_legal_person_edits_and_deletes() {
    let company = company();
    let data = Data { name: "新名".into(), address: "路1号".into(), contact: String::new() };
    for actor in [
        Actor::User(legal_person(2)),
        Actor::User(person(1)),
        operator(OperatorRole::Operator),
        operator(OperatorRole::Auditor),
    ] {
        assert_eq!(company.edit(data.clone(), &actor, at(1)), Err(EnterpriseRefusal::NotTheLegalPerson));
        assert_eq!(company.delete(cascade(1), &actor, at(1)), Err(EnterpriseRefusal::NotTheLegalPerson));
    }
    let own = Actor::User(legal_person(1));
    assert_eq!(company.edit(data.clone(), &own, at(1)).unwrap().next.data, data);
    for data in [Data { name: String::new(), ..data.clone() }, Data { address: "a\nb".into(), ..data }] {
        assert_eq!(company.edit(data, &own, at(1)).unwrap_err().kind(), RefusalKind::Invalid);
    }
}

#[test]
fn the_same_decision_again_changes_nothing_and_another_one_is_refused() {
    let (former, next) = (Actor::User(legal_person(1)), legal_person(2));
    let waits = company().request_succession(&next, at(1)).unwrap().next;
    let deciders = [former.clone(), operator(OperatorRole::Operator)];
    for (approve, by) in
        [true, false].into_iter().flat_map(|approve| deciders.clone().map(|by| (approve, by)))
    {
        let decided = waits.decide_succession(next.id, approve, &by, at(2)).unwrap().next;
        for again in [&by, &operator(OperatorRole::Operator)] {
            let step = decided.decide_succession(next.id, approve, again, at(3)).unwrap();
            assert!(!step.changed && step.audit.is_empty() && step.next == decided);
        }
        let other = decided.decide_succession(next.id, !approve, &operator(OperatorRole::Operator), at(3));
        assert_eq!(other, Err(EnterpriseRefusal::NoSuccessor));
        let stranger = Actor::User(legal_person(3));
        let by_stranger = decided.decide_succession(next.id, approve, &stranger, at(3));
        assert_eq!(by_stranger, Err(EnterpriseRefusal::NotADecider));
    }
    let rejected = waits.decide_succession(next.id, false, &former, at(2)).unwrap().next;
    let waits_again = rejected.request_succession(&next, at(3)).unwrap().next;
    assert!(waits_again.decide_succession(next.id, false, &former, at(4)).unwrap().changed);
}

#[test]
fn a_deleted_company_can_be_registered_again() {
    let own = Actor::User(legal_person(1));
    let deleting = company().delete(cascade(1), &own, at(1)).unwrap().next;
    let again = deleting.delete(cascade(2), &own, at(2)).unwrap();
    assert_eq!(again.next.state, State::Deleting { cascade: cascade(1), at: at(1) });
    let early = Enterprise::register(Some(&deleting), &legal_person(1), "某公司", at(2));
    assert_eq!(early, Err(EnterpriseRefusal::Deleting));
    let deleted = deleting.conclude_deletion(at(3)).unwrap().next;
    assert_eq!(deleted.edit(Data::default(), &own, at(4)), Err(EnterpriseRefusal::Gone));
    let anew = Enterprise::register(Some(&deleted), &legal_person(2), "某公司", at(5)).unwrap().next;
    assert!(anew.is_active() && anew.legal_person == legal_person(2).id);
}
