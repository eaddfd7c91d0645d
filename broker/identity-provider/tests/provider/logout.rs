//! Sign-out.

use serde_json::json;

use crate::browser::Browser;
use crate::fixture::{Fixture, GOODBYE, HOME, PASSWORD};

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn signed_in<'a>(fixture: &'a Fixture, user_name: &str) -> (Browser<'a>, String) {
    let url = format!(
        "{}?response_type=code&client_id=yinqiao&scope=openid&redirect_uri={HOME}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256",
        fixture.at("/authorize")
    );
    let mut browser = Browser::open(fixture, &url);
    browser.submit("/sign-in", &[("user_name", user_name), ("password", PASSWORD)]);
    let back = url::Url::parse(browser.sent_to()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("client_id", "yinqiao"),
            ("redirect_uri", HOME),
        ])
        .extend_pairs([("code", code.as_str()), ("code_verifier", VERIFIER)])
        .finish();
    let request = ureq::http::Request::post(fixture.at("/token"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = fixture.send(request.body(form.into_bytes()).unwrap());
    assert_eq!(answer.header("cache-control"), "no-store");
    (browser, answer.json()["id_token"].as_str().unwrap().to_owned())
}

fn is_signed_in(browser: &mut Browser<'_>, fixture: &Fixture) -> bool {
    browser.go(&fixture.at("/account"));
    browser.page.status == 200
}

#[test]
fn an_application_that_shows_the_users_id_token_signs_them_out_and_has_them_back() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let (mut browser, hint) = signed_in(&fixture, "zhangsan");
    fixture.clock.put_forward(1000);
    assert!(is_signed_in(&mut browser, &fixture));
    let query = format!("id_token_hint={hint}&post_logout_redirect_uri={GOODBYE}&state=s");
    browser.go(&fixture.at(&format!("/logout?{query}")));
    assert_eq!(browser.sent_to(), format!("{GOODBYE}?state=s"));
    assert!(!is_signed_in(&mut browser, &fixture));
}

#[test]
fn without_the_users_id_token_the_user_is_asked() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    fixture.person("lisi");
    let (_, foreign) = signed_in(&fixture, "lisi");
    let (mut browser, own) = signed_in(&fixture, "zhangsan");
    let (body, signature) = own.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", signature.chars().rev().collect::<String>());
    for query in [
        "client_id=yinqiao".to_owned(),
        format!("id_token_hint={foreign}"),
        format!("id_token_hint={forged}"),
    ] {
        browser.go(&fixture.at(&format!("/logout?{query}&post_logout_redirect_uri={GOODBYE}")));
        assert_eq!(browser.page.status, 200, "{query}");
        assert!(is_signed_in(&mut browser, &fixture));
    }
    browser.go(&fixture.at(&format!("/logout?client_id=yinqiao&post_logout_redirect_uri={GOODBYE}")));
    browser.submit("/sign-out", &[]);
    assert_eq!(browser.sent_to(), GOODBYE);
    assert!(!is_signed_in(&mut browser, &fixture));
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_registered_for_sign_out() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let (mut browser, hint) = signed_in(&fixture, "zhangsan");
    let query = format!("id_token_hint={hint}&post_logout_redirect_uri=http://evil.example/");
    browser.go(&fixture.at(&format!("/logout?{query}")));
    assert_eq!((browser.page.status, browser.page.header("location")), (200, ""));
    let anonymous =
        Browser::open(&fixture, &fixture.at(&format!("/logout?post_logout_redirect_uri={GOODBYE}")));
    assert_eq!(anonymous.page.header("location"), "");
    assert_eq!(fixture.post("/api/sessions", None, &json!({})).status, 400);
}
