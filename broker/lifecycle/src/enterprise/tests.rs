use proptest::prelude::*;

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

/// What may be asked, by number: who asks is among the arguments.
#[derive(Clone, Debug)]
enum Ask {
    Register(u8),
    Edit(u8),
    Request(u8),
    Withdraw(u8),
    Decide { by: u8, user: u8, approve: bool },
    Delete(u8),
    Conclude,
}

fn ask() -> impl Strategy<Value = Ask> {
    let who = || 1..4u8;
    prop_oneof![
        who().prop_map(Ask::Register),
        who().prop_map(Ask::Edit),
        who().prop_map(Ask::Request),
        who().prop_map(Ask::Withdraw),
        // 0 is an operator.
        (0..4u8, who(), any::<bool>()).prop_map(|(by, user, approve)| Ask::Decide { by, user, approve }),
        who().prop_map(Ask::Delete),
        Just(Ask::Conclude),
    ]
}

fn answer(company: Option<&Enterprise>, ask: &Ask, now: Timestamp) -> Option<Step<Enterprise>> {
    let user = |number: u8| Actor::User(legal_person(number));
    match (ask, company) {
        (Ask::Register(who), company) => {
            Enterprise::register(company, &legal_person(*who), "某公司", now).ok()
        }
        (_, None) => None,
        (Ask::Edit(who), Some(company)) => {
            company.edit(Data { name: format!("公司{who}"), ..Data::default() }, &user(*who), now).ok()
        }
        (Ask::Request(who), Some(company)) => company.request_succession(&legal_person(*who), now).ok(),
        (Ask::Withdraw(who), Some(company)) => company.withdraw_succession(&user(*who), now).ok(),
        (Ask::Decide { by, user: asked, approve }, Some(company)) => {
            let by = if *by == 0 { operator(OperatorRole::Operator) } else { user(*by) };
            company.decide_succession(legal_person(*asked).id, *approve, &by, now).ok()
        }
        (Ask::Delete(who), Some(company)) => company.delete(cascade(*who), &user(*who), now).ok(),
        (Ask::Conclude, Some(company)) => company.conclude_deletion(now).ok(),
    }
}

/// The same rules in other words: who leads, who asks to lead, and how far the end is (0 in use, 1 ending, 2 over).
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    leads: u8,
    asks: Option<u8>,
    end: u8,
    registered: bool,
}

impl Model {
    fn of(company: Option<&Enterprise>) -> Self {
        let Some(company) = company else { return Self::default() };
        Self {
            leads: company.legal_person.as_bytes()[0],
            asks: company.successor.as_ref().map(|successor| successor.user.as_bytes()[0]),
            end: match company.state {
                State::Active => 0,
                State::Deleting { .. } => 1,
                State::Deleted { .. } => 2,
            },
            registered: true,
        }
    }

    fn after(&self, ask: &Ask) -> Self {
        let mut next = self.clone();
        let used = self.registered && self.end == 0;
        match ask {
            Ask::Register(who) if !self.registered || self.end == 2 => {
                next = Self { leads: *who, asks: None, end: 0, registered: true };
            }
            Ask::Request(who) if used && self.asks.is_none() && self.leads != *who => next.asks = Some(*who),
            Ask::Withdraw(who) if self.asks == Some(*who) => next.asks = None,
            Ask::Decide { by, user, approve }
                if used && (*by == 0 || *by == self.leads) && self.asks == Some(*user) =>
            {
                next.asks = None;
                if *approve {
                    next.leads = *user;
                }
            }
            Ask::Delete(who) if used && self.leads == *who => (next.end, next.asks) = (1, None),
            Ask::Conclude if self.registered && self.end == 1 => next.end = 2,
            _ => {}
        }
        next
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_history_goes_as_the_model_says_and_repeating_changes_nothing(asks in prop::collection::vec(ask(), 0..20)) {
        let (mut company, mut model) = (None::<Enterprise>, Model::default());
        for (number, ask) in asks.iter().enumerate() {
            let now = at(number as u32);
            if let Some(step) = answer(company.as_ref(), ask, now) {
                if let Some(repeated) = answer(Some(&step.next), ask, now) {
                    prop_assert!(matches!(ask, Ask::Request(_)) || !repeated.changed, "{ask:?}");
                }
                company = Some(step.next);
            }
            model = model.after(ask);
            prop_assert_eq!(&Model::of(company.as_ref()), &model);
        }
    }
}
