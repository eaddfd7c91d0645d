//! Starts a configured adapter: takes its file, checks its digests, and runs it in a worker process.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{debug, error, info, warn};
use yinqiao_ca_sdk::LogLevel;
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, Enforcement, HostServices, Library, LibraryError, LogLine, StartError,
    WorkerProgram,
};
use zeroize::Zeroizing;

use super::catalogue::Entry;

/// The hidden subcommand of the worker's role.
pub const WORKER_SUBCOMMAND: &str = "adapter-worker";

/// Bytes of a plugin's secret at most.
const MOST_SECRET_BYTES: usize = 64 << 10;

/// Why an adapter does not run.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Its file is not there, or another than pinned.
    #[error("adapter \"{name}\": {reason}")]
    Library {
        /// Which.
        name: String,
        /// Why.
        reason: LibraryError,
    },
    /// What the catalogue says of it is not what was agreed upon or installed.
    #[error("adapter \"{name}\": {reason}")]
    Refused {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// Its own folder cannot be made.
    #[error("adapter \"{name}\": its folder cannot be made: {reason}")]
    Directory {
        /// Which.
        name: String,
        /// Why.
        reason: std::io::Error,
    },
    /// Its worker does not start: the reason names the adapter.
    #[error("{reason}")]
    Start {
        /// Why.
        reason: Box<StartError>,
    },
    /// Reading the file was broken off.
    #[error("adapter \"{name}\": reading its file was broken off")]
    BrokenOff {
        /// Which.
        name: String,
    },
}

/// Starts one adapter with the file that the catalogue names.
///
/// # Errors
/// See [`PluginError`].
pub async fn start(entry: &Entry) -> Result<Arc<AdapterHandle>, PluginError> {
    let name = entry.name.to_string();
    if let Some(reason) = &entry.refusal {
        return Err(PluginError::Refused { name, reason: reason.clone() });
    }
    let pinned = entry.pinned().copied();
    let path = entry.library().to_owned();
    let shipped = entry.version.shipped;
    let take = move || match shipped {
        true => Library::open_beside_program(&path),
        false => Library::open(&path, pinned.as_ref()),
    };
    let library = tokio::task::spawn_blocking(take)
        .await
        .map_err(|_| PluginError::BrokenOff { name: name.clone() })?
        .map_err(|reason| PluginError::Library { name, reason })?;
    start_taken(entry, library).await
}

/// Starts one adapter with a file that was taken already.
///
/// # Errors
/// See [`PluginError`].
pub async fn start_taken(entry: &Entry, library: Library) -> Result<Arc<AdapterHandle>, PluginError> {
    let name = entry.name.to_string();
    entry.make_data_directory().map_err(|reason| PluginError::Directory { name: name.clone(), reason })?;
    info!(adapter = %name, digests = %library.digests(), "plugin file taken");
    let settings = AdapterSettings {
        name: name.clone(),
        library,
        configuration: entry.configuration.to_value(),
        worker: WorkerProgram::this_program(WORKER_SUBCOMMAND),
        limits: entry.limits(),
        sandbox: entry.sandbox(),
    };
    let services = Arc::new(Services { secrets_directory: entry.secrets_directory.clone() });
    let restricted = settings.sandbox.enforcement != Enforcement::Off;
    let handle = AdapterHandle::start(settings, services)
        .await
        .map_err(|reason| PluginError::Start { reason: Box::new(reason) })?;
    let gaps = handle.info().isolation.gaps();
    if restricted && !gaps.is_empty() {
        warn!(adapter = %name, not_closed = gaps.join(", "), "this kernel cannot close the plugin's process wholly");
    }
    Ok(handle)
}

/// What an adapter gets of the broker: a place in its log, and its own secrets.
struct Services {
    secrets_directory: Option<PathBuf>,
}

impl HostServices for Services {
    fn log(&self, line: LogLine<'_>) {
        let (adapter, source, text) = (line.adapter, format!("{:?}", line.source), line.text);
        match line.level {
            LogLevel::Error => error!(adapter, source, text, "plugin"),
            LogLevel::Warn => warn!(adapter, source, text, "plugin"),
            LogLevel::Info => info!(adapter, source, text, "plugin"),
            LogLevel::Debug => debug!(adapter, source, text, "plugin"),
        }
    }

    fn secret(&self, _adapter: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let directory = self.secrets_directory.as_deref()?;
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !plain {
            return None;
        }
        read_secret(&directory.join(name))
    }
}

fn read_secret(path: &Path) -> Option<Zeroizing<Vec<u8>>> {
    let read = || -> io::Result<Zeroizing<Vec<u8>>> {
        // Room for the longest at once: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_SECRET_BYTES + 1));
        File::open(path)?.take(MOST_SECRET_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > MOST_SECRET_BYTES {
            let text = format!("a secret has {MOST_SECRET_BYTES} bytes at most");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Some(bytes),
        Err(reason) => {
            warn!(path = %path.display(), %reason, "a plugin asks for a secret that cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_adapter_that_does_not_start_is_named_once() {
        let reason = StartError::TimeOut { adapter: "acme".to_owned(), limit: Duration::from_secs(15) };
        let error = PluginError::Start { reason: Box::new(reason) };
        assert_eq!(error.to_string().matches("acme").count(), 1, "{error}");
    }
}
