//! What was encrypted for a certificate opens after it: after a renewal, on a new phone, and after the phone is lost.

use serde_json::{Value, json};

use yinqiao_gm::sm2::{Ciphertext, PrivateKey};
use yinqiao_gm::x509::Certificate;
use yinqiao_phone::session::ClaimOptions;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::recovery::RecoveryState;
use yinqiao_protocol::task::serial_text;
use yinqiao_protocol::{Base64, Sm3Hex};
use yinqiao_tests::holder::{agree, pin, problem_of};
use yinqiao_tests::relying_party::RelyingParty;
use yinqiao_tests::{Adapter, Holder, Officer, tasks};

use crate::stage::{LEGAL_PERSON, Stage, User, eventually, order};

const CONTENT_KEY: [u8; 16] = [7; 16];

/// A bid that was encrypted for a certificate.
struct Bid {
    recipient: Certificate,
}

impl Bid {
    fn encrypted_for(phone: &Holder) -> Self {
        Self { recipient: Certificate::from_der(phone.encryption_certificate().as_slice()).unwrap() }
    }

    /// Has it opened by this phone's certificate, and looks into it.
    fn open(&self, (stage, platform): (&Stage, &RelyingParty), phone: &Holder, certificate: &str) {
        let one_time_key = PrivateKey::generate().unwrap();
        let key = self.recipient.public_key();
        let task = tasks::decrypt(&one_time_key, key, &serial_text(&self.recipient), &[CONTENT_KEY]);
        let opened = platform.open(task);
        let mut session = phone.phone.claim(&opened.code, &with(certificate)).unwrap();
        assert_eq!(agree(&mut session).state, SessionState::Completed);
        let outcome = platform.view(&opened.session).result.unwrap();
        stage.broker.trust().verify_outcome(&outcome);
        let rewrapped = Ciphertext::from_der(outcome.items[0].value.as_slice()).unwrap();
        assert_eq!(one_time_key.decrypt(&rewrapped).unwrap().as_slice(), CONTENT_KEY);
    }
}

fn with(certificate: &str) -> ClaimOptions {
    ClaimOptions { certificate: Some(certificate.to_owned()), ..ClaimOptions::default() }
}

/// Orders a certificate and downloads it; gives its serial number.
fn get(user: &User, wanted: &Value) -> String {
    let ordered: Value = user.account.post("/v1/orders", wanted).unwrap();
    user.account.download(ordered["order"].as_str().unwrap(), &pin()).unwrap().serial
}

fn revoke(user: &User, certificate: &Sm3Hex, reason: &str) {
    let path = format!("/v1/certificates/{certificate}/revoke");
    let revoked: Value = user.account.post(&path, &json!({ "reason": reason })).unwrap();
    assert_eq!(revoked["state"], "revoked");
}

#[test]
fn a_bid_from_before_an_ordered_renewal_opens_after_the_old_certificate_was_revoked() {
    let stage = Stage::new();
    let (user, platform) = (stage.sign_in(&LEGAL_PERSON), stage.broker.relying_party("fuzhou"));
    let old = get(&user, &order(30));
    let (old_sm3, bid) = (user.holder.certificate_sm3(), Bid::encrypted_for(&user.holder));
    let mut renewal = order(365);
    renewal["renews"] = json!(old_sm3);
    let new = get(&user, &renewal);
    user.holder.phone.carry((&old, &pin()), (&new, &pin())).unwrap();
    bid.open((&stage, &platform), &user.holder, &new);

    revoke(&user, &old_sm3, "superseded");
    bid.open((&stage, &platform), &user.holder, &new);
    let opened = platform.open(tasks::login());
    let refused = user.holder.phone.claim(&opened.code, &with(&old));
    assert_eq!(problem_of(refused), "certificate-revoked");
    let former: Value = user.account.get(&format!("/v1/certificates/{old_sm3}")).unwrap().value;
    assert!(former["successor"].is_string(), "{former}");
}

/// A stage whose software CA recovers keys, when two officers of its own consent.
struct Escrow {
    stage: Stage,
    first: Officer,
    second: [String; 2],
    passphrase: String,
}

impl Escrow {
    fn new() -> Self {
        let mut officers = None;
        let stage = Stage::with_adapter(|broker| {
            let first = Officer::new(broker);
            let path = |name: &str| broker.folder().join(name).to_str().unwrap().to_owned();
            let (key, passphrase) = (path("second-officer.pem"), path("passphrase"));
            let made = ["operator", "key", "new", "--out", &key, "--passphrase-file", &passphrase];
            let public_key = broker.operator(&made);
            let operators = first.operators().strip_suffix(']').unwrap();
            let operators = format!("{operators}, {{ name = \"吴岚\", {} }}]", public_key.trim());
            officers = Some((first, key, passphrase));
            Adapter::software_ca(broker, "softca").configured(&operators)
        });
        let (first, key, passphrase) = officers.unwrap();
        Self { stage, first, second: ["吴岚".to_owned(), key], passphrase }
    }

    /// The token of a new security officer of the trading centre.
    fn security_officer(&self, name: &str) -> String {
        let added = self.stage.broker.operator(&["staff", "add", name, "--role", "security-officer"]);
        added.trim().to_owned()
    }

    /// Both officers of the CA consent to what waits there.
    fn consent_of_ca(&self) {
        eventually("the CA's turn", || (!self.first.waiting().is_empty()).then_some(()));
        let waiting = self.first.waiting();
        let [token] = waiting.as_slice() else { panic!("not one matter waits: {waiting:?}") };
        assert!(self.first.try_approve(token));
        let ([name, key], passphrase) = (&self.second, &self.passphrase);
        let signer = ["--operator", name, "--key", key, "--passphrase-file", passphrase];
        self.first.softca(&[&["review", "approve", token], signer.as_slice()].concat());
    }
}

#[test]
fn a_new_phone_opens_a_bid_of_the_lost_one_after_two_officers_consented() {
    let escrow = Escrow::new();
    let stage = &escrow.stage;
    let lost = stage.sign_in(&LEGAL_PERSON);
    get(&lost, &order(365));
    let (lost_sm3, bid) = (lost.holder.certificate_sm3(), Bid::encrypted_for(&lost.holder));
    let new = stage.sign_in(&LEGAL_PERSON);
    let mut rekey = order(365);
    rekey["replaces"] = json!(lost_sm3);
    let serial = get(&new, &rekey);
    let into = (serial.as_str(), &pin());
    revoke(&new, &lost_sm3, "keyCompromise");

    let asked = new.account.request_recovery(&lost_sm3, into).unwrap();
    assert_eq!(problem_of(new.account.request_recovery(&lost_sm3, into)), "conflict");
    assert!(new.account.take_recovered_key(asked.recovery, into).unwrap().is_none());
    let consent = format!("/v1/operator/recoveries/{}/consent", asked.recovery);
    let (one, other) = (escrow.security_officer("one"), escrow.security_officer("other"));
    for _ in 0..2 {
        let consented = stage.post_as_staff(&one, &consent, &json!({}));
        assert_eq!((&consented["state"], &consented["consents"]), (&json!("awaiting_consent"), &json!(1)));
    }
    assert_eq!(stage.post_as_staff(&other, &consent, &json!({}))["state"], "recovering");
    escrow.consent_of_ca();
    eventually("the key", || {
        let recovery = new.account.recovery(asked.recovery).unwrap();
        (recovery.state == RecoveryState::Done).then_some(())
    });

    // The phone that asked gets it, and not the lost one.
    assert!(lost.account.recovery(asked.recovery).unwrap().key.is_none());
    for _ in 0..2 {
        let kept = new.account.take_recovered_key(asked.recovery, into).unwrap().unwrap();
        assert_eq!(kept.encryption_serials.last(), Some(&serial_text(&bid.recipient)));
        assert_eq!(kept.encryption_serials.len(), 2);
    }
    bid.open((stage, &stage.broker.relying_party("fuzhou")), &new.holder, &serial);
}

#[test]
fn a_key_is_recovered_for_its_holder_alone_and_not_after_a_rejection() {
    let escrow = Escrow::new();
    let stage = &escrow.stage;
    let user = stage.sign_in(&LEGAL_PERSON);
    let serial = get(&user, &order(365));
    let (sm3, into) = (user.holder.certificate_sm3(), (serial.as_str(), &pin()));
    let other = stage.member(&user);
    let path = format!("/v1/certificates/{sm3}/recoveries");
    let foreign = json!({ "certificate_request": Base64(vec![0; 64]) });
    assert_eq!(problem_of(other.account.post::<Value>(&path, &foreign)), "invalid-request");

    let asked = user.account.request_recovery(&sm3, into).unwrap();
    assert_eq!(problem_of(other.account.recovery(asked.recovery)), "not-found");
    let officer = escrow.security_officer("officer");
    let reject = format!("/v1/operator/recoveries/{}/reject", asked.recovery);
    stage.post_as_staff(&officer, &reject, &json!({ "reason": "the holder was not at the counter" }));
    let rejected = user.account.recovery(asked.recovery).unwrap();
    assert_eq!(rejected.state, RecoveryState::Rejected);
    assert_eq!(rejected.reason.as_deref(), Some("the holder was not at the counter"));
    assert!(user.account.take_recovered_key(asked.recovery, into).unwrap().is_none());
    let consent = format!("/v1/operator/recoveries/{}/consent", asked.recovery);
    assert_eq!(stage.try_as_staff(&officer, &consent, &json!({})).0, 409);
}
