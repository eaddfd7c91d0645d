//! Where accounts are kept.

mod file;

pub use file::FileStore;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::account::Account;

/// All that is kept. What lives for minutes (sessions, codes, tokens, counts of tries) is not: after a restart users sign in
/// again.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// 1
    pub version: u32,
    /// The Ed25519 key that signs ID tokens, PKCS #8 in PEM (RFC 8410). A secret.
    pub signing_key: Zeroizing<String>,
    /// In the order of registration.
    pub accounts: Vec<Account>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

/// Why accounts cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system says no.
    #[error("{path}: {error}")]
    File {
        /// Which file.
        path: String,
        /// What it said.
        error: std::io::Error,
    },
    /// The content is not what this version wrote.
    #[error(
        "{path} is not a file of accounts: {reason}; restore it from a copy, or move it away to begin anew"
    )]
    Content {
        /// Which file.
        path: String,
        /// What is wrong, without its content.
        reason: String,
    },
    /// Another process has it.
    #[error("{path} is in use by another process: end that one, or give another data directory")]
    InUse {
        /// The lock file.
        path: String,
    },
}

/// Keeps the one document. Called on threads that may block, never by two at once.
pub trait AccountStore: Send + Sync {
    /// What was saved last; `None` at the beginning.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&self) -> Result<Option<Document>, StoreError>;

    /// Replaces the document. When it returns, the new one outlives a power cut; when it fails, the old one is still there.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save(&self, document: &Document) -> Result<(), StoreError>;
}

/// Keeps it in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    document: Mutex<Option<Document>>,
}

impl AccountStore for MemoryStore {
    fn load(&self) -> Result<Option<Document>, StoreError> {
        Ok(self.document.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, document: &Document) -> Result<(), StoreError> {
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = Some(document.clone());
        Ok(())
    }
}
