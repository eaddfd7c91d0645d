//! A CA must not change its identity unseen: a lost directory of the software CA, or another plugin under the same name,
//! would make every certificate in the store worthless without a word.

use std::sync::Arc;

use yinqiao_protocol::Sm3Hex;

use super::Authority;
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

/// Compares a CA's roots with those of the last start, and remembers them.
///
/// # Errors
/// See [`RootError`].
pub async fn check(
    records: &Arc<dyn Records>,
    authority: &Authority,
    accept_new: bool,
) -> Result<(), RootError> {
    let roots = authority.trust().roots();
    if roots.is_empty() {
        // It gives none now; nothing of it is trusted until it does.
        return Ok(());
    }
    let table: Table<Vec<Sm3Hex>> = Table::new(records, Collection::Setting);
    let key = format!("roots/{}", authority.name());
    let known = table.get(key.as_bytes()).await?;
    if let Some(known) = &known {
        if known.value == roots {
            return Ok(());
        }
        if !accept_new && !known.value.iter().any(|root| roots.contains(root)) {
            return Err(RootError::Changed { authority: authority.name().to_owned() });
        }
    }
    table.put(key.as_bytes(), known.map_or(0, |known| known.version), &roots).await?;
    Ok(())
}
