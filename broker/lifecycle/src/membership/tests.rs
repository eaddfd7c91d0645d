use proptest::prelude::*;

use super::*;
use crate::user::Claims;

const CODE: &str = "91350100M000100Y43";
const ID_NUMBER: &str = "11010519491231002X";

fn code() -> CreditCode {
    CODE.parse().unwrap()
}

fn user(number: u8, kind: HolderKind) -> UserActor {
    let enterprise = (kind == HolderKind::LegalPerson).then(code);
    UserActor { id: UserId::from_bytes([number; 16]), kind, enterprise, level: AssuranceLevel::L4 }
}

fn person() -> UserActor {
    user(2, HolderKind::Person)
}

fn legal_person() -> Actor {
    Actor::User(user(1, HolderKind::LegalPerson))
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_seconds(seconds)
}

fn company() -> Enterprise {
    Enterprise::register(None, &user(1, HolderKind::LegalPerson), "某公司", at(0)).unwrap().next
}

fn applied() -> Membership {
    Membership::apply(None, &code(), "投标部", &person(), at(0)).unwrap().next
}

fn cascade(number: u8) -> CascadeId {
    CascadeId::from_bytes([number; 16])
}

#[test]
fn only_the_legal_person_decides_and_only_the_applicant_withdraws() {
    let applicant = Actor::User(person());
    for stranger in [Actor::User(user(3, HolderKind::LegalPerson)), applicant.clone(), Actor::System] {
        let refused = applied().approve(&company(), &stranger, at(1));
        assert_eq!(refused, Err(MembershipRefusal::NotTheLegalPerson));
        let refused = applied().reject(&company(), "不认识", &stranger, at(1));
        assert_eq!(refused, Err(MembershipRefusal::NotTheLegalPerson));
    }
    assert_eq!(applied().withdraw(&legal_person(), at(1)), Err(MembershipRefusal::NotTheApplicant));
    assert!(applied().approve(&company(), &legal_person(), at(1)).unwrap().next.is_active());
    assert!(applied().withdraw(&applicant, at(1)).is_ok());
}

#[test]
fn of_approval_and_withdrawal_the_second_is_refused() {
    let approved = applied().approve(&company(), &legal_person(), at(1)).unwrap().next;
    assert_eq!(approved.withdraw(&Actor::User(person()), at(2)), Err(MembershipRefusal::NoApplication));
    let withdrawn = applied().withdraw(&Actor::User(person()), at(1)).unwrap().next;
    let refused = withdrawn.approve(&company(), &legal_person(), at(2));
    assert_eq!(refused, Err(MembershipRefusal::NoApplication));
}

#[test]
fn who_cannot_be_added_is_not_told_apart() {
    let claims = |level: &str, name: &str| {
        let (level, name) = (level.to_owned(), name.to_owned());
        Claims::read("i", "s", move |claim| {
            Some(match claim {
                "user_kind" => "person".into(),
                "name" => name.clone(),
                "id_number" => ID_NUMBER.into(),
                "assurance_level" => level.clone(),
                _ => return None,
            })
        })
        .unwrap()
    };
    let register = |level, name| User::register(person().id, &claims(level, name), at(0)).next;
    let (good, low) = (register("L4", "王小明"), register("L3", "王小明"));
    let number: IdNumber = ID_NUMBER.parse().unwrap();
    let waiting = applied();
    let withdrawn = waiting.withdraw(&Actor::User(person()), at(1)).unwrap().next;
    assert_eq!(Membership::find(Some((&good, &waiting)), "王小明", &number).unwrap(), &waiting);
    for (found, name, number) in [
        (None, "王小明", ID_NUMBER),
        (Some((&good, &waiting)), "王大明", ID_NUMBER),
        (Some((&good, &waiting)), "王小明", "440524188001010014"),
        (Some((&low, &waiting)), "王小明", ID_NUMBER),
        (Some((&good, &withdrawn)), "王小明", ID_NUMBER),
    ] {
        let refused = Membership::find(found, name, &number.parse().unwrap());
        assert_eq!(refused, Err(MembershipRefusal::NobodyToAdd));
    }
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Apply,
    Withdraw,
    Approve,
    Reject,
    Remove,
    Leave,
    End,
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => Just(Ask::Apply),
        1 => Just(Ask::Withdraw),
        2 => Just(Ask::Approve),
        1 => Just(Ask::Reject),
        1 => Just(Ask::Remove),
        1 => Just(Ask::Leave),
        1 => Just(Ask::End),
    ]
}

fn answer(before: Option<&Membership>, ask: Ask, number: u8) -> Option<Step<Membership>> {
    let (now, company, applicant) = (at(number.into()), company(), Actor::User(person()));
    match (ask, before) {
        (Ask::Apply, before) => Membership::apply(before, &code(), "投标部", &person(), now).ok(),
        (_, None) => None,
        (Ask::Withdraw, Some(before)) => before.withdraw(&applicant, now).ok(),
        (Ask::Approve, Some(before)) => before.approve(&company, &legal_person(), now).ok(),
        (Ask::Reject, Some(before)) => before.reject(&company, "不认识", &legal_person(), now).ok(),
        (Ask::Remove, Some(before)) => before.remove(&company, cascade(number), &legal_person(), now).ok(),
        (Ask::Leave, Some(before)) => before.remove(&company, cascade(number), &applicant, now).ok(),
        (Ask::End, Some(before)) => Some(before.end(now)),
    }
}

/// The same rules as a table of letters: none, Applied, active (M), Rejected, Withdrawn, on the way out (O), gone (G).
fn model(before: char, ask: Ask) -> char {
    match (before, ask) {
        ('-' | 'R' | 'W' | 'G', Ask::Apply) => 'A',
        ('A', Ask::Withdraw) => 'W',
        ('A', Ask::Approve) => 'M',
        ('A', Ask::Reject) => 'R',
        ('M', Ask::Remove | Ask::Leave) => 'O',
        ('A' | 'M' | 'O', Ask::End) => 'G',
        (before, _) => before,
    }
}

fn letter(membership: Option<&Membership>) -> char {
    match membership.map(|membership| &membership.state) {
        None => '-',
        Some(State::Applied) => 'A',
        Some(State::Active { .. }) => 'M',
        Some(State::Rejected { .. }) => 'R',
        Some(State::Withdrawn { .. }) => 'W',
        Some(State::Removing { .. }) => 'O',
        Some(State::Removed { .. }) => 'G',
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_history_goes_as_the_table_says_and_repeating_changes_nothing(asks in prop::collection::vec(ask(), 0..16)) {
        let (mut membership, mut expected) = (None::<Membership>, '-');
        for (number, ask) in asks.into_iter().enumerate() {
            if let Some(step) = answer(membership.as_ref(), ask, number as u8) {
                let repeated = answer(Some(&step.next), ask, number as u8 + 100);
                prop_assert!(repeated.is_none_or(|repeated| !repeated.changed), "{ask:?}");
                membership = Some(step.next);
            }
            expected = model(expected, ask);
            prop_assert_eq!(letter(membership.as_ref()), expected);
        }
    }

    #[test]
    fn two_that_decide_at_once_end_as_one_after_the_other(
        before in prop::collection::vec(ask(), 0..6), first in ask(), second in ask(),
    ) {
        let mut membership = None::<Membership>;
        for (number, ask) in before.into_iter().enumerate() {
            membership = answer(membership.as_ref(), ask, number as u8).map(|step| step.next).or(membership);
        }
        // The first one's change is stored; the second decided from the same version, is refused by the store, and decides
        // anew.
        let after = |start: Option<&Membership>, asks: [Ask; 2]| {
            asks.into_iter().fold(start.cloned(), |state, ask| {
                answer(state.as_ref(), ask, 200).map(|step| step.next).or(state)
            })
        };
        let stored = answer(membership.as_ref(), first, 200).filter(|step| step.changed);
        let current = stored.map(|step| step.next).or(membership.clone());
        let end = answer(current.as_ref(), second, 200).map(|step| step.next).or(current);
        let serial = [after(membership.as_ref(), [first, second]), after(membership.as_ref(), [second, first])];
        prop_assert!(serial.contains(&end));
    }
}
