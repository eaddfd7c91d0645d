//! `yinqiao operator`: the keys that operators consent with.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_protocol::Base64;

use super::say;

/// The fewest characters of a passphrase.
const PASSPHRASE_LEAST: usize = 8;

/// What can be done with operators' keys.
#[derive(Subcommand)]
pub enum Command {
    /// An operator's own key.
    #[command(subcommand)]
    Key(Key),
}

/// Making and showing keys.
#[derive(Subcommand)]
pub enum Key {
    /// Make an SM2 key, encrypted under a passphrase. Prints the line for the policy.
    New {
        /// A new file for the key.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
    },
    /// Print the line for the policy of a key that there is.
    Show {
        /// The key's file.
        file: PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
    },
}

/// Where a passphrase comes from.
#[derive(Args)]
pub struct Passphrase {
    /// Read the passphrase from the first line of a file, instead of asking for it.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(command: Command) -> anyhow::Result<()> {
    let Command::Key(command) = command;
    let key = match command {
        Key::New { out, passphrase } => {
            // Before anybody thinks of a passphrase.
            ensure!(!out.exists(), "{}: choose a new file, a key is never written over", out.display());
            let passphrase = passphrase.choose()?;
            let key = PrivateKey::generate()?;
            write_new(&out, &key.to_encrypted_pkcs8_pem(passphrase.as_bytes())?)?;
            key
        }
        Key::Show { file, passphrase } => passphrase.open(&file)?,
    };
    let public_key = serde_json::to_string(&Base64(key.public_key().to_spki_der()?))?;
    say(&format!("public_key = {public_key}"));
    Ok(())
}

impl Passphrase {
    /// The key in a file.
    ///
    /// # Errors
    /// When it cannot be read, or the passphrase is another.
    pub fn open(&self, file: &Path) -> anyhow::Result<PrivateKey> {
        let pem = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let passphrase = match &self.passphrase_file {
            Some(path) => first_line(path)?,
            None => typed(&format!("Passphrase of {}: ", file.display()))?,
        };
        PrivateKey::from_encrypted_pkcs8_pem(&pem, passphrase.as_bytes())
            .with_context(|| format!("{} is no key that this passphrase opens", file.display()))
    }

    fn choose(&self) -> anyhow::Result<Zeroizing<String>> {
        let passphrase = match &self.passphrase_file {
            Some(path) => first_line(path)?,
            None => typed("New passphrase: ")?,
        };
        if passphrase.chars().count() < PASSPHRASE_LEAST {
            bail!("a passphrase has at least {PASSPHRASE_LEAST} characters");
        }
        if self.passphrase_file.is_none() && *typed("The same again: ")? != *passphrase {
            bail!("the two passphrases differ");
        }
        Ok(passphrase)
    }
}

fn typed(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let typed = rpassword::prompt_password(prompt);
    Ok(Zeroizing::new(typed.context("a passphrase is typed at a terminal, or comes by --passphrase-file")?))
}

fn first_line(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(|| path.display().to_string())?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn write_new(path: &Path, pem: &str) -> anyhow::Result<()> {
    let context = || path.display().to_string();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(context)?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).with_context(context)
}
