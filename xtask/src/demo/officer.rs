//! The officer of the software CA, who reviews the seals that it is asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// As the CA's configuration calls the officer.
const NAME: &str = "demo-officer";
/// Of the key file. A real one is known to the officer alone.
const PASSPHRASE: &str = "four words beside each other\n";
/// How long a matter may take to come before the officer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The officer, and the CA's command line.
#[derive(Debug)]
pub struct Officer {
    program: PathBuf,
    ca: PathBuf,
    key: PathBuf,
    passphrase: PathBuf,
}

impl Officer {
    /// Makes the officer's key, and writes the catalogue of a broker under `folder` that has not been started: its software CA has
    /// each seal reviewed.
    pub fn appoint(programs: &Path, folder: &Path) -> Result<Self> {
        let data = folder.join("data");
        let (key, passphrase) = (folder.join("officer.pem"), folder.join("officer-passphrase"));
        fs::write(&passphrase, PASSPHRASE)?;
        let output = Command::new(programs.join("yinqiao"))
            .args(["operator", "key", "new", "--out"])
            .arg(&key)
            .arg("--passphrase-file")
            .arg(&passphrase)
            .output()?;
        ensure!(output.status.success(), "officer's key: {}", String::from_utf8_lossy(&output.stderr).trim());
        let public_key = String::from_utf8(output.stdout)?;
        let ca = data.join("softca");
        let secrets = data.join("secrets").join("softca");
        fs::create_dir_all(&data)?;
        let catalogue = format!(
            "[[adapter]]\nname = \"softca\"\nsecrets_directory = {secrets:?}\ndata_directory = {ca:?}\n\
             version.library = \"shipped\"\n\
             configuration = {{ directory = {ca:?}, name = \"Yinqiao\", seal_review = true, operators = [{{ name = {NAME:?}, {} }}] }}\n",
            public_key.trim()
        );
        fs::write(data.join("adapters.toml"), catalogue)?;
        Ok(Self { program: programs.join("yinqiao-softca"), ca, key, passphrase })
    }

    /// Waits for the one matter that comes, and approves it.
    pub fn approve(&self) -> Result<()> {
        let begun = Instant::now();
        let token = loop {
            let list: Value = serde_json::from_str(&self.ca(&["--json", "review", "list"])?)?;
            let first = list.get(0).and_then(|matter| matter["token"].as_str());
            match first {
                Some(token) => break token.to_owned(),
                None if begun.elapsed() > PATIENCE => bail!("nothing comes before the CA's officer"),
                None => thread::sleep(Duration::from_millis(50)),
            }
        };
        let path = |path: &'_ Path| path.to_str().map(str::to_owned).context("a path is not UTF-8");
        let (key, passphrase) = (path(&self.key)?, path(&self.passphrase)?);
        let signer = ["--operator", NAME, "--key", &key, "--passphrase-file", &passphrase];
        self.ca(&[&["review", "approve", &token], signer.as_slice()].concat()).map(drop)
    }

    fn ca(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).arg("--directory").arg(&self.ca).args(words).output()?;
        if !output.status.success() {
            bail!("yinqiao-softca {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}
