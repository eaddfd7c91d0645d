//! Who may consent, for the operators' command line to see. The plugin writes it and goes by its configuration alone.

use serde::{Deserialize, Serialize};
use yinqiao_protocol::consent::OperatorKey;

use crate::configuration::Configuration;
use crate::store::{Store, StoreError};

/// The file, and the lock of the same name.
const FILE: &str = "operators";

/// `operators.json`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Roster {
    pub(crate) operators: Vec<OperatorKey>,
    /// For the recovery of a key; everything else needs one.
    pub(crate) recovery_consents: u32,
}

/// Writes what the configuration says, where it is not written yet.
pub(crate) fn publish(store: &Store, configuration: &Configuration) -> Result<(), StoreError> {
    let roster = Roster {
        operators: configuration.operators.clone(),
        recovery_consents: configuration.recovery_consents,
    };
    let _lock = store.lock(FILE)?;
    if store.read_top::<Roster>(FILE)?.as_ref() != Some(&roster) {
        store.replace_top(FILE, &roster)?;
    }
    Ok(())
}

/// Reads it.
pub(crate) fn read(store: &Store) -> Result<Roster, StoreError> {
    Ok(store.read_top(FILE)?.unwrap_or_default())
}
