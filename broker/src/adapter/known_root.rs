//! A CA must not change its identity unseen: a lost directory of the software CA, or another plugin under the same name,
//! would make every certificate in the store worthless without a word.

use std::sync::Arc;

use yinqiao_protocol::Sm3Hex;

use crate::directory::Table;
use crate::store::{Collection, Records, StoreError};

/// Why a CA is not taken for the one that it was.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// All its roots are new.
    #[error(
        "the CA \"{authority}\" has another root than at the last start, so none of the certificates issued before would be \
         trusted: restore its files, or set accept_new_root = true for this adapter if it was replaced on purpose"
    )]
    Changed {
        /// Name of the adapter.
        authority: String,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The roots of all CAs, as they were when they were seen last.
pub struct KnownRoots(Table<Vec<Sm3Hex>>);

impl KnownRoots {
    /// Those in `records`.
    pub fn new(records: &Arc<dyn Records>) -> Self {
        Self(Table::new(records, Collection::Setting))
    }

    /// Compares the roots that a CA's adapter gives with those known, and remembers them.
    ///
    /// # Errors
    /// See [`RootError`].
    pub async fn check(&self, authority: &str, roots: &[Sm3Hex], accept_new: bool) -> Result<(), RootError> {
        let key = format!("roots/{authority}");
        let known = self.0.get(key.as_bytes()).await?;
        if let Some(known) = &known {
            if known.value == roots {
                return Ok(());
            }
            if !accept_new && !known.value.iter().any(|root| roots.contains(root)) {
                return Err(RootError::Changed { authority: authority.to_owned() });
            }
        }
        self.0.put(key.as_bytes(), known.map_or(0, |known| known.version), &roots.to_vec()).await?;
        Ok(())
    }
}
