//! The officer of a software CA, who reviews what it is asked for.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::broker::Broker;
use crate::programs;

/// An officer of the CA, and the CA's command line.
pub struct Officer {
    ca: PathBuf,
    key: PathBuf,
    passphrase: PathBuf,
    /// The member of the CA's configuration.
    operators: String,
}

impl Officer {
    /// One whose key is made for this broker's software CA, which is to be configured with [`Officer::operators`].
    pub fn new(broker: &Broker) -> Self {
        let (key, passphrase) = (broker.folder().join("officer.pem"), broker.folder().join("passphrase"));
        fs::write(&passphrase, "correct horse\n").unwrap();
        let (key_text, passphrase_text) = (key.to_str().unwrap(), passphrase.to_str().unwrap());
        let made = ["operator", "key", "new", "--out", key_text, "--passphrase-file", passphrase_text];
        let public_key = broker.operator(&made);
        let operators = format!("operators = [{{ name = \"周敏\", {public_key} }}]");
        Self { ca: broker.data().join("softca"), key, passphrase, operators }
    }

    /// What the CA's command line prints.
    pub fn softca(&self, arguments: &[&str]) -> String {
        self.try_softca(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    fn try_softca(&self, arguments: &[&str]) -> Result<String, String> {
        let mut program = Command::new(programs::yinqiao_softca());
        let output = program.arg("--directory").arg(&self.ca).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The tokens of all matters that wait.
    pub fn waiting(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.softca(&["--json", "review", "list"])).unwrap();
        let matters = list.as_array().unwrap().iter();
        matters.map(|matter| matter["token"].as_str().unwrap().to_owned()).collect()
    }

    /// The member of the CA's configuration that names this officer.
    pub fn operators(&self) -> &str {
        &self.operators
    }

    /// Decides on the one matter that waits: `approve`, or `reject --reason TEXT`.
    pub fn decide(&self, decision: &[&str]) {
        let waiting = self.waiting();
        let [token] = waiting.as_slice() else { panic!("not one matter waits: {waiting:?}") };
        self.try_decide(decision, token).unwrap();
    }

    /// Approves a matter, unless it is over.
    pub fn try_approve(&self, token: &str) -> bool {
        self.try_decide(&["approve"], token).is_ok()
    }

    fn try_decide(&self, decision: &[&str], token: &str) -> Result<String, String> {
        let signer = ["--operator", "周敏", "--key", self.key.to_str().unwrap()];
        let passphrase = ["--passphrase-file", self.passphrase.to_str().unwrap()];
        self.try_softca(&[&["review", decision[0], token], &decision[1..], &signer, &passphrase].concat())
    }
}
