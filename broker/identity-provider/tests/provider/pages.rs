//! The pages, as a browser without scripts sees them.

use crate::browser::Browser;
use crate::fixture::{Fixture, PASSWORD};

const STEPS: [(&str, &[(&str, &str)]); 3] = [
    ("/account/real-name", &[("name", "张三"), ("id_number", "11010519491231002X")]),
    ("/account/real-name/confirmation", &[]),
    ("/account/face-check", &[]),
];

#[test]
fn a_legal_person_registers_signs_in_by_code_and_reaches_the_highest_level() {
    let fixture = Fixture::start();
    let phone = fixture.phone();
    let mut browser = Browser::open(&fixture, &fixture.at("/register"));
    browser.submit("/register/code", &[("user_kind", "legal_person"), ("phone_number", &phone)]);
    assert!(browser.has("演示环境，不发送短信"));
    let code = browser.shown_code();
    let enterprise = [("enterprise_name", "福建某建设有限公司"), ("enterprise_code", "91350100M000100Y43")];
    let account = [("code", code.as_str()), ("user_name", "boss"), ("password", PASSWORD)];
    browser.submit("/register", &[&account[..], &enterprise[..]].concat());
    browser.follow();
    browser.submit("/sign-in/code", &[("user_kind", "legal_person"), ("phone_number", &phone)]);
    let code = browser.shown_code();
    browser.submit("/sign-in/by-code", &[("code", &code)]);
    browser.follow();
    assert!(browser.has("福建某建设有限公司") && browser.has("第二步"));
    for (path, fields) in STEPS {
        browser.submit(path, fields);
        browser.follow();
    }
    assert!(browser.has("全部认证已完成") && browser.has("110105********002X"));
    assert!(!browser.has("11010519491231002X"));
}

#[test]
fn forms_of_another_site_or_of_another_browser_are_refused() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let mut browser = Browser::open(&fixture, &fixture.at("/sign-in"));
    let other = Browser::open(&fixture, &fixture.at("/sign-in"));
    let credentials = [("user_name", "zhangsan"), ("password", PASSWORD)];
    let with = |hidden: Vec<(String, String)>| {
        let mut fields = hidden;
        fields.extend(credentials.map(|(name, value)| (name.to_owned(), value.to_owned())));
        fields
    };
    let own = with(browser.hidden("/sign-in"));
    browser.post("/sign-in", &with(other.hidden("/sign-in")), &[]);
    assert_eq!(browser.page.status, 403, "the token of another browser");
    browser.post("/sign-in", &with(Vec::new()), &[]);
    assert_eq!(browser.page.status, 403, "no token");
    browser.post("/sign-in", &own, &[("origin", "https://evil.example")]);
    assert_eq!(browser.page.status, 403, "another origin");
    browser.post("/sign-in", &own, &[]);
    assert_eq!(browser.page.status, 303, "its own");
    browser.post("/sign-out", &own[..1], &[]);
    assert_eq!(browser.page.status, 403, "a token from before the sign-in");
}

#[test]
fn pages_run_no_scripts_cannot_be_framed_and_escape_what_they_show() {
    let fixture = Fixture::start();
    let mut browser = Browser::open(&fixture, &fixture.at("/register"));
    let policy = browser.page.header("content-security-policy").to_owned();
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';"] {
        assert!(policy.contains(rule), "{policy}");
    }
    let headers = ["x-content-type-options", "x-frame-options", "referrer-policy", "cache-control"];
    assert_eq!(headers.map(|name| browser.page.header(name)), ["nosniff", "DENY", "same-origin", "no-store"]);
    browser.submit("/register/code", &[("user_kind", "person"), ("phone_number", &fixture.phone())]);
    let account = [("code", "12345x"), ("user_name", "\"><script>"), ("password", PASSWORD)];
    browser.submit("/register", &account);
    assert_eq!(browser.page.status, 422);
    assert!(!browser.has("<script>") && browser.has("&lt;script&gt;") && !browser.has(PASSWORD));
}

#[test]
fn a_user_who_cancels_goes_back_to_the_application_with_access_denied() {
    let fixture = Fixture::start();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let url = format!(
        "{}?response_type=code&client_id=yinqiao&scope=openid&redirect_uri={}\
         &code_challenge={challenge}&code_challenge_method=S256&state=s",
        fixture.at("/authorize"),
        crate::fixture::HOME,
    );
    let mut browser = Browser::open(&fixture, &url);
    assert!(
        browser.page.header("content-security-policy").contains("form-action 'self' http://127.0.0.1:9;")
    );
    browser.submit("/sign-in/cancel", &[]);
    assert!(browser.sent_to().contains("error=access_denied") && browser.sent_to().contains("state=s"));
}

#[test]
fn the_issuer_leads_to_the_account_and_that_to_the_sign_in() {
    let fixture = Fixture::start();
    let mut browser = Browser::open(&fixture, &fixture.issuer);
    browser.follow();
    browser.follow();
    assert!(browser.page.status == 200 && browser.has("密码登录"));
    browser.go(&fixture.at("/nothing"));
    assert_eq!(browser.page.status, 404);
}
