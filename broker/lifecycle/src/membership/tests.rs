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
