//! Where the catalogue and what belongs to it are.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use yinqiao_ca_worker::Sandbox;

use super::AdapterName;
use crate::config::Config;

/// The places of one broker. All under the data directory, except where the configuration puts the catalogue elsewhere:
///
/// ```text
/// adapters.toml                 the catalogue
/// adapters.lock                 held by whoever writes it
/// adapters.change.lock          held by the one change that is being tried
/// adapters/NAME/SHA256.so       libraries that commands have taken
/// adapter-data/NAME/            a plugin's own folder
/// adapter-changes/ID.json       proposed changes, and those that took effect, with their consents
/// adapter-changes/policy.json   what was agreed upon: the policy, and what is in force
/// adapter-changes/stops.json    marks of when adapters were let go
/// ```
#[derive(Clone, Debug)]
pub struct Site {
    catalogue: PathBuf,
    data_directory: PathBuf,
}

impl Site {
    /// That of a complete configuration.
    pub fn of(config: &Config) -> Self {
        let catalogue =
            config.catalogue.clone().unwrap_or_else(|| config.data_directory.join("adapters.toml"));
        Self { catalogue, data_directory: config.data_directory.clone() }
    }

    /// The catalogue's file.
    pub fn catalogue(&self) -> &Path {
        &self.catalogue
    }

    /// The broker's data directory.
    pub fn data_directory(&self) -> &Path {
        &self.data_directory
    }

    /// Where a plugin may keep what it likes, unless the catalogue says another place.
    pub fn adapter_data(&self, name: &AdapterName) -> PathBuf {
        self.data_directory.join("adapter-data").join(name.as_str())
    }

    /// Libraries that were taken for an adapter.
    pub fn libraries(&self, name: &AdapterName) -> PathBuf {
        self.data_directory.join("adapters").join(name.as_str())
    }

    /// Changes.
    pub fn changes(&self) -> PathBuf {
        self.data_directory.join("adapter-changes")
    }

    /// A path of a sandbox by which a plugin would reach the broker's own files: its store, secrets, catalogue, libraries
    /// and changes, or a folder above them.
    pub(super) fn reserved_by(&self, sandbox: &Sandbox) -> Option<PathBuf> {
        let folder = |name| self.data_directory.join(name);
        let mut own = vec![self.catalogue.clone(), self.changes(), self.lock(), self.change_lock()];
        own.extend(["store", "secrets", "adapters", "control.sock"].map(folder));
        let reaches = |path: &&PathBuf| own.iter().any(|own| own.starts_with(path) || path.starts_with(own));
        sandbox.write.iter().chain(&sandbox.read).find(reaches).cloned()
    }

    pub(super) fn stops(&self) -> PathBuf {
        self.changes().join("stops.json")
    }

    pub(super) fn change_lock(&self) -> PathBuf {
        self.data_directory.join("adapters.change.lock")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.data_directory.join("adapters.lock")
    }
}

/// Makes a folder and those above it, for their owner only.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that is either the new one whole or the one before, whatever breaks; for its owner only.
pub(super) fn write_whole(path: &Path, mut content: impl Read, mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = folder.join(name);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    io::copy(&mut content, &mut file)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_reaches_the_brokers_own_files_is_found_and_one_beside_them_is_not() {
        let config = Config { data_directory: "/srv/data".into(), ..Config::default() };
        let site = Site::of(&config);
        let reaches = |path: &str| {
            let sandbox = Sandbox { write: vec![path.into()], ..Sandbox::default() };
            site.reserved_by(&sandbox).is_some()
        };
        for own in ["/", "/srv", "/srv/data", "/srv/data/store", "/srv/data/secrets/x", "/srv/data/adapters"]
        {
            assert!(reaches(own), "{own}");
        }
        for other in ["/srv/data/softca", "/srv/data/adapter-data/ca", "/srv/database", "/opt/ca"] {
            assert!(!reaches(other), "{other}");
        }
    }
}
