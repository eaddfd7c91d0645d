//! The command line as operators use it, while the plugin runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::*;
use yinqiao_ca_sdk::messages::{Empty, RevocationReason, RevokeRequest};
use yinqiao_ca_sdk::{ErrorClass, Reply, Request};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::CertificateRevocationList;

#[test]
fn two_operators_recover_a_key_and_the_list_follows_them() {
    let office = Office::with(&["甲", "乙"]);
    let host = host();
    let ca = host.open(&office.configuration(json!({}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    assert_eq!(office.done(&["review", "list"]), "nothing waits\n");
    let phone = PrivateKey::generate().unwrap();
    let request = recover_request(&pair, &phone);
    let token = pending(ca.submit("recover", &request));

    let listed = office.json(&["review", "list"]);
    assert_eq!(listed[0]["token"], token.as_str());
    assert_eq!((&listed[0]["consents_needed"], &listed[0]["consents"]), (&json!(2), &json!([])));
    let shown = office.done(&["review", "show", &token[..12]]);
    for word in
        ["recover an encryption key", "张三", "110***********447X", "CN=phone", NAME, "0 of 2", "good"]
    {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    assert!(!shown.contains(IDENTITY_CODE));

    office.decide(&["review", "approve", &token], "甲");
    let again = office.decide(&["review", "approve", &token], "甲");
    assert!(again.contains("1 of 2"), "twice is once: {again}");
    assert_eq!(pending(ca.submit("recover", &request)), token);
    let second: Value =
        serde_json::from_str(&office.decide(&["review", "approve", "--json", &token], "乙")).unwrap();
    assert_eq!((&second["state"], &second["consents"]), (&json!("consented"), &json!(["甲", "乙"])));
    let Reply::RecoveredKey(recovered) = ca.submit("recover", &request).unwrap() else { panic!() };
    let key = EnvelopedKey::from_der(recovered.enveloped_key.as_bytes()).unwrap().open(&phone).unwrap();
    assert_eq!(key.public_key(), certificate(pair.encryption_certificate.as_ref().unwrap()).public_key());

    assert_eq!(office.json(&["review", "list"]), json!([]));
    assert_eq!(office.json(&["review", "list", "--all"])[0]["state"], "done");
    let (code, error) = office.decide_refused(&["review", "approve", &token], "甲");
    assert_eq!(code, 5, "{error}");
}

#[test]
fn an_officer_sees_the_picture_and_the_signers_of_a_seal_and_refuses_it_with_a_reason() {
    let office = Office::with(&["甲"]);
    let host = host();
    let ca = host.open(&office.configuration(json!({"seal_review": true}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    let request = seal_request(&pair.signing_certificate, b"a picture");
    let token = pending(ca.submit("seal", &request));

    let picture = office.text("picture.png");
    let shown = office.done(&["review", "show", &token, "--picture", &picture]);
    assert_eq!(fs::read(&picture).unwrap(), b"a picture");
    let number = serial(&pair.signing_certificate).to_string();
    for word in ["issue a seal", "测试公章", "张三", &number, "110***********447X", "40 x 40 mm"] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    let (code, error) = office.refused(&["review", "show", &token, "--picture", &picture]);
    assert!(code == 3 && error.contains("picture.png"), "an old picture is not written over: {error}");

    let (code, error) = office.decide_refused(&["review", "reject", &token, "--reason", " "], "甲");
    assert_eq!(code, 2, "{error}");
    let refused = office.decide(&["review", "reject", &token, "--reason", "图片不清楚"], "甲");
    assert!(refused.contains("refused by 甲: 图片不清楚"), "{refused}");
    let (code, error) = office.decide_refused(&["review", "approve", &token], "甲");
    assert_eq!(code, 5, "{error}");
    let error = ca.submit("seal", &request).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
    assert!(error.to_string().contains("refused by 甲: 图片不清楚"), "{error}");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_exit_code() {
    let mut office = Office::with(&["甲"]);
    let signer = PrivateKey::generate().unwrap();
    office.add_operator("经办人", &signer);
    let pem = signer.to_encrypted_pkcs8_pem(PASSPHRASE.as_bytes()).unwrap();
    fs::write(office.path("经办人.pem"), &pem).unwrap();
    fs::write(office.path("丙.pem"), &pem).unwrap();
    fs::write(office.path("wrong"), "not the passphrase").unwrap();
    fs::write(office.path("plain.pem"), &*signer.to_pkcs8_pem().unwrap()).unwrap();
    let nothing = tempfile::tempdir().unwrap();

    let host = host();
    let (code, error) = office.refused(&["status"]);
    assert_eq!(code, 4, "{error}");
    let ca = host.open(&office.configuration(json!({"seal_review": true}))).unwrap();
    let pair = issue(&ca, "issue", &signer);
    let token = pending(ca.submit("seal", &seal_request(&pair.signing_certificate, b"a picture")));

    let key = |name: &str| office.text(name);
    let approve = |operator: &str, pem: &str, passphrase: &str| {
        let (pem, passphrase) = (key(pem), key(passphrase));
        let words = ["review", "approve", &token, "--operator", operator, "--key", &pem];
        office.refused(&[words.as_slice(), &["--passphrase-file", &passphrase]].concat())
    };
    let cases = [
        (2, office.refused(&["review", "list", "--surprise"])),
        (2, office.refused(&["review", "show", &token, "--picture", nothing.path().to_str().unwrap(), "x"])),
        (4, office.refused(&["review", "show", "00ff"])),
        (4, office.refused(&["review", "show", ""])),
        (4, office.refused(&["crl", "--output", &key("list")])),
        (6, approve("丙", "丙.pem", "passphrase")),
        (6, approve("经办人", "经办人.pem", "passphrase")),
        (7, approve("甲", "甲.pem", "wrong")),
        (7, approve("甲", "经办人.pem", "passphrase")),
        (7, approve("甲", "plain.pem", "passphrase")),
        (3, approve("甲", "absent.pem", "passphrase")),
        (3, approve("甲", "甲.pem", "absent")),
        (2, approve("", "甲.pem", "passphrase")),
    ];
    for (position, (expected, (code, error))) in cases.into_iter().enumerate() {
        assert_eq!(code, expected, "case {position}: {error}");
        if expected != 2 {
            assert_eq!(error.lines().count(), 1, "case {position}: {error}");
        }
        assert!(!error.contains(PASSPHRASE) && !error.contains("not the passphrase"));
    }
    // Nobody is maker and checker, but may say no.
    office.decide(&["review", "reject", &token, "--reason", "撤回"], "经办人");
}

#[test]
fn status_counts_and_names_the_cas_own_certificates() {
    let office = Office::with(&["甲"]);
    let host = host();
    let ca = host.open(&office.configuration(json!({"seal_review": true}))).unwrap();
    let pair = issue(&ca, "one", &PrivateKey::generate().unwrap());
    issue(&ca, "two", &PrivateKey::generate().unwrap());
    let revoke = RevokeRequest {
        serial: serial(&pair.signing_certificate),
        reason: RevocationReason::Superseded,
        pair: false,
    };
    ca.submit("revoke", &Request::Revoke(revoke)).unwrap();
    pending(ca.submit("seal", &seal_request(&pair.signing_certificate, b"a picture")));
    ca.submit("", &Request::Crl(Empty {})).unwrap();

    let status = office.json(&["status"]);
    assert_eq!(status["certificates"], json!({"good": 3, "held": 0, "revoked": 1}));
    assert_eq!((&status["seals"], &status["reviews_waiting"]), (&json!(0), &json!(1)));
    assert_eq!(status["revocation_list"]["number"], 1);
    for name in ["root", "issuing", "maker", "ocsp", "timestamp"] {
        assert!(status["own_certificates"][name]["not_after"].is_string(), "{name}");
    }
    let text = office.done(&["status"]);
    assert!(text.contains("number 1, next update") && text.contains("CN=测试 Root CA"), "{text}");

    let file = office.text("ca.crl");
    for _ in 0..2 {
        office.done(&["crl", "--output", &file]);
    }
    let list = CertificateRevocationList::from_der(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(list.entries().len(), 1);
}

#[test]
fn an_operators_key_may_come_from_openssl() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("NOT RUN: an operator's key of OpenSSL: the openssl command is not on PATH");
        return;
    }
    let mut office = Office::with(&[]);
    let openssl = |words: &[&str]| {
        let output = Command::new("openssl").args(words).current_dir(office.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    openssl(&["genpkey", "-algorithm", "SM2", "-aes256", "-pass", "file:passphrase", "-out", "丁.pem"]);
    let plain = openssl(&["pkey", "-in", "丁.pem", "-passin", "file:passphrase"]);
    let key = PrivateKey::from_pkcs8_pem(&String::from_utf8(plain).unwrap()).unwrap();
    office.add_operator("丁", &key);
    let host = host();
    let ca = host.open(&office.configuration(json!({"seal_review": true}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    let request = seal_request(&pair.signing_certificate, b"a picture");
    let token = pending(ca.submit("seal", &request));
    office.decide(&["review", "approve", &token], "丁");
    assert!(matches!(ca.submit("seal", &request).unwrap(), Reply::Seal(_)));
}

#[test]
fn a_new_operators_key_is_encrypted_and_never_written_over() {
    let office = Office::with(&["甲"]);
    let pem = fs::read_to_string(office.path("甲.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let (output, passphrase) = (office.text("甲.pem"), office.text("passphrase"));
    let words = ["operator-key", "--output", &output, "--passphrase-file", &passphrase];
    assert_eq!(office.refused(&words).0, 3);
    assert_eq!(fs::read_to_string(office.path("甲.pem")).unwrap(), pem);
    fs::write(office.path("short"), "1234567").unwrap();
    let (output, short) = (office.text("new.pem"), office.text("short"));
    let words = ["operator-key", "--output", &output, "--passphrase-file", &short];
    assert_eq!(office.refused(&words).0, 2);
}

#[test]
fn a_passphrase_is_typed_without_echo_after_what_is_about_to_be_signed_was_shown() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("NOT RUN: a passphrase at a terminal: the script command is not on PATH");
        return;
    }
    let office = Office::with(&["甲"]);
    let host = host();
    let ca = host.open(&office.configuration(json!({"seal_review": true}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    let token = pending(ca.submit("seal", &seal_request(&pair.signing_certificate, b"a picture")));
    let program = env!("CARGO_BIN_EXE_yinqiao-softca");
    let (directory, key) = (office.text("ca"), office.text("甲.pem"));
    let words =
        format!("'{program}' --directory '{directory}' review approve {token} --operator 甲 --key '{key}'");
    // A terminal of its own, into which the passphrase is typed once it is asked for.
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &words, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("Passphrase of") {
        let mut piece = [0; 1024];
        let read = output.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&piece[..read]);
    }
    assert!(String::from_utf8_lossy(&shown).contains("测试公章"), "what is signed stands above the question");
    // The echo is off once the question is there; what is typed earlier would be the terminal's to echo.
    std::thread::sleep(std::time::Duration::from_millis(200));
    input.write_all(format!("{PASSPHRASE}\n").as_bytes()).unwrap();
    output.read_to_end(&mut shown).unwrap();
    drop(input);
    assert!(terminal.wait().unwrap().success());
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("consented") && !shown.contains(PASSPHRASE), "{shown}");
}
