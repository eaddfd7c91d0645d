//! OpenSSL judges what the CA hands out.
//!
//! OpenSSL 3.0 can be told the signer's ID of SM2 for certificates only. Signatures of lists, OCSP responses and
//! timestamps are verified by `yinqiao-gm` elsewhere; here OpenSSL reads them and says what is in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::fs;
use std::process::Command;

use serde_json::json;
use support::*;
use tempfile::TempDir;
use yinqiao_ca_sdk::messages::{DerRequest, Empty, RevocationReason, RevokeRequest, SuspendRequest};
use yinqiao_ca_sdk::{LocalInstance, Reply, Request};
use yinqiao_gm::sm2::PrivateKey;

const DISTID: &str = "distid:1234567812345678";

/// A folder to run `openssl` in; None where there is no `openssl`.
struct Judge(TempDir);

impl Judge {
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("NOT RUN: what the CA hands out: the openssl command is not on PATH");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn run(&self, words: &str) -> (bool, String) {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(self.0.path()).output();
        let output = output.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn says(&self, words: &str) -> String {
        let (succeeded, text) = self.run(words);
        assert!(succeeded, "openssl {words}: {text}");
        text
    }
}

fn submit(ca: &LocalInstance<'_>, key: &str, request: Request) -> Reply {
    ca.submit(key, &request).unwrap()
}

#[test]
fn openssl_builds_the_chain_of_every_profile_and_names_its_extensions() {
    let Some(judge) = Judge::new() else { return };
    let office = Office::with(&[]);
    let configuration = office.configuration(json!({
        "crl_url": "http://ca.example/ca.crl",
        "delta_crl_hours": 1,
        "delta_crl_url": "http://ca.example/delta.crl",
        "ocsp_url": "http://ocsp.example",
        "issuer_url": "http://ca.example/ca.cer",
        "profiles": [{
            "name": "pair",
            "policies": ["1.2.156.10197.9.1"],
            "extended_key_usages": ["clientAuth", "emailProtection"],
        }],
    }));
    let host = host();
    let ca = host.open(&configuration).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    let pem = |der| certificate(der).to_pem().unwrap();
    judge.write("issuing.pem", pem(&pair.chain[0]).as_bytes());
    judge.write("root.pem", pem(&pair.chain[1]).as_bytes());
    judge.says(&format!("verify -x509_strict -vfyopt {DISTID} -CAfile root.pem issuing.pem"));
    for der in [&pair.signing_certificate, pair.encryption_certificate.as_ref().unwrap()] {
        judge.write("leaf.pem", pem(der).as_bytes());
        judge.says(&format!(
            "verify -x509_strict -vfyopt {DISTID} -partial_chain -trusted issuing.pem leaf.pem"
        ));
        let text = judge.says("x509 -in leaf.pem -noout -text");
        for word in [
            "URI:http://ca.example/ca.crl",
            "X509v3 Freshest CRL",
            "URI:http://ca.example/delta.crl",
            "OCSP - URI:http://ocsp.example",
            "CA Issuers - URI:http://ca.example/ca.cer",
            "Policy: 1.2.156.10197.9.1",
            "TLS Web Client Authentication, E-mail Protection",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn openssl_reads_the_revocation_list() {
    let Some(judge) = Judge::new() else { return };
    let office = Office::with(&[]);
    let host = host();
    let ca = host.open(&office.configuration(json!({}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    let number = serial(&pair.signing_certificate);
    let revoke =
        RevokeRequest { serial: number.clone(), reason: RevocationReason::KeyCompromise, pair: false };
    submit(&ca, "revoke", Request::Revoke(revoke));
    let Reply::Crl(crl) = submit(&ca, "", Request::Crl(Empty {})) else { panic!() };
    judge.write("list", crl.crl.as_bytes());
    let text = judge.says("crl -inform DER -in list -noout -text");
    for word in ["Key Compromise", &number.as_str().to_uppercase(), "X509v3 CRL Number"] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn openssl_asks_the_responder_and_understands_each_answer() {
    let Some(judge) = Judge::new() else { return };
    let office = Office::with(&[]);
    let host = host();
    let ca = host.open(&office.configuration(json!({}))).unwrap();
    let pair = issue(&ca, "issue", &PrivateKey::generate().unwrap());
    judge.write("issuing.pem", certificate(&pair.chain[0]).to_pem().unwrap().as_bytes());
    judge.write("root.pem", certificate(&pair.chain[1]).to_pem().unwrap().as_bytes());
    judge.write("leaf.pem", certificate(&pair.signing_certificate).to_pem().unwrap().as_bytes());
    let ask = |issuer: &str, about: &str, hash: &str| {
        let about = format!("-{hash} -issuer {issuer} {about}");
        judge.says(&format!("ocsp {about} -reqout request"));
        let request = Request::Ocsp(DerRequest { request: judge.read("request").into() });
        let Reply::Response(reply) = submit(&ca, "", request) else { panic!() };
        judge.write("response", reply.response.as_bytes());
        // The nonce is compared too: without it there would be a warning.
        judge.run(&format!("ocsp {about} -reqin request -respin response -noverify")).1
    };
    let suspend = || SuspendRequest { serial: serial(&pair.signing_certificate), pair: true };
    for hash in ["sha1", "sha256", "sm3"] {
        let said = ask("issuing.pem", "-cert leaf.pem", hash);
        assert!(said.contains("leaf.pem: good") && !said.contains("WARNING"), "{said}");
    }
    submit(&ca, "hold", Request::Hold(suspend()));
    let said = ask("issuing.pem", "-cert leaf.pem", "sm3");
    assert!(said.contains("leaf.pem: revoked") && said.contains("certificateHold"), "{said}");
    submit(&ca, "unhold", Request::Unhold(suspend()));
    assert!(ask("issuing.pem", "-cert leaf.pem", "sm3").contains("leaf.pem: good"));
    let said = ask("issuing.pem", "-serial 0x1234567890", "sm3");
    assert!(said.contains("0x1234567890: unknown"), "{said}");
    let said = ask("root.pem", "-cert issuing.pem", "sm3");
    assert!(said.contains("unauthorized"), "{said}");
}

#[test]
fn openssl_asks_the_timestamp_authority_and_reads_its_answers() {
    let Some(judge) = Judge::new() else { return };
    let office = Office::with(&[]);
    let host = host();
    let ca = host.open(&office.configuration(json!({"timestamp_policy": "1.2.156.10197.9.7"}))).unwrap();
    judge.write("bid", b"a bid");
    let ask = |options: &str| {
        judge.says(&format!("ts -query -data bid {options} -out request"));
        let request = Request::Timestamp(DerRequest { request: judge.read("request").into() });
        let Reply::Response(reply) = submit(&ca, "", request) else { panic!() };
        judge.write("response", reply.response.as_bytes());
        judge.says("ts -reply -in response -text")
    };
    let mut numbers = Vec::new();
    for hash in ["-sm3", "-sha256", "-sm3"] {
        let said = ask(&format!("{hash} -cert"));
        for word in
            ["Status: Granted.", "Policy OID: 1.2.156.10197.9.7", "Accuracy: 0x01 seconds", "Nonce: 0x"]
        {
            assert!(said.contains(word), "{word} in {said}");
        }
        let number = said.lines().find(|line| line.starts_with("Serial number")).unwrap();
        numbers.push(number.to_owned());
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 3);
    assert!(ask("-sha1").contains("unrecognized or unsupported algorithm"));
    assert!(ask("-sm3 -tspolicy 1.2.3.4").contains("policy is not supported"));
}
