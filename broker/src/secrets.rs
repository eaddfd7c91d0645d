//! Secrets that the broker makes for itself on its first start: files in the data directory, for its owner only.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use yinqiao_gm::sm2::PrivateKey;

/// Why a secret is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The data directory cannot be made, read or written.
    #[error("the data directory cannot be used, at {path}: {reason}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The signing key's file holds something else.
    #[error("{path} is not an SM2 private key in PKCS#8 PEM: restore it from your backup ({reason})")]
    NotAKey {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: yinqiao_gm::Error,
    },
    /// The key cannot be made.
    #[error("a key cannot be made: {0}")]
    Generate(yinqiao_gm::Error),
}

/// Makes the data directory, and the software CA's master key where there is none.
///
/// # Errors
/// See [`SecretsError`].
pub fn prepare(data_directory: &Path) -> Result<(), SecretsError> {
    random_secret(&data_directory.join("secrets").join("softca").join("softca.master_key")).map(|_| ())
}

/// 32 bytes that claim tokens are made with. Kept outside the store, so that a copy of the store opens no session.
///
/// # Errors
/// See [`SecretsError`].
pub fn token_key(data_directory: &Path) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    random_secret(&data_directory.join("secrets").join("broker").join("token-key"))
}

fn random_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    read_or_make(path, || {
        let mut bytes = Zeroizing::new(vec![0u8; 32]);
        getrandom::fill(&mut bytes)
            .map_err(|e| SecretsError::Io { path: path.to_owned(), reason: io::Error::other(e) })?;
        Ok(bytes)
    })
}

/// The broker's own SM2 key, which signs opening records.
///
/// # Errors
/// See [`SecretsError`].
pub fn signing_key(data_directory: &Path) -> Result<PrivateKey, SecretsError> {
    let path = data_directory.join("secrets").join("broker").join("signing-key.pem");
    let pem = read_or_make(&path, || {
        let key = PrivateKey::generate().map_err(SecretsError::Generate)?;
        let pem = key.to_pkcs8_pem().map_err(SecretsError::Generate)?;
        Ok(Zeroizing::new(pem.as_bytes().to_vec()))
    })?;
    let text = std::str::from_utf8(&pem).unwrap_or_default();
    PrivateKey::from_pkcs8_pem(text).map_err(|reason| SecretsError::NotAKey { path, reason })
}

fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, SecretsError>,
) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => {
            let bytes = make()?;
            write(path, &bytes).map_err(|reason| SecretsError::Io { path: path.to_owned(), reason })?;
            Ok(bytes)
        }
        Err(reason) => Err(SecretsError::Io { path: path.to_owned(), reason }),
    }
}

/// Writes a file that is either whole or not there, whatever breaks.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let partial = path.with_extension("partial");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_key_is_made_once_and_read_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let first = signing_key(folder.path()).unwrap();
        let second = signing_key(folder.path()).unwrap();
        assert_eq!(first.public_key(), second.public_key());
    }

    #[test]
    fn a_damaged_signing_key_is_never_replaced_silently() {
        let folder = tempfile::tempdir().unwrap();
        signing_key(folder.path()).unwrap();
        fs::write(folder.path().join("secrets/broker/signing-key.pem"), "damaged").unwrap();
        assert!(matches!(signing_key(folder.path()), Err(SecretsError::NotAKey { .. })));
    }
}
