//! Which roots are trusted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use yinqiao_gm::x509::Certificate;

/// Roots, and certificates that may stand between.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Trusted as they stand.
    pub roots: Vec<Certificate>,
    /// Only help to find a way to a root.
    pub intermediates: Vec<Certificate>,
}

/// Why a file gives no trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that can be read says the wrong thing.
    #[error("{}: {why}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: Box<Self>,
    },
    /// Not PEM certificates.
    #[error("{0}")]
    Certificates(#[from] yinqiao_gm::Error),
    /// No root is among them.
    #[error(
        "there is no root among the certificates: the file needs at least one whose subject is its issuer"
    )]
    NoRoot,
}

impl Trust {
    /// The certificates in PEM text: those whose subject is their issuer are roots.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let (roots, intermediates): (Vec<_>, Vec<_>) =
            Certificate::chain_from_pem(pem)?.into_iter().partition(Certificate::is_self_issued);
        if roots.is_empty() { Err(TrustError::NoRoot) } else { Ok(Self { roots, intermediates }) }
    }

    /// As [`Trust::from_pem`], from a file.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let file = |source| TrustError::File { path: path.to_path_buf(), source };
        let pem = fs::read_to_string(path).map_err(file)?;
        Self::from_pem(&pem)
            .map_err(|why| TrustError::Content { path: path.to_path_buf(), why: Box::new(why) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let told = |path: &Path| Trust::read(path).unwrap_err().to_string().contains("roots.pem: ");
        assert!(told(&path));
        for content in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&path, content).unwrap();
            assert!(told(&path), "{content}");
        }
    }
}
