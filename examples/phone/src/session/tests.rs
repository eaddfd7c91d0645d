use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread::{self, JoinHandle};

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_protocol::holder::{Holder, HolderKind};
use yinqiao_protocol::phone::ClaimRequest;
use yinqiao_protocol::statement::{Claim, Display, RelyingPartyName, SignedText};
use yinqiao_protocol::task::{Purpose, Task, WrappedKey};
use yinqiao_protocol::{HolderId, SessionId, Sm3Hex, Statement, Timestamp, Token, code};

use super::*;
use crate::holdings::Missing;
use crate::store::{KdfParameters, KeyState, MOST_WRONG_TRIES};

const CONTENT_KEY: [u8; 16] = [7; 16];

/// A phone in a folder, with what its broker would know of it.
struct World {
    folder: tempfile::TempDir,
    holder: Holder,
    session: SessionId,
}

/// A pair as it was enrolled.
struct Enrolled {
    certificate: String,
    certificate_sm3: Sm3Hex,
    encryption_serial: String,
    encryption_key: PrivateKey,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), holder: holder(), session: SessionId::random() }
    }

    /// Opened anew each time, as after a crash.
    fn phone(&self) -> Phone {
        phone(self.folder.path())
    }

    fn enrol(&self, base: &str, holder: &Holder, pin_text: &str) -> Enrolled {
        let [signing_key, encryption_key] = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let certificate = |profile, key: &PrivateKey| {
            let subject = DistinguishedName::builder().common_name("王小明").build().unwrap();
            let serial = SerialNumber::generate().unwrap();
            let now = clock::now().seconds();
            CertificateBuilder::new(profile, subject, key.public_key().clone(), serial, now - 9, now + 999)
                .self_sign(key)
                .unwrap()
        };
        let signing = certificate(Profile::Signing, &signing_key);
        let encryption = certificate(Profile::Encryption, &encryption_key);
        let store = self.phone().store;
        let requested = KeyState::Requested {
            broker: base.into(),
            code_sm3: Sm3Hex::of(b"code"),
            enrolment: b"enrolment".as_slice().into(),
            signature: b"signature".as_slice().into(),
        };
        let name = store.add(signing_key, requested, &pin(pin_text)).unwrap();
        let unlocked = store.unlock(&name, &pin(pin_text), clock::now()).unwrap();
        let pair = Pair {
            broker: base.into(),
            holder: holder.clone(),
            certificate_authority: "ca".into(),
            signing_certificate: signing.der().into(),
            encryption_certificates: vec![encryption.der().into()],
            chain: Vec::new(),
        };
        let state = KeyState::Issued(Box::new(pair));
        store.change(&name, unlocked, state, vec![encryption_key.clone()], &pin(pin_text)).unwrap();
        Enrolled {
            certificate: signing.serial().to_string(),
            certificate_sm3: Sm3Hex::of(signing.der()),
            encryption_serial: encryption.serial().to_string(),
            encryption_key,
        }
    }

    /// Uses up a pair's PIN tries.
    fn lock(&self, enrolled: &Enrolled) {
        let (entry, _) = self.phone().pair_of(&enrolled.certificate).unwrap();
        for second in 0..5 {
            let at = Timestamp::from_millis(clock::now().millis() + second * 10_000);
            self.phone().store.unlock(&entry.name, &pin("000000"), at).unwrap_err();
        }
    }

    /// A claimed session that asks `own` to decrypt what was encrypted for `to`.
    fn decryption(&self, base: &str, own: &Enrolled, to: &Enrolled) -> (ClaimedSession, PrivateKey) {
        let one_time_key = PrivateKey::generate().unwrap();
        let wrapped = to.encryption_key.public_key().encrypt(&CONTENT_KEY).unwrap();
        let task = Task::Decrypt {
            one_time_key: one_time_key.public_key().to_sec1().as_slice().into(),
            items: vec![WrappedKey {
                id: "bid".parse().unwrap(),
                name: "投标文件.pdf".into(),
                size: 1,
                wrapped_key: wrapped.to_der().unwrap().into(),
                certificate_serial: to.encryption_serial.clone(),
            }],
        };
        let claimed = self.claimed(Purpose::Decrypt);
        let statement = Statement {
            session: claimed.session,
            nonce: "00".repeat(16),
            relying_party: claimed.relying_party.clone(),
            display: claimed.display.clone(),
            holder: self.holder.clone(),
            certificate_sm3: own.certificate_sm3,
            match_code: claimed.match_code.clone(),
            opened_at: clock::now(),
            stated_at: clock::now(),
            seal: None,
            task,
        };
        let mut kept = self.kept(base, own.certificate_sm3);
        kept.claimed = Some(claimed);
        let mut session = self.phone().resume(kept).unwrap();
        session.fetched = Some(PhoneSession {
            state: SessionState::Ready,
            until: None,
            statement: Some(statement.to_bytes().unwrap().into()),
            seal: None,
            to_be_signed: Vec::new(),
            cause: None,
        });
        (session, one_time_key)
    }

    fn code(&self, base: &str) -> String {
        code::text(base, b"secret", &self.session, 0)
    }

    fn kept(&self, base: &str, certificate_sm3: Sm3Hex) -> KeptClaim {
        let request = self.phone().claim_request(&self.code(base), certificate_sm3, None).unwrap();
        KeptClaim { broker: base.into(), certificate_sm3, claimed_at: clock::now(), request, claimed: None }
    }

    fn claimed(&self, purpose: Purpose) -> Claimed {
        Claimed {
            session: self.session,
            claim_token: Token::parse("token").unwrap(),
            match_code: "4711".into(),
            relying_party: RelyingPartyName {
                id: "portal".parse().unwrap(),
                name: "交易平台".into(),
                domain: "portal.example".into(),
            },
            purpose,
            display: Display { title: "解密".into(), text: String::new() },
            items_awaited: false,
            confirm_until: clock::now(),
        }
    }
}

fn phone(folder: &Path) -> Phone {
    Phone::open_with(folder, KdfParameters::new(8, 1).unwrap()).unwrap()
}

fn holder() -> Holder {
    Holder { id: HolderId::random(), kind: HolderKind::Person, name: "王小明".into(), enterprise: None }
}

fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

/// Where nobody listens: a request there would make a test wait for half a minute and fail.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A broker that gives `answers` (a status and JSON), one per connection. Gives each request's first line and body.
fn serve(listener: TcpListener, answers: Vec<(u16, String)>) -> JoinHandle<Vec<(String, Vec<u8>)>> {
    thread::spawn(move || answers.into_iter().map(|answer| serve_one(&listener, &answer)).collect())
}

fn serve_one(listener: &TcpListener, (status, json): &(u16, String)) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut line, mut length) = (String::new(), "-".to_owned(), 0);
    reader.read_line(&mut first).unwrap();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let media_type = if *status == 200 { "application/json" } else { "application/problem+json" };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    )
    .unwrap();
    (first.trim().to_owned(), body)
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

fn good(answer: &impl serde::Serialize) -> (u16, String) {
    (200, serde_json::to_string(answer).unwrap())
}

fn problem(status: u16, name: &str) -> (u16, String) {
    (status, format!(r#"{{"type":"urn:yinqiao:problem:{name}","title":"","status":{status},"detail":""}}"#))
}

fn ended() -> (u16, String) {
    (200, r#"{"state":"cancelled","cause":{"code":"cancelled_by_relying_party"}}"#.into())
}

fn decrypts_of(request: &ClaimRequest) -> Vec<String> {
    Claim::from_bytes(request.claim.as_slice()).unwrap().decrypts
}

#[test]
fn a_claim_names_the_keys_of_its_pair_and_of_the_holders_others() {
    let world = World::new();
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let older = world.enrol(NOWHERE, &world.holder, "314159");
    world.enrol(NOWHERE, &holder(), "271828");
    let decrypts = decrypts_of(&world.kept(NOWHERE, own.certificate_sm3).request);
    assert_eq!(decrypts, [own.encryption_serial, older.encryption_serial]);
}

#[test]
fn a_claim_names_carried_keys_and_none_that_is_locked() {
    let world = World::new();
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let older = world.enrol(NOWHERE, &world.holder, "314159");
    let locked = world.enrol(NOWHERE, &world.holder, "314159");
    let from = (older.certificate.as_str(), &pin("314159"));
    world.phone().carry(from, (&own.certificate, &pin("271828"))).unwrap();
    world.lock(&locked);
    let decrypts = decrypts_of(&world.kept(NOWHERE, own.certificate_sm3).request);
    assert_eq!(decrypts, [own.encryption_serial, older.encryption_serial]);
}

#[test]
fn a_locked_pair_claims_no_session_and_leaves_it_to_one_that_is_not() {
    let (listener, base) = listen();
    let world = World::new();
    let locked = world.enrol(&base, &world.holder, "314159");
    world.lock(&locked);
    let by_name = ClaimOptions { certificate: Some(locked.certificate.clone()), ..ClaimOptions::default() };
    let refused = |options: &ClaimOptions| world.phone().claim(&world.code(&base), options).unwrap_err();
    assert_eq!([refused(&ClaimOptions::default()), refused(&by_name)].map(|error| error.exit_code()), [9, 9]);
    let own = world.enrol(&base, &world.holder, "271828");
    assert_eq!(refused(&by_name).exit_code(), 9);
    assert!(world.phone().kept_claims().unwrap().is_empty());
    let served = serve(listener, vec![good(&world.claimed(Purpose::Login))]);
    let session = world.phone().claim(&world.code(&base), &ClaimOptions::default()).unwrap();
    assert_eq!(session.claim.kept.certificate_sm3, own.certificate_sm3);
    assert_eq!(served.join().unwrap().len(), 1);
}

#[test]
fn a_key_that_is_not_here_is_told_and_nothing_is_declined() {
    let (world, elsewhere) = (World::new(), World::new());
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let to = elsewhere.enrol(NOWHERE, &world.holder, "271828");
    let (session, _) = world.decryption(NOWHERE, &own, &to);
    let begin = std::time::Instant::now();
    for error in [session.older_certificates().unwrap_err(), session.answer(&pin("271828")).unwrap_err()] {
        assert!(matches!(error, PhoneError::KeyNotUsable { missing: Missing::NotHere, .. }), "{error}");
        assert!(error.to_string().contains(&to.encryption_serial), "{error}");
        assert!(decline_for(&error).is_none());
    }
    assert!(begin.elapsed().as_secs() < 20, "something was sent");
}

#[test]
fn a_key_of_another_holders_certificate_is_told_with_that_certificate() {
    let world = World::new();
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let foreign = world.enrol(NOWHERE, &holder(), "271828");
    let (session, _) = world.decryption(NOWHERE, &own, &foreign);
    let error = session.older_certificates().unwrap_err();
    assert!(error.to_string().contains(&format!("--certificate {}", foreign.certificate)), "{error}");
}

#[test]
fn the_sessions_pin_is_tried_on_no_other_key() {
    let world = World::new();
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let older = world.enrol(NOWHERE, &world.holder, "314159");
    let (session, _) = world.decryption(NOWHERE, &own, &older);
    for _ in 0..6 {
        let error = session.answer(&pin("271828")).unwrap_err();
        assert!(
            matches!(&error, PhoneError::OlderPinNeeded { certificate, .. } if *certificate == older.certificate)
        );
        assert!(decline_for(&error).is_none());
    }
    for certificate in world.phone().certificates().unwrap() {
        assert_eq!(certificate.tries_left, MOST_WRONG_TRIES, "{}", certificate.serial);
    }
}

#[test]
fn an_older_key_opens_with_its_own_pin_and_a_wrong_one_counts_there_only() {
    let world = World::new();
    let own = world.enrol(NOWHERE, &world.holder, "271828");
    let older = world.enrol(NOWHERE, &world.holder, "314159");
    let (session, one_time_key) = world.decryption(NOWHERE, &own, &older);
    assert_eq!(session.older_certificates().unwrap(), std::slice::from_ref(&older.certificate));
    let mut keys = session.unlock(&pin("271828")).unwrap();
    let wrong = session.unlock_older(&mut keys, &older.certificate, &pin("271828")).unwrap_err();
    assert!(matches!(wrong, PhoneError::Store(StoreError::WrongPin { left: 4 })), "{wrong}");
    assert_eq!(world.phone().pair_of(&older.certificate).unwrap().0.tries_left, 4);
    assert_eq!(world.phone().pair_of(&own.certificate).unwrap().0.tries_left, MOST_WRONG_TRIES);
    session.unlock_older(&mut keys, &older.certificate, &pin("314159")).unwrap();
    let response = session.response(&keys).unwrap();
    let rewrapped = yinqiao_gm::sm2::Ciphertext::from_der(response.items[0].value.as_slice()).unwrap();
    assert_eq!(one_time_key.decrypt(&rewrapped).unwrap().as_slice(), CONTENT_KEY);
}

#[test]
fn a_claimed_session_is_gone_on_with_after_a_crash_until_it_is_over() {
    let (listener, base) = listen();
    let world = World::new();
    world.enrol(&base, &world.holder, "271828");
    let served = serve(listener, vec![good(&world.claimed(Purpose::Login)), ended()]);
    drop(world.phone().claim(&world.code(&base), &ClaimOptions::default()).unwrap());
    let kept = world.phone().kept_claims().unwrap().remove(0);
    assert_eq!(session_of(&kept).unwrap(), world.session);
    let mut session = world.phone().resume(kept).unwrap();
    assert!(matches!(session.fetch(0).unwrap(), Fetched::Ended(SessionState::Cancelled, Some(_))));
    assert!(world.phone().kept_claims().unwrap().is_empty());
    let lines: Vec<_> = served.join().unwrap().into_iter().map(|(line, _)| line).collect();
    let fetch = format!("GET /v1/phone/sessions/{}?wait=0 HTTP/1.1", world.session);
    assert_eq!(lines, ["POST /v1/phone/claims HTTP/1.1", &fetch]);
}

#[test]
fn a_claim_whose_answer_was_lost_is_sent_again_with_the_same_bytes() {
    let (listener, base) = listen();
    let world = World::new();
    world.enrol(&base, &world.holder, "271828");
    // Not a broker's answer: as when a captive portal answers in its place.
    let served = serve(listener, vec![(200, "[]".into()), good(&world.claimed(Purpose::Login))]);
    world.phone().claim(&world.code(&base), &ClaimOptions::default()).unwrap_err();
    let kept = world.phone().kept_claims().unwrap().remove(0);
    let session = world.phone().resume(kept).unwrap();
    assert_eq!(session.claimed().session, world.session);
    let requests = served.join().unwrap();
    assert_eq!(requests[0].1, requests[1].1);
    assert!(world.phone().kept_claims().unwrap()[0].claimed.is_some());
}

#[test]
fn a_refused_claim_and_an_answered_session_are_not_kept() {
    let (listener, base) = listen();
    let world = World::new();
    world.enrol(&base, &world.holder, "271828");
    let answered = Answered { state: SessionState::Declined, at: clock::now() };
    let answers = vec![
        problem(410, "stale-code"),
        good(&world.claimed(Purpose::Login)),
        problem(500, "internal"),
        good(&answered),
    ];
    let served = serve(listener, answers);
    world.phone().claim(&world.code(&base), &ClaimOptions::default()).unwrap_err();
    assert!(world.phone().kept_claims().unwrap().is_empty());
    let session = world.phone().claim(&world.code(&base), &ClaimOptions::default()).unwrap();
    session.decline(DeclineReason::Declined).unwrap_err();
    assert_eq!(world.phone().kept_claims().unwrap().len(), 1);
    session.decline(DeclineReason::Declined).unwrap();
    assert!(world.phone().kept_claims().unwrap().is_empty());
    served.join().unwrap();
}

#[test]
fn a_session_that_was_answered_with_an_older_key_is_not_kept() {
    let (listener, base) = listen();
    let world = World::new();
    let own = world.enrol(&base, &world.holder, "271828");
    let older = world.enrol(&base, &world.holder, "314159");
    let (session, _) = world.decryption(&base, &own, &older);
    world.phone().store.keep_claim(&session.claim.kept).unwrap();
    let mut keys = session.unlock(&pin("271828")).unwrap();
    session.unlock_older(&mut keys, &older.certificate, &pin("314159")).unwrap();
    let served = serve(listener, vec![good(&Answered { state: SessionState::Completed, at: clock::now() })]);
    session.answer_with(&keys).unwrap();
    assert!(world.phone().kept_claims().unwrap().is_empty());
    assert!(served.join().unwrap()[0].0.ends_with("/response HTTP/1.1"));
}
