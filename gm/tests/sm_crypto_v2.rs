//! The npm package sm-crypto-v2 judges what this crate makes, and this crate what the package makes.
//!
//! The package, version 1.15.1, is looked for in the workspace's `.tools/node/node_modules`, where
//! `npm install --prefix .tools/node sm-crypto-v2@1.15.1` puts it. Without it, or without Node, each test prints a
//! line `NOT RUN:` and passes without having judged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod judge;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use yinqiao_gm::sm2::{Ciphertext, CiphertextFormat, DEFAULT_ID, PrivateKey, PublicKey, Signature};
use yinqiao_gm::{sm3, sm4};

const VERSION: &str = "1.15.1";
const MESSAGE: &[u8] = "招标文件".as_bytes();
const OTHER_ID: &[u8] = "投标人@example.cn".as_bytes();
/// Enough that numbers with leading zero bytes turn up among r, s and the coordinates.
const ROUNDS: usize = 64;

/// A running `js/sm_crypto_judge.cjs`.
struct SmCrypto {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl SmCrypto {
    fn start(test: &str) -> Option<Self> {
        let install = format!("npm install --prefix .tools/node sm-crypto-v2@{VERSION}");
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/node/node_modules/sm-crypto-v2");
        let Ok(manifest) = fs::read_to_string(package.join("package.json")) else {
            println!("NOT RUN: sm-crypto-v2, {test}: the package is missing; run {install}");
            return None;
        };
        if !manifest.contains(&format!("\"version\": \"{VERSION}\"")) {
            println!("NOT RUN: sm-crypto-v2, {test}: another version is installed; run {install}");
            return None;
        }
        let started = Command::new("node")
            .arg(judge::source("js/sm_crypto_judge.cjs"))
            .arg(package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut process) = started else {
            println!("NOT RUN: sm-crypto-v2, {test}: node is missing; install Node.js 18 or later");
            return None;
        };
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Self { process, questions, answers })
    }

    /// The answer, or why there is none.
    fn try_ask(&mut self, verb: &str, fields: &[&str]) -> Result<String, String> {
        let question = [&[verb], fields].concat().join(" ");
        writeln!(self.questions.as_mut().unwrap(), "{question}").unwrap();
        let mut answer = String::new();
        assert_ne!(self.answers.read_line(&mut answer).unwrap(), 0, "no answer to {question}");
        let answer = answer.trim_end().to_owned();
        match answer.strip_prefix("! ") {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(answer),
        }
    }

    fn ask(&mut self, verb: &str, fields: &[&str]) -> String {
        self.try_ask(verb, fields).unwrap_or_else(|reason| panic!("{verb} {fields:?}: {reason}"))
    }

    fn ask_bytes(&mut self, verb: &str, fields: &[&str]) -> Vec<u8> {
        hex::decode(self.ask(verb, fields)).unwrap()
    }

    fn generate_key(&mut self) -> PrivateKey {
        let answer = self.ask("key", &[]);
        let (private, public) = answer.split_once(' ').unwrap();
        let key = PrivateKey::from_bytes(&hex::decode(private).unwrap().try_into().unwrap()).unwrap();
        assert_eq!(hex::encode(key.public_key().to_sec1()), public);
        key
    }

    fn verifies(&mut self, form: &str, key: &PublicKey, id: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let fields = [&key.to_sec1()[..], id, message, signature].map(hex::encode);
        let [key, id, message, signature] = &fields;
        match self.ask("verify", &[form, key, id, message, signature]).as_str() {
            "true" => true,
            "false" => false,
            other => panic!("{other}"),
        }
    }
}

impl Drop for SmCrypto {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.questions.take();
        let _ = self.process.wait();
    }
}

fn private(key: &PrivateKey) -> String {
    hex::encode(*key.to_bytes())
}

fn public(key: &PrivateKey) -> String {
    hex::encode(key.public_key().to_sec1())
}

fn message_of(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

#[test]
fn we_verify_its_signatures_under_the_default_and_another_id_in_both_forms() {
    let Some(mut judge) = SmCrypto::start("its signatures") else { return };
    for id in [DEFAULT_ID, OTHER_ID] {
        for _ in 0..ROUNDS {
            let key = judge.generate_key();
            let (secret, id_hex, message) = (private(&key), hex::encode(id), hex::encode(MESSAGE));
            let der = judge.ask_bytes("sign", &["der", &secret, &id_hex, &message]);
            let raw = judge.ask_bytes("sign", &["raw", &secret, &id_hex, &message]);
            for signature in
                [Signature::from_der(&der).unwrap(), Signature::from_raw(raw.try_into().unwrap()).unwrap()]
            {
                key.public_key().verify_with_id(id, MESSAGE, &signature).unwrap();
                assert!(key.public_key().verify_with_id(id, b"another", &signature).is_err());
                assert!(key.public_key().verify_with_id(b"another", MESSAGE, &signature).is_err());
            }
        }
    }
}

#[test]
fn it_verifies_our_signatures_and_refuses_them_for_another_message_id_or_key() {
    let Some(mut judge) = SmCrypto::start("our signatures") else { return };
    for id in [DEFAULT_ID, OTHER_ID] {
        for _ in 0..ROUNDS {
            let key = PrivateKey::generate().unwrap();
            let signature = key.sign_with_id(id, MESSAGE).unwrap();
            let (der, raw) = (signature.to_der().unwrap(), signature.to_raw());
            for (form, signature) in [("der", &der[..]), ("raw", &raw[..])] {
                assert!(judge.verifies(form, key.public_key(), id, MESSAGE, signature));
            }
        }
    }
    let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let signature = key.sign(MESSAGE).unwrap().to_der().unwrap();
    assert!(judge.verifies("der", key.public_key(), DEFAULT_ID, MESSAGE, &signature));
    assert!(!judge.verifies("der", key.public_key(), DEFAULT_ID, b"another", &signature));
    assert!(!judge.verifies("der", key.public_key(), OTHER_ID, MESSAGE, &signature));
    assert!(!judge.verifies("der", other.public_key(), DEFAULT_ID, MESSAGE, &signature));
}

#[test]
fn z_agrees() {
    let Some(mut judge) = SmCrypto::start("Z") else { return };
    for id in [DEFAULT_ID, OTHER_ID, b"x"] {
        let key = PrivateKey::generate().unwrap();
        let theirs = judge.ask("z", &[&public(&key), &hex::encode(id)]);
        assert_eq!(key.public_key().z(id).unwrap().to_string(), theirs);
    }
}

const FORMS: [(&str, CiphertextFormat); 3] = [
    ("c1c3c2", CiphertextFormat::C1C3C2 { prefix: false }),
    ("c1c2c3", CiphertextFormat::C1C2C3 { prefix: false }),
    ("asn1", CiphertextFormat::Asn1),
];

#[test]
fn we_open_its_ciphertexts_in_every_form() {
    let Some(mut judge) = SmCrypto::start("its ciphertexts") else { return };
    let key = judge.generate_key();
    for (form, format) in FORMS {
        // From 16 bytes on: the package doesn't draw k again when the key stream is all zeros, as the standard
        // demands, which short messages meet.
        for length in (16..80).chain([127, 128, 255, 256, 1000]) {
            let message = message_of(length);
            let theirs = judge.ask_bytes("encrypt", &[form, &public(&key), &hex::encode(&message)]);
            let theirs = Ciphertext::parse(format, &theirs).unwrap();
            assert_eq!(*key.decrypt(&theirs).unwrap(), message, "{form}, {length} bytes");
        }
    }
}

#[test]
fn it_opens_our_ciphertexts_in_every_form_and_not_an_altered_one() {
    let Some(mut judge) = SmCrypto::start("our ciphertexts") else { return };
    let key = PrivateKey::generate().unwrap();
    for (form, format) in FORMS {
        for length in (1..80).chain([127, 128, 255, 256, 1000]) {
            let message = message_of(length);
            let mut ours = key.public_key().encrypt(&message).unwrap().encode(format).unwrap();
            let opened = judge.ask_bytes("decrypt", &[form, &private(&key), &hex::encode(&ours)]);
            assert_eq!(opened, message, "{form}, {length} bytes");
            *ours.last_mut().unwrap() ^= 1;
            assert_eq!(judge.ask("decrypt", &[form, &private(&key), &hex::encode(&ours)]), "");
        }
    }
}

#[test]
fn digests_and_hmacs_agree() {
    let Some(mut judge) = SmCrypto::start("SM3") else { return };
    for length in (0..140).chain([1000, 10_000]) {
        let message = message_of(length);
        let theirs = judge.ask("digest", &[&hex::encode(&message)]);
        assert_eq!(sm3::digest(&message).to_string(), theirs, "{length} bytes");
        let key = message_of(length % 100 + 1);
        let theirs = judge.ask("hmac", &[&hex::encode(&key), &hex::encode(&message)]);
        assert_eq!(sm3::hmac(&key, &[&message]).to_string(), theirs, "{length} bytes");
    }
}

#[test]
fn sm4_cbc_agrees_on_both_sides() {
    let Some(mut judge) = SmCrypto::start("SM4-CBC") else { return };
    let iv = [0x22; 16];
    for length in (0..70).chain([1000, 4096]) {
        let (key, message) = (sm4::Key::generate().unwrap(), message_of(length));
        let (key_hex, iv_hex) = (hex::encode(key.as_bytes()), hex::encode(iv));
        let ours = sm4::cbc_encrypt(&key, &iv, &message);
        let theirs = judge.ask_bytes("cbc-encrypt", &[&key_hex, &iv_hex, &hex::encode(&message)]);
        assert_eq!(ours, theirs, "{length} bytes");
        assert_eq!(*sm4::cbc_decrypt(&key, &iv, &theirs).unwrap(), message);
        assert_eq!(judge.ask_bytes("cbc-decrypt", &[&key_hex, &iv_hex, &hex::encode(&ours)]), message);
    }
}

#[test]
fn sm4_gcm_agrees_on_both_sides_and_an_altered_tag_is_refused_on_both() {
    let Some(mut judge) = SmCrypto::start("SM4-GCM") else { return };
    let nonce = [0x33; sm4::GCM_NONCE_LENGTH];
    for length in (0..70).chain([1000, 4096]) {
        let (key, message, aad) =
            (sm4::Key::generate().unwrap(), message_of(length), message_of(length % 40));
        let (key_hex, nonce_hex, aad_hex) =
            (hex::encode(key.as_bytes()), hex::encode(nonce), hex::encode(&aad));
        let mut sealed = sm4::gcm_seal(&key, &nonce, &aad, &message);
        let theirs = judge.ask_bytes("gcm-seal", &[&key_hex, &nonce_hex, &aad_hex, &hex::encode(&message)]);
        assert_eq!(sealed, theirs, "{length} bytes");
        assert_eq!(*sm4::gcm_open(&key, &nonce, &aad, &theirs).unwrap(), message);
        let sealed_hex = hex::encode(&sealed);
        assert_eq!(judge.ask_bytes("gcm-open", &[&key_hex, &nonce_hex, &aad_hex, &sealed_hex]), message);

        *sealed.last_mut().unwrap() ^= 1;
        assert!(sm4::gcm_open(&key, &nonce, &aad, &sealed).is_err());
        let refused = judge.try_ask("gcm-open", &[&key_hex, &nonce_hex, &aad_hex, &hex::encode(&sealed)]);
        assert!(refused.unwrap_err().contains("tag mismatch"));
    }
}
