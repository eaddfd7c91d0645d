//! Software that we did not write looks at what came out: OpenSSL at the certificates' links and the statement's
//! signature, Bouncy Castle at messages, seals and the revocation list. Where one is missing, that is said.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::screen::Screen;
use super::stage::Stage;
use crate::judge;
use crate::workspace;

/// The signer's ID of GB/T 32918.2, which OpenSSL takes from nowhere else.
const ID: &str = "distid:1234567812345678";

/// What a result says by itself, whoever asks.
#[derive(Debug)]
pub struct Evidence {
    statement: Vec<u8>,
    signature: Vec<u8>,
    /// The signing certificate.
    certificate: Vec<u8>,
    encryption_certificate: Option<Vec<u8>>,
}

impl Evidence {
    /// Of a result's file.
    pub fn of_outcome(path: &Path) -> Result<Self> {
        Self::of(&read_json(path)?)
    }

    /// Of the result inside the file beside an encrypted document.
    pub fn of_consent(path: &Path) -> Result<Self> {
        Self::of(&read_json(path)?["outcome"])
    }

    fn of(outcome: &Value) -> Result<Self> {
        let optional = |name: &str| outcome[name].as_str().map(|text| STANDARD.decode(text)).transpose();
        let member = |name: &str| optional(name)?.with_context(|| format!("the result has no {name}"));
        Ok(Self {
            statement: member("statement")?,
            signature: member("statement_signature")?,
            certificate: member("certificate")?,
            encryption_certificate: optional("encryption_certificate")?,
        })
    }

    /// Writes the holder's certificates as PEM files and gives their paths.
    pub fn write_certificates(&self, folder: &Path, label: &str) -> Result<Vec<PathBuf>> {
        let signing = (format!("{label}.pem"), Some(&self.certificate));
        let encryption = (format!("{label}-encryption.pem"), self.encryption_certificate.as_ref());
        let mut paths = Vec::new();
        for (name, der) in [signing, encryption] {
            if let Some(der) = der {
                let path = folder.join(name);
                fs::write(&path, pem(der))?;
                paths.push(path);
            }
        }
        Ok(paths)
    }
}

/// The judges' desk.
#[derive(Debug)]
pub struct Checks {
    folder: PathBuf,
    /// Issuing CA first, root last; PEM and DER.
    issuers: Vec<(PathBuf, PathBuf)>,
    revocation_list: PathBuf,
    open_ssl: bool,
    bouncy_castle: bool,
    not_run: RefCell<BTreeSet<&'static str>>,
}

impl Checks {
    /// Lays out the CA's certificates and list.
    pub fn new(stage: &Stage) -> Result<Self> {
        let folder = stage.path("check");
        fs::create_dir_all(&folder)?;
        let mut issuers = Vec::new();
        for (number, der) in ders(&fs::read_to_string(stage.chain())?)?.iter().enumerate() {
            let path = folder.join(format!("issuer-{number}"));
            let paths = (path.with_extension("pem"), path.with_extension("der"));
            fs::write(&paths.0, pem(der))?;
            fs::write(&paths.1, der)?;
            issuers.push(paths);
        }
        let revocation_list = folder.join("crl.der");
        let list = ders(&fs::read_to_string(stage.revocation_list())?)?;
        fs::write(&revocation_list, list.first().context("the CA's revocation list is empty")?)?;
        let has_jars = judge::bouncy_castle_jars().iter().all(|jar| jar.exists());
        Ok(Self {
            folder,
            issuers,
            revocation_list,
            open_ssl: judge::on_path("openssl"),
            bouncy_castle: has_jars && judge::on_path("java") && judge::on_path("javac"),
            not_run: RefCell::default(),
        })
    }

    /// The links from the holder's certificates to the root, and the statement's signature.
    pub fn evidence(&self, evidence: &Evidence, screen: &Screen) -> Result<()> {
        if !self.open_ssl {
            self.not_run.borrow_mut().insert("OpenSSL: install openssl");
            return Ok(());
        }
        let at = |name: &str| self.folder.join(name);
        let signing = at("signing.pem");
        fs::write(&signing, pem(&evidence.certificate))?;
        self.links(&signing)?;
        if let Some(der) = &evidence.encryption_certificate {
            let encryption = at("encryption.pem");
            fs::write(&encryption, pem(der))?;
            self.links(&encryption)?;
        }
        screen.say("  ✓ OpenSSL: each certificate is signed by the next, up to the root");
        fs::write(at("statement"), &evidence.statement)?;
        fs::write(at("signature"), &evidence.signature)?;
        self.open_ssl(&["x509", "-in", "signing.pem", "-pubkey", "-noout", "-out", "signing.pub"])?;
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "signing.pub", "-rawin", "-in", "statement"];
        let options = ["-digest", "sm3", "-sigfile", "signature", "-pkeyopt", ID];
        self.open_ssl(&[verify.as_slice(), options.as_slice()].concat())?;
        screen.say("  ✓ OpenSSL: the holder's key signed the statement");
        Ok(())
    }

    /// OpenSSL 3.0 gives the signer's ID to the last certificate of a path only, so each link is a path of its own.
    fn links(&self, holder: &Path) -> Result<()> {
        let mut certificate = holder;
        for (issuer, _) in &self.issuers {
            let verify =
                ["verify", "-x509_strict", "-partial_chain", "-vfyopt", ID, "-trusted"].map(OsStr::new);
            let words = [verify.as_slice(), &[issuer.as_os_str(), certificate.as_os_str()]].concat();
            self.open_ssl(&words)?;
            certificate = issuer;
        }
        Ok(())
    }

    /// A detached message over a file, and its signer's path to the root.
    pub fn message(&self, document: &Path, message: &Path, screen: &Screen) -> Result<()> {
        let (_, root) = self.issuers.last().context("the CA has no certificate")?;
        self.bouncy_castle(message, "CmsJudge.java", &["verify".as_ref(), message, document, root], screen)
    }

    /// A seal signature over a file.
    pub fn seal(&self, document: &Path, signature: &Path, screen: &Screen) -> Result<()> {
        let (_, issuing) = self.issuers.first().context("the CA has no certificate")?;
        self.bouncy_castle(
            signature,
            "SealJudge.java",
            &["sealed".as_ref(), issuing, document, signature],
            screen,
        )
    }

    /// The CA's revocation list.
    pub fn revocation_list(&self, screen: &Screen) -> Result<()> {
        let (_, issuing) = self.issuers.first().context("the CA has no certificate")?;
        let list = self.revocation_list.as_path();
        self.bouncy_castle(list, "CertificateJudge.java", &["list".as_ref(), list, issuing], screen)
    }

    /// Which judges were missing.
    pub fn say_what_was_not_run(&self, screen: &Screen) {
        for judge in self.not_run.borrow().iter() {
            screen.say(&format!("NOT RUN: {judge}"));
        }
    }

    fn open_ssl<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<()> {
        let output = Command::new("openssl").args(words).current_dir(&self.folder).output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let verb = words.first().map(|word| word.as_ref().to_string_lossy()).unwrap_or_default();
        bail!("openssl {verb}: {}", String::from_utf8_lossy(&said).trim())
    }

    /// The judges of the crate gm's own tests.
    fn bouncy_castle(&self, judged: &Path, program: &str, words: &[&Path], screen: &Screen) -> Result<()> {
        if !self.bouncy_castle {
            let how = "Bouncy Castle: install a JDK, libbcprov-java and libbcpkix-java";
            self.not_run.borrow_mut().insert(how);
            return Ok(());
        }
        let output = Command::new("java")
            // Java finds no file with a Chinese name where the language is C.
            .env("LC_ALL", "C.UTF-8")
            .arg("-cp")
            .arg(env::join_paths(judge::bouncy_castle_jars())?)
            .arg(workspace::root().join("gm/tests/java").join(program))
            .args(words)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.trim().lines().last().unwrap_or_default();
        if !output.status.success() || !said.starts_with("ACCEPTED") {
            bail!("Bouncy Castle refuses it: {said} {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let name = judged.file_name().unwrap_or_default();
        screen.say(&format!("  ✓ Bouncy Castle: {} verifies", name.to_string_lossy()));
        Ok(())
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (number, character) in text.chars().enumerate() {
        if number > 0 && number % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// The contents of all PEM blocks.
fn ders(pem: &str) -> Result<Vec<Vec<u8>>> {
    let mut ders = Vec::new();
    let mut block = String::new();
    for line in pem.lines().map(str::trim) {
        if line.starts_with("-----BEGIN ") {
            block.clear();
        } else if line.starts_with("-----END ") {
            ders.push(STANDARD.decode(&block)?);
        } else {
            block.push_str(line);
        }
    }
    Ok(ders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_as_pem_is_read_back() {
        let certificates = [vec![7; 100], vec![8; 48]];
        let text: String = certificates.iter().map(|der| pem(der)).collect();
        assert_eq!(ders(&text).unwrap(), certificates);
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}
