//! The identity provider inside the broker: registration, levels, both ways to sign in, and the way to it behind a proxy.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_protocol::OrderId;
use yinqiao_protocol::account::{SessionOpened, SessionRequest, SignInBegun};
use yinqiao_protocol::dpop::{self, prove};
use yinqiao_tests::broker::free_port;
use yinqiao_tests::holder::problem_of;
use yinqiao_tests::{Broker, Holder, programs, relying_party};

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF};
use crate::visitor::{PASSWORD, STEPS, Visitor, parameter, send};

/// A test asks for codes sooner than a person does.
const SETTINGS: &str = "[identity]\nembedded = true\nlimits.codes.resend = { tries = 10, within = 60 }\n";
#[test]
fn a_person_registers_takes_every_level_and_signs_in_by_password_and_by_code() {
    let broker = Broker::start_with_settings(SETTINGS);
    let (visitor, holder) = (Visitor::new(&broker.url()), Holder::new());
    visitor.register("yuangong", STAFF.phone_number, None);
    let person = json!({ "name": STAFF.name, "id_number": STAFF.id_number });
    let session = visitor.by_password("yuangong");

    // Each level is missing until its step is taken.
    let account = visitor.sign_in(&holder, &session);
    assert_eq!(account.account().missing_levels, ["L2", "L3", "L4"]);
    assert_eq!(account.account().levels_url, format!("{}/identity", broker.url()));
    assert_eq!(problem_of(account.get::<Value>("/v1/offers")), "assurance-too-low");
    assert_eq!(visitor.call("POST", STEPS[2], &session, &json!({})).0, 409);
    for (level, missing) in [(2, &["L3", "L4"][..]), (3, &["L4"]), (4, &[])] {
        let account = visitor.post(STEPS[level - 2], &session, &person);
        assert_eq!(account["assurance_level"], format!("L{level}"));
        assert_eq!(visitor.sign_in(&holder, &session).account().missing_levels, missing);
    }

    // The same person by the other way.
    let session = visitor.by_code("person", STAFF.phone_number);
    let other = Holder::new();
    let by_code = visitor.sign_in(&other, &session);
    assert_eq!(by_code.account().user, account.account().user);
    assert_eq!((by_code.account().name.as_str(), by_code.account().missing_levels.len()), (STAFF.name, 0));
    by_code.get::<Value>("/v1/offers").unwrap();

    // Said aloud, without telling what is secret.
    let log = broker.log();
    assert!(log.contains("WARN") && log.contains("FOR DEMONSTRATIONS ONLY"), "{log}");
    for secret in [PASSWORD, STAFF.id_number, STAFF.phone_number, session.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_legal_person_brings_the_company_at_the_highest_level_and_is_known_after_a_restart() {
    let mut broker = Broker::start_with_settings(SETTINGS);
    let (visitor, holder) = (Visitor::new(&broker.url()), Holder::new());
    visitor.register("faren", LEGAL_PERSON.phone_number, LEGAL_PERSON.company);
    let session = visitor.by_password("faren");
    let person = json!({ "name": LEGAL_PERSON.name, "id_number": LEGAL_PERSON.id_number });
    let company = format!("/v1/enterprises/{COMPANY}");

    visitor.reach(&session, 3, &person);
    let account = visitor.sign_in(&holder, &session);
    assert!(account.get::<Value>(&company).is_err());

    visitor.post(STEPS[2], &session, &json!({}));
    let account = visitor.sign_in(&holder, &session);
    assert_eq!(account.get::<Value>(&company).unwrap().value["state"], "active");

    broker.restart();
    assert_eq!(visitor.call("GET", "/account", &session, &Value::Null).0, 401);
    let session = visitor.by_code("legal_person", LEGAL_PERSON.phone_number);
    let again = visitor.sign_in(&holder, &session);
    assert_eq!(again.account().user, account.account().user);
}

#[test]
fn without_its_code_verifier_a_code_is_worth_nothing() {
    let broker = Broker::start_with_settings(SETTINGS);
    let (visitor, holder) = (Visitor::new(&broker.url()), Holder::new());
    visitor.register("yuangong", STAFF.phone_number, None);
    let session = visitor.by_password("yuangong");
    let begun = holder.phone.begin_sign_in(&broker.url()).unwrap();
    let asked: url::Url = begun.authorization_url.parse().unwrap();
    assert_eq!(parameter(&asked, "code_challenge_method"), "S256");

    let challenge = format!("&code_challenge={}", parameter(&asked, "code_challenge"));
    let without = asked.as_str().replace(&challenge, "").replace("&code_challenge_method=S256", "");
    assert_eq!(parameter(&visitor.sent_back(&session, &without), "error"), "invalid_request");

    let (state, code) = visitor.authorize(&session, &begun.authorization_url);
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "authorization_code"), ("client_id", "yinqiao")])
        .extend_pairs([("code", code.expose()), ("redirect_uri", &parameter(&asked, "redirect_uri"))])
        .extend_pairs([("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")])
        .finish();
    let stolen = Request::post(format!("{}/identity/token", broker.url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .unwrap();
    let (status, answer) = send(stolen);
    assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
    // A code that somebody has tried is void for its owner too.
    let refused = holder.phone.finish_sign_in(&broker.url(), &begun, (state, code), "phone of a test");
    assert_eq!(problem_of(refused), "identity-not-confirmed");
}

#[test]
fn a_browser_is_shown_the_page_to_sign_in_at() {
    let broker = Broker::start_with_settings(SETTINGS);
    let begun = Holder::new().phone.begin_sign_in(&broker.url()).unwrap();
    let mut page = relying_party::agent().get(&begun.authorization_url).call().unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert!(page.headers().contains_key("x-request-id"));
    assert!(page.body_mut().read_to_string().unwrap().contains("密码登录"));
}

#[test]
fn the_embedded_provider_beside_another_one_is_refused_in_one_line() {
    let broker = Broker::not_started();
    let both = "[identity]\nembedded = true\nissuer = \"https://id.example.cn\"\n";
    std::fs::write(broker.folder().join("yinqiao.toml"), both).unwrap();
    let refusal = broker.refused_start();
    let line = refusal.trim();
    assert!(
        line.contains("identity.embedded and identity.issuer are both set") && !line.contains('\n'),
        "{line}"
    );
}

/// A broker whose public address is that of a proxy. It is killed when dropped.
struct Proxied {
    process: Child,
    _folder: tempfile::TempDir,
    nearby: String,
}

const PUBLIC_URL: &str = "https://sign.example.cn";

impl Proxied {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("yinqiao.toml");
        std::fs::write(&config, format!("public_url = \"{PUBLIC_URL}\"\n{SETTINGS}")).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut process = Command::new(programs::yinqiao())
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(config)
            .args(["serve", "--listen", &address])
            // The way to itself leads over no proxy, whatever the environment says.
            .env("http_proxy", "http://127.0.0.1:9")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = Self { process, _folder: folder, nearby: format!("http://{address}") };
        assert_eq!(line.trim(), format!("serving on {PUBLIC_URL}"));
        started
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // The test is over: whether it still ran is not asked here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn behind_a_proxy_that_speaks_tls_the_broker_still_reaches_its_own_provider() {
    let broker = Proxied::start();
    let (visitor, holder) = (Visitor::new(&broker.nearby), Holder::new());
    visitor.register("yuangong", STAFF.phone_number, None);
    let session = visitor.by_password("yuangong");
    let begun: SignInBegun = holder.phone.begin_sign_in(&broker.nearby).unwrap();
    assert!(begun.authorization_url.starts_with(&format!("{PUBLIC_URL}/identity/authorize?")));
    let (state, code) = visitor.authorize(&session, &begun.authorization_url);
    let ending = SessionRequest { sign_in: begun.sign_in, state, code, device_name: "phone".to_owned() };
    let path = "/v1/account/sessions";
    let url = format!("{PUBLIC_URL}{path}");
    let about = dpop::Request { method: "POST", url: &url, access_token: None };
    let key = holder.phone.store().device_key();
    let proof = prove(key, about, relying_party::now(), &OrderId::random().to_string()).unwrap();
    let request = Request::post(format!("{}{path}", broker.nearby))
        .header("Content-Type", "application/json")
        .header(dpop::HEADER, proof)
        .body(serde_json::to_vec(&ending).unwrap())
        .unwrap();
    let (status, answer) = send(request);
    assert!(status < 300, "{status} {answer}");
    let opened: SessionOpened = serde_json::from_value(answer).unwrap();
    assert_eq!(opened.account.levels_url, format!("{PUBLIC_URL}/identity"));
}
