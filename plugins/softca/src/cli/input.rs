//! What an operator types or hands over in files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use yinqiao_gm::sm2;
use zeroize::Zeroizing;

use super::CliError;

/// Where a passphrase comes from.
#[derive(Args, Debug)]
pub(super) struct PassphraseInput {
    /// Read the passphrase from a file's first line instead of asking for it.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseInput {
    /// Whether a person sits at the terminal.
    pub(super) const fn is_typed(&self) -> bool {
        self.passphrase_file.is_none()
    }

    /// The passphrase of a key that is there.
    pub(super) fn read(&self, prompt: &str) -> Result<Zeroizing<String>, CliError> {
        match &self.passphrase_file {
            Some(path) => first_line(path),
            None => typed(prompt),
        }
    }

    /// A new passphrase; typed twice.
    pub(super) fn new_passphrase(&self) -> Result<Zeroizing<String>, CliError> {
        let passphrase = self.read("New passphrase: ")?;
        if passphrase.chars().count() < 8 {
            return Err(CliError::Input("a passphrase must have at least 8 characters".to_owned()));
        }
        if self.passphrase_file.is_none() && *typed("The same again: ")? != *passphrase {
            return Err(CliError::Input("the two passphrases differ".to_owned()));
        }
        Ok(passphrase)
    }

    /// The operator's key in a file.
    pub(super) fn key(&self, path: &Path) -> Result<sm2::PrivateKey, CliError> {
        let pem = Zeroizing::new(fs::read_to_string(path).map_err(io_error(path))?);
        let passphrase = self.read(&format!("Passphrase of {}: ", path.display()))?;
        sm2::PrivateKey::from_encrypted_pkcs8_pem(&pem, passphrase.as_bytes()).map_err(|error| {
            CliError::Key(format!(
                "{} cannot be opened as an encrypted PKCS#8 PEM of an SM2 key: {error}",
                path.display()
            ))
        })
    }
}

/// Every octet of a file, as the host hands it to the plugin as a secret.
pub(super) fn secret_of_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    fs::read(path).map(Zeroizing::new).map_err(io_error(path))
}

/// Writes a new file for its owner only; never over another.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let mut file =
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(io_error(path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error(path))
}

/// Replaces a file whole, so that a web server never reads half of it.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = fs::write(&temporary, content)
        .and_then(|()| fs::File::open(&temporary)?.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // It is not there, or is of no use.
        let _ = fs::remove_file(&temporary);
        io_error(path)(error)
    })
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io_error(path))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn typed(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
        CliError::Io("the terminal (use --passphrase-file where there is none)".to_owned(), error)
    })
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.display().to_string();
    move |error| CliError::Io(path, error)
}
