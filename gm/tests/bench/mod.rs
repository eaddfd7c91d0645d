//! The `openssl` command, and a directory to run it in.
//!
//! Where it is missing, a line `NOT RUN:` says so, and the test passes without having judged.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    time::SystemTime,
};

use tempfile::TempDir;
use yinqiao_gm::sm2::PrivateKey;

/// A directory to run `openssl` in, or `None` where there is no `openssl`.
pub struct Bench(TempDir);

impl Bench {
    pub fn new(test: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("NOT RUN: {test}: the openssl command is not on PATH");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Runs `openssl` with the words of `command`.
    pub fn run(&self, command: &str) -> Output {
        Command::new("openssl").args(command.split_whitespace()).current_dir(self.0.path()).output().unwrap()
    }

    pub fn succeed(&self, command: &str) -> String {
        let output = self.run(command);
        let text =
            [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
        assert!(output.status.success(), "openssl {command}: {text}");
        text
    }

    pub fn refuse(&self, command: &str) {
        assert!(!self.run(command).status.success(), "openssl {command} should have failed");
    }

    pub fn generate_key(&self, name: &str) -> PrivateKey {
        self.succeed(&format!("genpkey -algorithm SM2 -out {name}"));
        PrivateKey::from_pkcs8_pem(&self.text(name)).unwrap()
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}
