//! Starts a configured adapter: takes its file, checks its digests, and runs it in a worker process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{debug, error, info, warn};
use yinqiao_ca_sdk::LogLevel;
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, Digests, Enforcement, HostServices, Library, LibraryError, Limits,
    LogLine, Sandbox, StartError, WorkerProgram,
};
use zeroize::Zeroizing;

use crate::config::AdapterConfig;

/// The hidden subcommand of the worker's role.
pub const WORKER_SUBCOMMAND: &str = "adapter-worker";

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
    /// A pinned digest is not a digest.
    #[error("adapter \"{name}\": sha256 and sm3 are 64 hexadecimal digits each")]
    Digest {
        /// Which.
        name: String,
    },
    /// Its worker does not start.
    #[error("adapter \"{name}\": {reason}")]
    Start {
        /// Which.
        name: String,
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

/// Starts one adapter.
///
/// # Errors
/// See [`PluginError`].
pub async fn start(config: &AdapterConfig) -> Result<Arc<AdapterHandle>, PluginError> {
    let name = config.name.clone();
    let pinned = pinned_digests(config)?;
    let path = config.library.clone();
    let library = tokio::task::spawn_blocking(move || Library::open(&path, pinned.as_ref()))
        .await
        .map_err(|_| PluginError::BrokenOff { name: name.clone() })?
        .map_err(|reason| PluginError::Library { name: name.clone(), reason })?;
    info!(adapter = %name, digests = %library.digests(), "plugin file taken");
    let settings = AdapterSettings {
        name: name.clone(),
        library,
        configuration: config.configuration.clone(),
        worker: WorkerProgram::this_program(WORKER_SUBCOMMAND),
        limits: Limits::default(),
        sandbox: Sandbox { enforcement: Enforcement::Off, ..Sandbox::default() },
    };
    let services = Arc::new(Services { secrets_directory: config.secrets_directory.clone() });
    AdapterHandle::start(settings, services)
        .await
        .map_err(|reason| PluginError::Start { name, reason: Box::new(reason) })
}

fn pinned_digests(config: &AdapterConfig) -> Result<Option<Digests>, PluginError> {
    let (Some(sha256), Some(sm3)) = (&config.sha256, &config.sm3) else { return Ok(None) };
    let digest = |text: &str| yinqiao_gm::sm3::Digest::parse_hex(&text.to_ascii_lowercase()).ok();
    match (digest(sha256), digest(sm3)) {
        (Some(sha256), Some(sm3)) => Ok(Some(Digests { sha256: *sha256.as_bytes(), sm3: *sm3.as_bytes() })),
        _ => Err(PluginError::Digest { name: config.name.clone() }),
    }
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
    match std::fs::read(path) {
        Ok(bytes) => Some(Zeroizing::new(bytes)),
        Err(reason) => {
            warn!(path = %path.display(), %reason, "a plugin asks for a secret that cannot be read");
            None
        }
    }
}
