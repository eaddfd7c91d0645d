//! One version of a plugin: its file, what that file's bytes hash to, and how it came to be used.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use yinqiao_ca_worker::{AdapterInfo, Digests};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::configuration::Configuration;

/// How the catalogue names the library that comes with the program.
const SHIPPED: &str = "shipped";
/// What its file is called.
const SHIPPED_LIBRARY: &str = "libyinqiao_softca.so";

/// A version: `[adapter.version]` in the catalogue's file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Version {
    /// The plugin's file, an absolute path. Commands keep a copy of their own in `adapters` in the data directory.
    /// `"shipped"` is the software CA's file beside the program: the two are one release, so it is not pinned.
    pub library: PathBuf,
    /// Whether `library` was written as `"shipped"`.
    pub shipped: bool,
    /// SHA-256 and SM3 of the file; another file is refused. Without them whatever is there is taken.
    pub digests: Option<Digests>,
    /// SM3 of the configuration that it was installed with; another one is refused.
    pub configuration_sm3: Option<Sm3Hex>,
    /// What the plugin said of itself when it was installed.
    pub loaded: Option<Loaded>,
    /// When it was installed, pinned or configured.
    pub installed_at: Option<Timestamp>,
    /// The operators who consented to that, or the system's user who did it where no consent was needed.
    pub installed_by: Vec<String>,
    /// The change that it came by, with its consents.
    pub change: Option<String>,
    /// SM3 of the report of the conformance kit that was shown for it.
    pub report_sm3: Option<Sm3Hex>,
}

impl Version {
    /// The software CA's file beside the program.
    ///
    /// # Errors
    /// When the program cannot tell where it is.
    pub fn shipped() -> io::Result<Self> {
        let library = std::env::current_exe()?.with_file_name(SHIPPED_LIBRARY);
        Ok(Self { shipped: true, ..Self::unpinned(library) })
    }

    /// The file as the catalogue names it.
    pub(super) fn written_library(&self) -> &Path {
        if self.shipped { Path::new(SHIPPED) } else { &self.library }
    }

    /// A file that is not pinned.
    pub fn unpinned(library: PathBuf) -> Self {
        Self {
            library,
            shipped: false,
            digests: None,
            configuration_sm3: None,
            loaded: None,
            installed_at: None,
            installed_by: Vec::new(),
            change: None,
            report_sm3: None,
        }
    }
}

/// What a plugin says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub name: String,
    /// Which one it is.
    pub version: String,
    /// `MAJOR.MINOR` of the contract that it was built for.
    pub abi: String,
}

impl From<&AdapterInfo> for Loaded {
    fn from(info: &AdapterInfo) -> Self {
        Self {
            vendor: info.vendor.clone(),
            name: info.name.clone(),
            version: info.version.clone(),
            abi: format!("{}.{}", info.abi_major, info.abi_minor),
        }
    }
}

/// A version that can be rolled back to, with the configuration that it had: `[[adapter.earlier]]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// The file.
    pub version: Version,
    /// What it was opened with.
    #[serde(default, skip_serializing_if = "Configuration::is_empty")]
    pub configuration: Configuration,
}

/// A version as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    library: PathBuf,
    /// 64 hexadecimal digits; goes with `sm3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// 64 hexadecimal digits; goes with `sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sm3: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration_sm3: Option<Sm3Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    installed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    installed_by: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report_sm3: Option<Sm3Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loaded: Option<Loaded>,
}

/// A version that cannot be.
#[derive(Debug, thiserror::Error)]
enum VersionError {
    #[error("library is \"{0}\": give an absolute path")]
    Relative(PathBuf),
    #[error("the shipped library is one release with the program: leave out sha256 and sm3")]
    ShippedPinned,
    #[error("the program does not know where it is: {0}")]
    Program(io::Error),
    #[error("pin the library with both sha256 and sm3, or with neither")]
    HalfPinned,
    #[error("{0} is 64 hexadecimal digits")]
    Digest(&'static str),
}

impl TryFrom<Written> for Version {
    type Error = VersionError;

    fn try_from(written: Written) -> Result<Self, VersionError> {
        let shipped = written.library == Path::new(SHIPPED);
        if shipped && written.sha256.is_some() {
            return Err(VersionError::ShippedPinned);
        }
        let library =
            if shipped { Self::shipped().map_err(VersionError::Program)?.library } else { written.library };
        if !library.is_absolute() {
            return Err(VersionError::Relative(library));
        }
        let digests = match (&written.sha256, &written.sm3) {
            (None, None) => None,
            (Some(sha256), Some(sm3)) => {
                Some(Digests { sha256: digest("sha256", sha256)?, sm3: digest("sm3", sm3)? })
            }
            _ => return Err(VersionError::HalfPinned),
        };
        Ok(Self {
            library,
            shipped,
            digests,
            configuration_sm3: written.configuration_sm3,
            loaded: written.loaded,
            installed_at: written.installed_at,
            installed_by: written.installed_by,
            change: written.change,
            report_sm3: written.report_sm3,
        })
    }
}

impl From<Version> for Written {
    fn from(version: Version) -> Self {
        Self {
            library: version.written_library().to_owned(),
            sha256: version.digests.map(|digests| hex::encode(digests.sha256)),
            sm3: version.digests.map(|digests| hex::encode(digests.sm3)),
            configuration_sm3: version.configuration_sm3,
            installed_at: version.installed_at,
            installed_by: version.installed_by,
            change: version.change,
            report_sm3: version.report_sm3,
            loaded: version.loaded,
        }
    }
}

fn digest(key: &'static str, text: &str) -> Result<[u8; 32], VersionError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| VersionError::Digest(key))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Version, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_library_is_pinned_by_both_digests_or_by_none() {
        let (a, b) = ("ab".repeat(32), "CD".repeat(32));
        assert!(read("library = '/l.so'").unwrap().digests.is_none());
        let pinned = read(&format!("library = '/l.so'\nsha256 = '{a}'\nsm3 = '{b}'")).unwrap();
        assert_eq!(pinned.digests, Some(Digests { sha256: [0xab; 32], sm3: [0xcd; 32] }));
        for half in [format!("sha256 = '{a}'"), format!("sm3 = '{b}'"), format!("sha256 = '{a}'\nsm3 = 'ab'")]
        {
            assert!(read(&format!("library = '/l.so'\n{half}")).is_err(), "{half}");
        }
    }

    #[test]
    fn the_shipped_library_is_written_as_a_word_and_found_beside_the_program() {
        let version = read("library = 'shipped'").unwrap();
        assert_eq!(version.library.parent(), std::env::current_exe().unwrap().parent());
        assert!(toml::to_string(&version).unwrap().contains("library = \"shipped\""));
        let pinned = format!("library = 'shipped'\nsha256 = '{0}'\nsm3 = '{0}'", "ab".repeat(32));
        assert!(read(&pinned).is_err());
    }

    #[test]
    fn a_library_is_named_by_an_absolute_path() {
        assert!(read("library = 'l.so'").unwrap_err().to_string().contains("absolute"));
    }
}
