//! What an adapter is set up with, as options.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use yinqiao_ca_worker::Enforcement;

use super::send::absolute;
use crate::adapter::catalogue::proposal::Settings;
use crate::adapter::catalogue::{Configuration, EntryLimits, EntryNetwork};

/// Settings of an adapter; what is left out stays, or is as the catalogue's defaults have it.
#[derive(Args)]
pub struct SettingsArguments {
    /// What the plugin is opened with: a JSON file, or TOML where it ends with `.toml`. No credentials.
    #[arg(long, value_name = "FILE")]
    configuration: Option<PathBuf>,
    /// A folder with one file for each secret that the plugin may ask for.
    #[arg(long, value_name = "DIR")]
    secrets_directory: Option<PathBuf>,
    /// The plugin's own folder, where it may read and write.
    #[arg(long, value_name = "DIR")]
    data_directory: Option<PathBuf>,
    /// Where the plugin may connect to: `none`, `any`, or TCP ports with commas between them.
    #[arg(long, value_name = "PORTS")]
    network: Option<String>,
    /// A file or folder that the plugin may read; can be given several times, all are named anew.
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// A folder that the plugin may write to; can be given several times, all are named anew.
    #[arg(long, value_name = "DIR")]
    write: Vec<PathBuf>,
    /// What happens on a kernel that cannot restrict the plugin.
    #[arg(long, value_enum)]
    enforcement: Option<Enforce>,
    /// A limit, like `threads=4`, `start=30s` or `resident_memory=512MiB`; can be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    limit: Vec<String>,
    /// Whether the CA may have another root than before; it is good for one start, and then false again.
    #[arg(long, value_name = "BOOL")]
    accept_new_root: Option<bool>,
}

/// What happens on a kernel that cannot restrict a plugin.
#[derive(Clone, Copy, ValueEnum)]
pub enum Enforce {
    /// The plugin starts all the same.
    BestEffort,
    /// The plugin does not start.
    Required,
    /// Nothing is restricted anywhere.
    Off,
}

impl From<Enforce> for Enforcement {
    fn from(enforce: Enforce) -> Self {
        match enforce {
            Enforce::BestEffort => Self::BestEffort,
            Enforce::Required => Self::Required,
            Enforce::Off => Self::Off,
        }
    }
}

impl SettingsArguments {
    /// As the catalogue has them.
    ///
    /// # Errors
    /// Which option is wrong.
    pub fn read(self) -> anyhow::Result<Settings> {
        let paths = |paths: Vec<PathBuf>| -> anyhow::Result<Option<Vec<PathBuf>>> {
            let paths = paths.iter().map(|path| absolute(path)).collect::<Result<Vec<_>, _>>()?;
            Ok(Some(paths).filter(|paths| !paths.is_empty()))
        };
        let network = self.network.map(|text| {
            text.parse::<EntryNetwork>().map_err(|()| {
                anyhow::anyhow!("--network {text}: give none, any, or TCP ports without hosts, like 443,8443")
            })
        });
        Ok(Settings {
            configuration: self.configuration.as_deref().map(read_configuration).transpose()?,
            secrets_directory: self.secrets_directory.as_deref().map(absolute).transpose()?,
            data_directory: self.data_directory.as_deref().map(absolute).transpose()?,
            accept_new_root: self.accept_new_root,
            limits: read_limits(&self.limit)?,
            network: network.transpose()?,
            read: paths(self.read)?,
            write: paths(self.write)?,
            enforcement: self.enforcement.map(Enforcement::from),
        })
    }
}

/// Reads a plugin's configuration from a file of JSON or TOML.
///
/// # Errors
/// Where the file is wrong.
pub fn read_configuration(path: &Path) -> anyhow::Result<Configuration> {
    let context = || format!("the configuration {}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    if path.extension().is_some_and(|extension| extension == "toml") {
        toml::from_str(&text).with_context(context)
    } else {
        serde_json::from_str(&text).with_context(context)
    }
}

fn read_limits(limits: &[String]) -> anyhow::Result<EntryLimits> {
    let mut table = toml::Table::new();
    for limit in limits {
        let Some((key, value)) = limit.split_once('=') else {
            bail!("--limit {limit}: write it like threads=4 or start=30s")
        };
        let value = value.parse::<i64>().map_or_else(|_| toml::Value::from(value), toml::Value::from);
        table.insert(key.to_owned(), value);
    }
    table.try_into().with_context(|| format!("--limit {}", limits.join(" ")))
}
