//! A CA's certificates, and the paths that they make.

use std::path::{Path as FilePath, PathBuf};

use yinqiao_gm::x509::chain::{self, ChainError, Path, Usage};
use yinqiao_gm::x509::{AnyCertificate, AnyRevocationList};
use yinqiao_protocol::Timestamp;

use super::{TrustError, name_of};

/// A CA's certificates, told apart: roots, and all others, cross certificates among them.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Self-issued.
    pub roots: Vec<AnyCertificate>,
    /// Issuing CAs, and other CAs' certificates for their keys.
    pub intermediates: Vec<AnyCertificate>,
}

/// A file of further CA certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnchorsError {
    /// It cannot be read.
    #[error("the CA certificates in {path} cannot be read: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It is not a PEM file of certificates.
    #[error("the CA certificates in {path} cannot be read: {reason}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: yinqiao_gm::Error,
    },
}

impl Anchors {
    /// Sorts a CA's certificates, each once.
    pub fn new(certificates: impl IntoIterator<Item = AnyCertificate>) -> Self {
        let mut anchors = Self::default();
        for certificate in certificates {
            let side =
                if certificate.is_self_issued() { &mut anchors.roots } else { &mut anchors.intermediates };
            if !side.contains(&certificate) {
                side.push(certificate);
            }
        }
        anchors
    }

    /// The certificates in PEM files.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_files(paths: &[PathBuf]) -> Result<Vec<AnyCertificate>, AnchorsError> {
        let mut certificates = Vec::new();
        for path in paths {
            certificates.extend(read_file(path)?);
        }
        Ok(certificates)
    }

    /// The path from the certificate to a root.
    ///
    /// # Errors
    /// [`TrustError::NotValidNow`] or [`TrustError::NotTrusted`].
    pub fn path(&self, leaf: &AnyCertificate, usage: Usage, at: Timestamp) -> Result<Path, TrustError> {
        let subject = || name_of(leaf);
        if !leaf.is_valid_at(at.seconds()) {
            return Err(TrustError::NotValidNow { subject: subject() });
        }
        chain::find_path(leaf, &self.intermediates, &self.roots, at.seconds(), usage)
            .map_err(|reason: ChainError| TrustError::NotTrusted { subject: subject(), reason })
    }

    /// The certificate whose key signed a revocation list.
    pub fn issuer_of(&self, list: &AnyRevocationList) -> Option<&AnyCertificate> {
        self.intermediates.iter().chain(&self.roots).find(|issuer| list.verify_signature(issuer).is_ok())
    }
}

fn read_file(path: &FilePath) -> Result<Vec<AnyCertificate>, AnchorsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| AnchorsError::Read { path: path.to_owned(), reason })?;
    AnyCertificate::chain_from_pem(&text)
        .map_err(|reason| AnchorsError::Parse { path: path.to_owned(), reason })
}
