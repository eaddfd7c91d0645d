//! Too many tries.

use serde_json::json;

use yinqiao_identity_provider::{Limits, Rate};

use crate::browser::Browser;
use crate::fixture::{Fixture, PASSWORD, generous};

#[test]
fn after_ten_wrong_passwords_the_right_one_has_to_wait() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let try_with = |password: &str| {
        fixture.post("/api/sessions", None, &json!({"user_name": "zhangsan", "password": password}))
    };
    for _ in 0..10 {
        assert_eq!(try_with("four other words beside each other").status, 403);
    }
    let refused = try_with(PASSWORD);
    assert_eq!(refused.status, 429);
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&wait));
    fixture.clock.put_forward(wait);
    assert_eq!(try_with(PASSWORD).status, 201);
}

#[test]
fn wrong_passwords_for_many_names_from_one_address_have_to_wait_and_the_page_says_so() {
    let limits = Limits { wrong_per_address: Rate::new(5, 600), ..generous() };
    let fixture = Fixture::with(limits, |_| {});
    let mut browser = Browser::open(&fixture, &fixture.at("/sign-in"));
    for index in 0..5 {
        browser.submit("/sign-in", &[("user_name", &format!("user{index}")), ("password", PASSWORD)]);
        assert_eq!(browser.page.status, 403);
    }
    browser.submit("/sign-in", &[("user_name", "user5"), ("password", PASSWORD)]);
    assert_eq!(browser.page.status, 429);
    assert!(browser.page.header("retry-after").parse::<u32>().unwrap() <= 600);
    assert!(browser.has("操作过于频繁"));
}

#[test]
fn messages_to_one_number_are_a_minute_apart() {
    let fixture = Fixture::with(Limits::default(), |_| {});
    let phone = fixture.phone();
    let send = || {
        let wanted = json!({"purpose": "register", "user_kind": "person", "phone_number": phone});
        fixture.post("/api/codes", None, &wanted)
    };
    assert_eq!(send().status, 202);
    let refused = send();
    assert_eq!(
        (refused.status, refused.json()["type"].as_str()),
        (429, Some("urn:yinqiao:problem:too-many-tries"))
    );
    fixture.clock.put_forward(60);
    assert_eq!(send().status, 202);
}

#[test]
fn after_five_wrong_codes_the_right_one_is_void_and_nobody_learns_which_numbers_are_registered() {
    let fixture = Fixture::start();
    let phone = fixture.person("zhangsan");
    let send = |phone: &str| {
        let wanted = json!({"purpose": "sign_in", "user_kind": "person", "phone_number": phone});
        fixture.post("/api/codes", None, &wanted)
    };
    let code = send(&phone).json()["shown_code"].as_str().unwrap().to_owned();
    let sign_in = |code: &str| {
        fixture.post(
            "/api/sessions",
            None,
            &json!({"user_kind": "person", "phone_number": phone, "code": code}),
        )
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(sign_in(wrong).status, 403);
    }
    assert_eq!(sign_in(&code).status, 403);
    let code = send(&phone).json()["shown_code"].as_str().unwrap().to_owned();
    assert_eq!(sign_in(&code).status, 201);
    let unknown = send(&fixture.phone());
    assert_eq!((unknown.status, unknown.json().get("shown_code")), (202, None));
}
