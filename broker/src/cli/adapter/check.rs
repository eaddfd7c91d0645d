//! `yinqiao adapter check`: the conformance kit.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use yinqiao_ca_conformance::{CheckResult, Options, Outcome, Profile, Upstream, render, render_all};
use yinqiao_ca_worker::WorkerProgram;
use zeroize::Zeroizing;

use crate::adapter::plugin::WORKER_SUBCOMMAND;
use crate::cli::{new_file, say, say_error};

/// The hidden subcommand of the probe's role.
pub const PROBE_SUBCOMMAND: &str = "adapter-probe";

/// Hold a plugin to the contract of ca_adapter.h. The CA behind it must be one for tests.
#[derive(Args)]
pub struct Arguments {
    /// The plugin's file.
    plugin: PathBuf,
    /// The plugin's own configuration, a JSON file: not the broker's. Without it most checks are skipped.
    #[arg(long, value_name = "FILE", id = "config")]
    config: Option<PathBuf>,
    /// Not used here: the kit needs no broker.
    #[arg(long, value_name = "DIR", id = "data_dir", hide = true)]
    data_dir: Option<PathBuf>,
    /// A folder with one file for each of its secrets.
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Minutes, or hours.
    #[arg(long, value_enum, default_value_t = ProfileName::Quick)]
    profile: ProfileName,
    /// A check, or a group of checks; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print a line for each check that is not offered, too.
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Write the report, as JSON, into a new file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Whose certificates are asked for, a JSON file with the contract's holder.
    #[arg(long, value_name = "FILE")]
    holder: Option<PathBuf>,
    /// Which of the plugin's products is asked for.
    #[arg(long, value_name = "NAME")]
    product: Option<String>,
    /// A folder that the plugin may write to; may be repeated.
    #[arg(long, value_name = "DIR")]
    write: Vec<PathBuf>,
    /// A file or folder that the plugin may read; may be repeated.
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// Where the CA listens, on a loopback address, like 127.0.0.1:8460 or localhost:8460: faults are put in between.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "pointer", value_parser = loopback)]
    upstream: Option<SocketAddr>,
    /// The member of the configuration that holds the CA's address, a JSON pointer.
    #[arg(long = "upstream-config-pointer", value_name = "POINTER", requires = "upstream", id = "pointer")]
    pointer: Option<String>,
    /// The same plugin, built with a sanitizer.
    #[arg(long, value_name = "LIBRARY")]
    sanitized: Option<PathBuf>,
    /// How long the plugin is left alone, in seconds.
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u64>,
    /// How long the CA may take to decide a pending operation, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pending: u64,
    /// Of random requests and instants.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileName {
    Quick,
    Full,
}

/// Runs it, with the plugin's configuration in that file.
///
/// # Errors
/// When the kit cannot run, or the plugin does not pass.
pub fn run(arguments: Box<Arguments>, configuration: Option<&Path>) -> anyhow::Result<()> {
    if arguments.data_dir.is_some() {
        say_error("--data-dir is not used here: the kit needs no broker");
    }
    let configuration = arguments.config.clone().or(configuration.map(Path::to_owned));
    let (json, all, path) = (arguments.json, arguments.all, arguments.report.clone());
    // Before hours of checks, not after them.
    let mut file = path.as_deref().map(new_file).transpose()?;
    let mut options = options(*arguments)?;
    options.configuration = configuration.as_deref().map(read_json).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let progress = |result: &CheckResult| {
        if result.outcome == Outcome::Failed {
            say_error(&format!("FAIL  {}", result.id));
        }
    };
    let report = runtime.block_on(yinqiao_ca_conformance::run(options, progress))?;
    let document = report.to_json()?;
    if let (Some(file), Some(path)) = (&mut file, &path) {
        file.write_all(document.as_bytes()).with_context(|| path.display().to_string())?;
    }
    let text = match (json, all) {
        (true, _) => document,
        (false, true) => render_all(&report),
        (false, false) => render(&report),
    };
    say(&text);
    match report.count(Outcome::Failed) {
        0 => Ok(()),
        failed => bail!("the plugin does not pass: {failed} of {} checks failed", report.checks.len()),
    }
}

fn options(arguments: Arguments) -> anyhow::Result<Options> {
    let host = format!("yinqiao {}", env!("CARGO_PKG_VERSION"));
    let mut options = Options::new(
        arguments.plugin,
        WorkerProgram::this_program(WORKER_SUBCOMMAND),
        WorkerProgram::this_program(PROBE_SUBCOMMAND),
        host,
    );
    options.secrets = arguments.secrets.as_deref().map(read_secrets).transpose()?.unwrap_or_default();
    options.profile = match arguments.profile {
        ProfileName::Quick => Profile::Quick,
        ProfileName::Full => Profile::Full,
    };
    options.only = arguments.only;
    options.holder = arguments.holder.as_deref().map(read_json).transpose()?;
    options.product = arguments.product;
    options.write = arguments.write;
    options.read = arguments.read;
    options.upstream =
        arguments.upstream.zip(arguments.pointer).map(|(address, pointer)| Upstream { address, pointer });
    options.sanitized = arguments.sanitized;
    options.idle = arguments.idle.map(Duration::from_secs);
    options.pending = Duration::from_secs(arguments.pending);
    options.seed = arguments.seed;
    Ok(options)
}

/// An address as it is written, with the one name that needs nobody to be asked.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse::<SocketAddr>(),
    };
    match address {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        _ => Err("write a loopback address and a port, like 127.0.0.1:8460 or localhost:8460".to_owned()),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    // The parser's words do not quote values, which may be personal data.
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not the JSON that belongs there", path.display()))
}

/// Every regular file of the folder, by its name.
fn read_secrets(folder: &Path) -> anyhow::Result<BTreeMap<String, Zeroizing<Vec<u8>>>> {
    let mut secrets = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if path.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            let value = fs::read(&path).with_context(|| path.display().to_string())?;
            secrets.insert(name, Zeroizing::new(value));
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_loopback_address_or_localhost_and_the_error_says_what_to_write() {
        assert_eq!(loopback("localhost:8460"), loopback("127.0.0.1:8460"));
        assert!(loopback("[::1]:8460").is_ok());
        for wrong in ["ca.example:8460", "192.0.2.1:8460", "8460", "localhost:", "127.0.0.1"] {
            assert!(loopback(wrong).unwrap_err().contains("127.0.0.1:8460"), "{wrong}");
        }
    }
}
