//! What the log must not tell, however much of it is asked for.

use base64_text::forms;

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::relying_party::OpenedSession;
use yinqiao_tests::holder::{PIN, agree};
use yinqiao_tests::{Broker, Holder, tasks};

#[test]
fn no_secret_stands_in_the_debug_log() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let code = broker.enrolment_code("王小明", None, None);
    let person = Holder::new();
    person.enrol_with(&broker, &code);
    let opened: OpenedSession = platform.open(tasks::login());
    let mut page = platform.watch(&opened);
    let pushed = page.code();
    let mut session = person.scan(&pushed).unwrap();
    let claim_token = session.claimed().claim_token.clone();
    assert_eq!(agree(&mut session).state, SessionState::Completed);
    // Refusals log more than successes.
    platform.send("POST", "/v1/sessions", b"{").refused("malformed-request");
    person.scan(&pushed).unwrap_err();
    session.send(&session_response()).unwrap_err();
    let renewed = platform.socket_token(&opened.session);
    broker.stop();

    let log = broker.log();
    assert!(
        log.contains("DEBUG") && log.contains("/v1/phone/claims"),
        "the log is not what it was thought to be"
    );
    let mut secrets = vec![
        platform.key().expose().to_owned(),
        code.expose().to_owned(),
        opened.socket_token.expose().to_owned(),
        page.next_token.unwrap().expose().to_owned(),
        renewed.expose().to_owned(),
        claim_token.expose().to_owned(),
        pushed.rsplit('.').next().unwrap().to_owned(),
        opened.code.rsplit('.').next().unwrap().to_owned(),
    ];
    secrets.extend(forms(opened.secret.as_slice()));
    for secret in secrets {
        assert!(secret.len() > 16 && !log.contains(&secret), "a secret stands in the log");
    }
    // Six digits also stand in times and sizes; a PIN would stand alone.
    assert!(!log.split(|c: char| !c.is_alphanumeric()).any(|word| word == PIN), "the PIN stands in the log");
}

fn session_response() -> yinqiao_protocol::phone::Response {
    serde_json::from_str(r#"{"statement_signature":"MAA="}"#).unwrap()
}

/// The texts that bytes may be written as.
mod base64_text {
    use yinqiao_protocol::{Base64, Token};

    pub fn forms(bytes: &[u8]) -> [String; 4] {
        let base64 = serde_json::to_value(Base64(bytes.to_vec())).unwrap().as_str().unwrap().to_owned();
        let hexadecimal = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [base64, Token::from_bytes(bytes).expose().to_owned(), hexadecimal, format!("{bytes:?}")]
    }
}
