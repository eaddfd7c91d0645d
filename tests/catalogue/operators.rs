//! Operators with keys of their own, and a policy that names them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use yinqiao_tests::Broker;

use super::plugins::text;

/// One operator.
pub struct Operator {
    pub name: &'static str,
    key: PathBuf,
    passphrase: PathBuf,
    public_key: String,
}

impl Operator {
    pub fn new(broker: &Broker, name: &'static str) -> Self {
        let file = |extension: &str| broker.folder().join(format!("{name}.{extension}"));
        let (key, passphrase) = (file("pem"), file("passphrase"));
        fs::write(&passphrase, "correct horse\n").unwrap();
        let arguments =
            ["operator", "key", "new", "--out", text(&key), "--passphrase-file", text(&passphrase)];
        let public_key = broker.operator(&arguments);
        Self { name, key, passphrase, public_key }
    }

    /// The operator's line for a policy, as the command prints it for the key's file.
    pub fn shown(&self, broker: &Broker) -> String {
        broker.operator(&[
            "operator",
            "key",
            "show",
            text(&self.key),
            "--passphrase-file",
            text(&self.passphrase),
        ])
    }

    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Consents under the own name.
    pub fn consent(&self, broker: &Broker, change: &str) -> Result<Value, String> {
        self.consent_as(broker, self.name, change)
    }

    /// Signs with the own key, and says to be `name`.
    pub fn consent_as(&self, broker: &Broker, name: &str, change: &str) -> Result<Value, String> {
        let arguments = [
            "adapter",
            "consent",
            change,
            "--operator",
            name,
            "--key",
            text(&self.key),
            "--passphrase-file",
            text(&self.passphrase),
            "--json",
        ];
        broker.try_operator(&arguments).map(|answer| serde_json::from_str(&answer).unwrap())
    }
}

/// The text of a policy.
pub fn policy(consents: usize, operators: &[&Operator]) -> String {
    let mut text = format!("consents = {consents}\n");
    for operator in operators {
        text += &format!("[[operator]]\nname = {:?}\n{}\n", operator.name, operator.public_key);
    }
    text
}

/// Sets a policy; gives the command's answer.
pub fn set_policy(broker: &Broker, policy: &str) -> Value {
    let file = broker.folder().join("policy.toml");
    fs::write(&file, policy).unwrap();
    broker.operator_json(&["adapter", "policy", "set", text(&file), "--json"])
}

/// A broker that has not run, with a policy of two persons, and both of them.
pub fn two_persons() -> (Broker, Operator, Operator) {
    let broker = Broker::not_started();
    let (zhang, li) = (Operator::new(&broker, "张三"), Operator::new(&broker, "李四"));
    let answer = set_policy(&broker, &policy(2, &[&zhang, &li]));
    assert_eq!(answer["state"], "in force");
    (broker, zhang, li)
}

/// The id of the change that a command proposed.
pub fn proposed(answer: &Value) -> String {
    assert_eq!(answer["state"], "waiting for consents", "{answer}");
    answer["change"].as_str().unwrap().to_owned()
}
