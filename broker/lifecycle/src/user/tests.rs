use std::collections::BTreeMap;

use yinqiao_protocol::{Base64, DeviceSessionId, Sm3Hex};

use super::*;

const ID_NUMBER: &str = "11010519491231002X";

fn members<'a>(changes: &[(&'a str, Option<&'a str>)]) -> BTreeMap<&'a str, &'a str> {
    let mut members = BTreeMap::from([
        ("user_kind", "person"),
        ("name", "王小明"),
        ("id_number", ID_NUMBER),
        ("phone_number", "13812345678"),
        ("assurance_level", "L4"),
    ]);
    for (name, value) in changes {
        match value {
            Some(value) => members.insert(name, value),
            None => members.remove(name),
        };
    }
    members
}

fn claims(changes: &[(&str, Option<&str>)]) -> Result<Claims, ClaimError> {
    let members = members(changes);
    Claims::read("https://id.example", "subject", |name| members.get(name).map(|value| (*value).to_owned()))
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn user() -> User {
    User::register(UserId::random(), &claims(&[]).unwrap(), now()).next
}

fn tokens(number: u8) -> Tokens {
    Tokens { access_sm3: Sm3Hex::of(&[number, 1]), renewal_sm3: Sm3Hex::of(&[number, 2]) }
}

fn session(user: &User) -> DeviceSession {
    let device = ("Wang's phone", Base64(vec![4; 65]));
    DeviceSession::begin(DeviceSessionId::random(), user, device, tokens(1), now()).next
}

#[test]
fn claims_that_cannot_be_are_refused_by_name() {
    for (changes, claim) in [
        (&[("user_kind", Some("robot"))][..], "user_kind"),
        (&[("assurance_level", Some("L5"))], "assurance_level"),
        (&[("assurance_level", None)], "assurance_level"),
        (&[("id_number", Some("110105194912310021"))], "id_number"),
        (&[("phone_number", Some("110"))], "phone_number"),
        (&[("id_number", None)], "name and id_number"),
        (&[("name", Some(" "))], "name"),
        (&[("user_kind", Some("legal_person"))], "enterprise_code"),
        (
            &[("user_kind", Some("legal_person")), ("enterprise_code", Some("91350100M000100Y44"))],
            "enterprise_code",
        ),
        (
            &[("user_kind", Some("legal_person")), ("enterprise_code", Some("91350100M000100Y43"))],
            "enterprise_name",
        ),
    ] {
        assert_eq!(claims(changes).unwrap_err().claim, claim, "{changes:?}");
    }
    assert!(claims(&[("id_number", None), ("name", None), ("assurance_level", Some("L1"))]).is_ok());
}

#[test]
fn an_account_stays_one_persons() {
    let user = user();
    let other = claims(&[("id_number", Some("440524188001010014"))]).unwrap();
    assert_eq!(user.sign_in(&other, now()), Err(UserRefusal::OtherPerson));
    let company = [("enterprise_code", Some("91350100M000100Y43")), ("enterprise_name", Some("某公司"))];
    let legal = claims(&[&[("user_kind", Some("legal_person"))][..], &company].concat()).unwrap();
    assert_eq!(user.sign_in(&legal, now()), Err(UserRefusal::OtherKind));
    let lower = claims(&[("assurance_level", Some("L2"))]).unwrap();
    let again = user.sign_in(&lower, now().plus_seconds(9)).unwrap();
    assert_eq!((again.next.level, again.next.since), (AssuranceLevel::L2, now()));
    assert_eq!(again.audit[0].details["level-before"], "L4");
}

#[test]
fn the_refusal_below_l4_names_what_is_missing() {
    let low = claims(&[("assurance_level", Some("L2"))]).unwrap();
    let user = User::register(UserId::random(), &low, now()).next;
    let refusal = user.require_level(AssuranceLevel::FOR_CERTIFICATES).unwrap_err();
    assert_eq!(refusal.missing, [AssuranceLevel::L3, AssuranceLevel::L4]);
    assert!(refusal.to_string().contains("L3, name and ID number confirmed"), "{refusal}");
}

#[test]
fn an_access_token_is_good_for_ten_minutes_on_its_phone_only() {
    let user = user();
    let session = session(&user);
    let key = [4; 65];
    assert_eq!(session.admit(&user, &key, now().plus_seconds(599)), Ok(()));
    assert_eq!(session.admit(&user, &key, now().plus_seconds(600)), Err(SessionRefusal::AccessTokenEnded));
    assert_eq!(session.admit(&user, &[5; 65], now()), Err(SessionRefusal::OtherDevice));
    let idle = now().plus_seconds(30 * 86_400);
    assert_eq!(session.admit(&user, &key, idle), Err(SessionRefusal::Ended));
    let ended = session.end(&Actor::System, "test", now()).next;
    assert_eq!(ended.admit(&user, &key, now()), Err(SessionRefusal::Ended));
    let elsewhere = user.end_sessions(&Actor::System, now()).next;
    assert_eq!(session.admit(&elsewhere, &key, now()), Err(SessionRefusal::Ended));
}

#[test]
fn a_renewal_token_is_used_once_and_a_lost_answer_is_forgiven() {
    let user = user();
    let (first, key) = (session(&user), [4; 65]);
    let renew = |session: &DeviceSession, number, at| {
        session.renew(&user, &key, &tokens(number).renewal_sm3, tokens(number + 1), at)
    };
    let later = now().plus_seconds(700);
    let second = renew(&first, 1, later).unwrap();
    assert!(second.changed && second.next.generation == 2 && second.next.tokens == tokens(2));
    let again = renew(&second.next, 1, later.plus_seconds(60)).unwrap();
    assert!(!again.changed && again.next == second.next);
    assert_eq!(renew(&second.next, 1, later.plus_seconds(61)), Err(SessionRefusal::Reused));
    let third = renew(&second.next, 2, later.plus_seconds(5)).unwrap().next;
    assert_eq!(renew(&third, 1, later.plus_seconds(5)), Err(SessionRefusal::Reused));
    assert_eq!(renew(&third, 7, later), Err(SessionRefusal::Reused));
}
