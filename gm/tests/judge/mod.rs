//! Software that we did not write, and what passes between it and the tests.
//!
//! Where a judge is missing, a line `NOT RUN:` says which, and the test passes without having judged.
#![allow(dead_code, reason = "each test file uses its part")]

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A directory for what goes to a judge and comes back.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn put(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn take(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

/// What the program `tests/java/{program}.java` says, which asks the Bouncy Castle of Debian's libbcpkix-java.
/// `None` if that, or Java, is missing.
pub fn bouncy_castle<A: AsRef<OsStr>>(program: &str, verb: &str, arguments: &[A]) -> Option<String> {
    let jars: Vec<_> = ["bcprov", "bcutil", "bcpkix"]
        .map(|jar| PathBuf::from(format!("/usr/share/java/{jar}.jar")))
        .to_vec();
    if let Some(missing) = jars.iter().find(|jar| !jar.exists()) {
        println!("NOT RUN: {} is missing; install libbcpkix-java", missing.display());
        return None;
    }
    let output = Command::new("java")
        .arg("-cp")
        .arg(env::join_paths(jars).unwrap())
        .arg(source(&format!("java/{program}.java")))
        .arg(verb)
        .args(arguments)
        .output();
    let Ok(output) = output else {
        println!("NOT RUN: java is missing; install a JDK of version 17 or later");
        return None;
    };
    Some(verdict("Bouncy Castle", verb, &output))
}

/// What GmSSL's library says, called by Python. `None` if either is missing.
pub fn gmssl<A: AsRef<OsStr>>(verb: &str, arguments: &[A]) -> Option<String> {
    let output =
        Command::new("python3").arg(source("python/cms_judge.py")).arg(verb).args(arguments).output();
    let Ok(output) = output else {
        println!("NOT RUN: python3 is missing");
        return None;
    };
    if output.status.code() == Some(3) {
        let reason = String::from_utf8_lossy(&output.stdout);
        println!("NOT RUN: GmSSL is missing; install the Python package easy-gmssl ({})", reason.trim());
        return None;
    }
    Some(verdict("GmSSL", verb, &output))
}

pub fn assert_accepted(verdict: &str) {
    assert!(verdict.ends_with("ACCEPTED"), "{verdict}");
}

/// Refused, and for this reason.
pub fn assert_refused(verdict: &str, reason: &str) {
    assert!(verdict.starts_with("REFUSED") && verdict.contains(reason), "{verdict}, not {reason}");
}

/// A file of this folder.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

fn verdict(judge: &str, verb: &str, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{judge} {verb}: {said} {}", String::from_utf8_lossy(&output.stderr));
    println!("{judge} {verb}: {said}");
    said
}
