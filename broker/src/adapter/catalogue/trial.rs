//! A trial: starts an adapter in a worker of its own, beside whatever runs, asks for its health, and ends it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use yinqiao_ca_worker::{AdapterHandle, AdapterInfo, CallOptions, Isolation, Library};

use super::entry::Entry;
use super::version::Loaded;
use crate::adapter;
use crate::adapter::plugin::PluginError;

/// How long a plugin may take to say how its CA is.
const PROBE_WITHIN: Duration = Duration::from_secs(10);

/// What a trial showed of an adapter that starts.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// What it says of itself.
    pub loaded: Loaded,
    /// What the kernel enforces in its process.
    pub isolation: Isolation,
    /// Why it does not work now; `None` when it does. A CA that is out of reach is no fault of the plugin.
    pub unhealthy: Option<String>,
}

/// Why an adapter would not run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It does not start.
    #[error("{reason}{advice}", advice = advice(.reason))]
    Plugin {
        /// Why.
        reason: PluginError,
    },
    /// What it is configured with is not what it describes.
    #[error("adapter \"{name}\": its configuration does not fit the plugin's schema: {reason}")]
    Configuration {
        /// Which.
        name: String,
        /// Where and why.
        reason: String,
    },
    /// It describes no usable schema.
    #[error("adapter \"{name}\": the plugin's schema is none ({reason}): tell its vendor")]
    Schema {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

/// Starts `entry` with its own configuration in one process, and ends it.
///
/// # Errors
/// See [`TrialError`].
pub async fn run(entry: &Entry) -> Result<Trial, TrialError> {
    let entry = with_one_process(entry);
    tried(&entry, adapter::plugin::start(&entry).await).await
}

/// The same with a file that was taken already and may not lie yet where the catalogue will have it.
///
/// # Errors
/// See [`TrialError`].
pub async fn run_taken(entry: &Entry, library: Library) -> Result<Trial, TrialError> {
    let entry = with_one_process(entry);
    tried(&entry, adapter::plugin::start_taken(&entry, library).await).await
}

fn with_one_process(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    entry.limits.processes = Some(1);
    entry
}

async fn tried(entry: &Entry, started: Result<Arc<AdapterHandle>, PluginError>) -> Result<Trial, TrialError> {
    let handle = started.map_err(|reason| TrialError::Plugin { reason })?;
    let fits = fits_schema(entry, handle.info());
    let health = handle.probe(&CallOptions::within(PROBE_WITHIN)).await;
    let (loaded, isolation) = (Loaded::from(handle.info()), handle.info().isolation);
    handle.shutdown().await;
    fits?;
    Ok(Trial { loaded, isolation, unhealthy: health.err().map(|error| error.to_string()) })
}

fn fits_schema(entry: &Entry, info: &AdapterInfo) -> Result<(), TrialError> {
    let name = || entry.name.to_string();
    let validator = jsonschema::validator_for(&info.description.configuration)
        .map_err(|error| TrialError::Schema { name: name(), reason: error.to_string() })?;
    let document = entry.configuration.to_value();
    let mut errors = validator.iter_errors(&document);
    match errors.next() {
        None => Ok(()),
        Some(error) => {
            let place = error.instance_path().to_string();
            // The error's text would show the value.
            let reason = format!("{} at \"{place}\"", error.masked());
            Err(TrialError::Configuration { name: name(), reason })
        }
    }
}

/// What to do, where the error does not say so itself.
fn advice(error: &PluginError) -> &'static str {
    match error {
        PluginError::Start { reason, .. } if reason.is_final() => {
            "; no setting helps: get a build for this broker's ca_adapter.h from its vendor, or `yinqiao adapter disable` it"
        }
        PluginError::Start { .. } => "; look at its configuration, limits and sandbox in the catalogue",
        _ => "",
    }
}
