//! One CA's adapter, as the catalogue has it.

use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use yinqiao_ca_worker::{Digests, Limits, Sandbox};
use yinqiao_protocol::Sm3Hex;

use super::configuration::Configuration;
use super::limits::EntryLimits;
use super::sandbox::EntrySandbox;
use super::trust::EntryTrust;
use super::version::{Earlier, Version};

/// The longest name of an adapter, in characters.
const NAME_LIMIT: usize = 64;

/// One adapter: `[[adapter]]` in the catalogue's file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name: bid systems may name it in `accept`, certificates remember it.
    pub name: AdapterName,
    /// Whether the broker starts it. Default: enabled.
    #[serde(default)]
    pub state: State,
    /// A folder with one file for each secret that the plugin may ask for, by the secret's name. Default: it gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_directory: Option<PathBuf>,
    /// The plugin's own folder, which it may always read and write; made when it is missing. Default:
    /// `adapter-data/NAME` in the broker's data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_directory: Option<PathBuf>,
    /// Accept that the CA has another root than before, after it was replaced on purpose. It is good for one start of the
    /// plugin: commands and the broker take it out of the file when it has been used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_new_root: bool,
    /// The plugin's file that is used.
    pub version: Version,
    /// What the plugin is opened with, as its own description says. Credentials don't belong here.
    #[serde(default, skip_serializing_if = "Configuration::is_empty")]
    pub configuration: Configuration,
    /// Limits of time and size.
    #[serde(default, skip_serializing_if = "EntryLimits::is_default")]
    pub limits: EntryLimits,
    /// What its process may reach.
    #[serde(default, skip_serializing_if = "EntrySandbox::is_default")]
    pub sandbox: EntrySandbox,
    /// What certificates of its CA are held against.
    #[serde(default, skip_serializing_if = "EntryTrust::is_default")]
    pub trust: EntryTrust,
    /// What can be rolled back to, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// Why it must not be started as it stands, found when the catalogue was read.
    #[serde(skip)]
    pub refusal: Option<String>,
}

impl Entry {
    /// The file that is loaded.
    pub fn library(&self) -> &Path {
        &self.version.library
    }

    /// What that file's bytes must hash to. `None`: whatever is there is taken, for it is not pinned.
    pub fn pinned(&self) -> Option<&Digests> {
        self.version.digests.as_ref()
    }

    /// Limits for its worker.
    pub fn limits(&self) -> Limits {
        self.limits.effective()
    }

    /// What its worker may reach. The folder of its secrets is not among it: secrets come by the broker.
    pub fn sandbox(&self) -> Sandbox {
        self.sandbox.effective(self.data_directory.as_deref())
    }

    /// Makes the plugin's own folder where there is none, for its owner only. Its worker can only be restricted to
    /// folders that exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_data_directory(&self) -> io::Result<()> {
        let Some(directory) = &self.data_directory else { return Ok(()) };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
    }

    /// As it stays when its change has taken effect: another root is accepted once.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self { accept_new_root: false, ..self.clone() }
    }

    /// Whether a worker that was started with `other` does what this one says: they differ in what the broker alone looks
    /// at. Another root is accepted only by asking the CA again.
    pub fn runs_as(&self, other: &Self) -> bool {
        let for_worker = |entry: &Self| Self {
            trust: EntryTrust::default(),
            state: State::Enabled,
            earlier: Vec::new(),
            refusal: None,
            version: Version {
                digests: entry.version.digests,
                ..Version::unpinned(entry.version.library.clone())
            },
            ..entry.settled()
        };
        !self.accept_new_root && for_worker(self) == for_worker(other)
    }

    /// SM3 over all that decides what the adapter does: its file's digests, its configuration, limits and what it may
    /// reach; neither over its state, nor over what can be rolled back to, nor over who installed it and when.
    pub fn content_sm3(&self) -> Sm3Hex {
        let mut content = serde_json::json!({
            "name": self.name,
            "digests": self.version.digests.map(|digests| digests.to_string()),
            "library": self.version.digests.is_none().then(|| self.version.written_library()),
            "configuration": self.configuration,
            "secrets_directory": self.secrets_directory,
            "data_directory": self.data_directory,
            "accept_new_root": self.accept_new_root,
            "limits": self.limits,
            "sandbox": self.sandbox,
            "trust": self.trust,
        });
        content.sort_all_objects();
        Sm3Hex::of(content.to_string().as_bytes())
    }
}

/// Whether the broker starts an adapter.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    #[default]
    Enabled,
    /// It does not, and calls nothing of it.
    Disabled,
}

/// An adapter's name: 1 to 64 characters of A-Z, a-z, 0-9 and '-', the first no '-'. Folders and files are named by it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AdapterName(String);

/// A name that no adapter can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" is no name for an adapter: it has 1 to 64 characters of A-Z, a-z, 0-9 and '-', the first no '-'"
)]
pub struct NameError(String);

impl AdapterName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AdapterName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        let fits = (1..=NAME_LIMIT).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fits { Ok(Self(name)) } else { Err(NameError(name)) }
    }
}

impl std::str::FromStr for AdapterName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        name.to_owned().try_into()
    }
}

impl From<AdapterName> for String {
    fn from(name: AdapterName) -> Self {
        name.0
    }
}

impl fmt::Display for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_a_folder_or_look_like_an_option() {
        for name in ["", ".", "..", "a/b", "a b", "-a", "ä", &"a".repeat(65)] {
            assert!(name.parse::<AdapterName>().is_err(), "{name}");
        }
        for name in ["softca", "A-1", &"a".repeat(64)] {
            assert!(name.parse::<AdapterName>().is_ok(), "{name}");
        }
    }
}
