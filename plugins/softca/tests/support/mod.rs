//! A CA in a folder, its plugin in this process, and its operators with the real command line.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use yinqiao_ca_sdk::messages::{
    CertificatePair, Der, Holder, HolderKind, IssueRequest, RecoverKeyRequest, SealIssueRequest, SealPicture,
    Serial,
};
use yinqiao_ca_sdk::{LocalError, LocalHost, LocalInstance, Reply, Request};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateRequest, DistinguishedName};
use yinqiao_softca::MASTER_KEY;

pub const SECRET: &[u8] = b"a master key of this test";
pub const NAME: &str = "测试";
pub const IDENTITY_CODE: &str = "11010119900307447X";
pub const PASSPHRASE: &str = "口令口令口令口令";

/// The folder of a test: the CA in `ca`, operators' keys beside it.
pub struct Office {
    folder: TempDir,
    /// Name and public key.
    operators: Vec<(String, String)>,
}

impl Office {
    /// With as many operators, whose keys the command line makes.
    pub fn with(operators: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
        let mut office = Self { folder, operators: Vec::new() };
        for name in operators {
            let (key, passphrase) = (office.text(&format!("{name}.pem")), office.text("passphrase"));
            let made =
                office.done(&["operator-key", "--output", &key, "--passphrase-file", &passphrase, "--json"]);
            let made: Value = serde_json::from_str(&made).unwrap();
            office.operators.push(((*name).to_owned(), made["public_key"].as_str().unwrap().to_owned()));
        }
        office
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Another operator, whose key was made elsewhere.
    pub fn add_operator(&mut self, name: &str, key: &PrivateKey) {
        let public_key = Der(key.public_key().to_spki_der().unwrap()).into();
        self.operators.push((name.to_owned(), public_key));
    }

    pub fn configuration(&self, members: Value) -> Value {
        let operators: Vec<Value> = self
            .operators
            .iter()
            .map(|(name, public_key)| json!({"name": name, "public_key": public_key}))
            .collect();
        let mut configuration = json!({"directory": self.path("ca"), "name": NAME, "operators": operators});
        configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        configuration
    }

    /// Runs the command line.
    pub fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_yinqiao-softca"))
            .arg("--directory")
            .arg(self.path("ca"))
            .args(words)
            .env_clear()
            .output()
            .unwrap()
    }

    /// As [`Self::run`], where it succeeds: what it printed.
    pub fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[words, &["--json"]].concat())).unwrap()
    }

    /// As [`Self::run`], where it fails: exit code and the one line.
    pub fn refused(&self, words: &[&str]) -> (i32, String) {
        let output = self.run(words);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}");
        (output.status.code().unwrap(), error)
    }

    /// `approve` or `reject` of a token as an operator, and what further words say.
    pub fn decision<'a>(&'a self, words: &[&'a str], operator: &'a str) -> Vec<String> {
        let key = self.text(&format!("{operator}.pem"));
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let rest = ["--operator", operator, "--key", &key, "--passphrase-file"];
        all.extend(rest.iter().map(|word| (*word).to_owned()));
        all.push(self.text("passphrase"));
        all
    }

    pub fn decide(&self, words: &[&str], operator: &str) -> String {
        let words = self.decision(words, operator);
        self.done(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn decide_refused(&self, words: &[&str], operator: &str) -> (i32, String) {
        let words = self.decision(words, operator);
        self.refused(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

pub fn host() -> LocalHost {
    host_with(SECRET)
}

#[allow(unsafe_code, reason = "the macro's function keeps the contract")]
pub fn host_with(secret: &[u8]) -> LocalHost {
    // SAFETY: the entry is the one that export_adapter! made.
    unsafe { LocalHost::load(yinqiao_softca::ca_adapter_get, &[(MASTER_KEY, secret)]) }.unwrap()
}

pub fn csr(key: &PrivateKey) -> Der {
    let subject = DistinguishedName::builder().common_name("phone").build().unwrap();
    CertificateRequest::build(&subject, key).unwrap().der().to_vec().into()
}

pub fn holder() -> Holder {
    Holder {
        kind: HolderKind::Person,
        name: "张三".into(),
        identity_code: Some(IDENTITY_CODE.into()),
        organization: Some("测试公司".into()),
        unified_social_credit_code: None,
    }
}

pub fn issue_request(key: &PrivateKey) -> Request {
    Request::Issue(IssueRequest { csr: csr(key), holder: holder(), validity: None, product: None })
}

pub fn pair_of(reply: Reply) -> CertificatePair {
    let Reply::Pair(pair) = reply else { panic!("no pair: {reply:?}") };
    pair
}

pub fn issue(ca: &LocalInstance<'_>, name: &str, key: &PrivateKey) -> CertificatePair {
    pair_of(ca.submit(name, &issue_request(key)).unwrap())
}

pub fn certificate(der: &Der) -> Certificate {
    Certificate::from_der(der.as_bytes()).unwrap()
}

pub fn serial(der: &Der) -> Serial {
    Serial::from_octets(certificate(der).serial().as_bytes()).unwrap()
}

pub fn recover_request(pair: &CertificatePair, phone: &PrivateKey) -> Request {
    let serial = serial(pair.encryption_certificate.as_ref().unwrap());
    Request::RecoverKey(RecoverKeyRequest { serial, csr: csr(phone) })
}

pub fn seal_request(signer: &Der, picture: &[u8]) -> Request {
    Request::SealIssue(SealIssueRequest {
        kind: 1,
        name: "测试公章".into(),
        picture: SealPicture {
            format: "PNG".into(),
            data: picture.to_vec().into(),
            width_mm: 40,
            height_mm: 40,
        },
        signers: vec![signer.clone()],
        valid_from_ms: None,
        valid_until_ms: (now() as u64 + 86_400) * 1000,
    })
}

pub fn pending(result: Result<Reply, LocalError>) -> String {
    let Err(LocalError::Pending(pending)) = result else { panic!("not pending: {result:?}") };
    pending.token
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
