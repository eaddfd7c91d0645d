//! The catalogue's file as it is read: strictly, whole, and with what is wrong named.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::agreement::{Agreement, AgreementError, Standing};
use super::changes::ChangeFolder;
use super::entry::{AdapterName, Entry, State};
use super::policy::{Policy, PolicyError};
use super::site::Site;
use super::version::Version;
use crate::adapter::routing::Route;

/// What the catalogue says, checked.
#[derive(Clone, Debug, Serialize)]
pub struct Catalogue {
    /// All adapters in order: the first enabled one is the default.
    #[serde(rename = "adapters")]
    pub entries: Vec<Entry>,
    /// Which CA a request goes to; the first rule that fits decides. What the operators have agreed upon, or what the file
    /// says where they have not.
    pub routes: Vec<Route>,
    /// Whether the file's routes are others than those that were agreed upon.
    pub routes_changed_by_hand: bool,
    /// Who may change it: what the operators have agreed upon, or what the file says where they have not.
    pub policy: Policy,
    /// How the policy that is in force stands to the file.
    pub standing: Standing,
    /// Whether there is no file, and the software CA that comes with the program is all there is.
    pub shipped: bool,
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    adapter: Vec<toml::Table>,
    route: Vec<toml::Table>,
    policy: Option<toml::Table>,
}

/// Why the catalogue cannot be used. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It cannot be read.
    #[error("the catalogue {path} cannot be read: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is not TOML, or has keys that there are not.
    #[error("the catalogue {path} is wrong: {reason}")]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        reason: Box<toml::de::Error>,
    },
    /// An adapter is not as it can be.
    #[error("the catalogue {path}, adapter \"{adapter}\": {reason}")]
    Adapter {
        /// Which.
        path: PathBuf,
        /// Its name, or its number where it has none.
        adapter: String,
        /// The key and what is wrong with it.
        reason: String,
    },
    /// A route is not as it can be.
    #[error("the catalogue {path}, route {number}: {reason}")]
    Route {
        /// Which.
        path: PathBuf,
        /// The first is 1.
        number: usize,
        /// The key and what is wrong with it.
        reason: String,
    },
    /// The policy's keys are wrong.
    #[error("the catalogue {path}, policy: {reason}")]
    PolicyKey {
        /// Which.
        path: PathBuf,
        /// The key and what is wrong with it.
        reason: Box<toml::de::Error>,
    },
    /// The policy cannot be kept.
    #[error("the catalogue {path}, policy: {reason}")]
    Policy {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: PolicyError,
    },
    /// What the operators agreed upon cannot be read.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

impl Catalogue {
    /// Reads the file, or takes the software CA that comes with the program where there is none; then says of each adapter
    /// whether it may be started as it stands.
    ///
    /// # Errors
    /// See [`CatalogueError`].
    pub fn read(site: &Site) -> Result<Self, CatalogueError> {
        let text = match fs::read_to_string(site.catalogue()) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(reason) => return Err(CatalogueError::Read { path: site.catalogue().to_owned(), reason }),
        };
        let mut catalogue = match &text {
            Some(text) => Self::parse(site, text)?,
            None => Self::shipped(site)?,
        };
        let agreement = Agreement::read(site)?;
        catalogue.standing = Standing::of(&catalogue.policy, agreement.as_ref());
        if let Some(agreement) = &agreement {
            catalogue.policy = agreement.policy_in_force(&catalogue.policy).clone();
            if agreement.asks_for_consents() && agreement.routes != catalogue.routes {
                catalogue.routes = agreement.routes.clone();
                catalogue.routes_changed_by_hand = true;
            }
        }
        let changes = ChangeFolder::of(site);
        for entry in &mut catalogue.entries {
            let refusal =
                entry.version.configuration_sm3.is_some_and(|pinned| pinned != entry.configuration.sm3());
            entry.refusal = if let Some(path) = site.reserved_by(&entry.sandbox()) {
                Some(format!(
                    "its sandbox opens {}, which is the broker's own: give it another folder",
                    path.display()
                ))
            } else if refusal {
                Some(format!(
                    "its configuration is another than the pinned one: restore it, or pin it with `yinqiao adapter pin {}`",
                    entry.name
                ))
            } else {
                agreement.as_ref().and_then(|agreement| agreement.refusal(entry, &changes))
            };
        }
        Ok(catalogue)
    }

    /// Parses the text of a catalogue.
    ///
    /// # Errors
    /// See [`CatalogueError`].
    pub fn parse(site: &Site, text: &str) -> Result<Self, CatalogueError> {
        let path = || site.catalogue().to_owned();
        let written: Written = toml::from_str(text)
            .map_err(|reason| CatalogueError::Toml { path: path(), reason: Box::new(reason) })?;
        let mut entries: Vec<Entry> = Vec::new();
        for (index, table) in written.adapter.into_iter().enumerate() {
            let named = table.get("name").and_then(toml::Value::as_str).map(str::to_owned);
            let adapter = named.unwrap_or_else(|| format!("number {}", index + 1));
            let wrong = |reason: String| CatalogueError::Adapter { path: path(), adapter, reason };
            let entry = match read_table::<Entry>(table) {
                Ok(entry) => entry,
                Err(reason) => return Err(wrong(reason)),
            };
            if let Some(key) = relative_path(&entry) {
                return Err(wrong(format!("{key}: give an absolute path")));
            }
            if entries.iter().any(|other| other.name == entry.name) {
                return Err(wrong("another adapter has the same name".to_owned()));
            }
            entries.push(with_data_directory(entry, site));
        }
        let mut routes: Vec<Route> = Vec::new();
        for (index, table) in written.route.into_iter().enumerate() {
            let wrong = |reason| CatalogueError::Route { path: path(), number: index + 1, reason };
            let route: Route = read_table(table).map_err(wrong)?;
            if let Some(name) = route.adapters().iter().find(|name| !entries.iter().any(|e| e.name == **name))
            {
                return Err(wrong(format!("no adapter is called \"{name}\"")));
            }
            routes.push(route);
        }
        let policy: Policy = match written.policy {
            Some(table) => Policy::deserialize(toml::Value::Table(table))
                .map_err(|reason| CatalogueError::PolicyKey { path: path(), reason: Box::new(reason) })?,
            None => Policy::default(),
        };
        policy.check().map_err(|reason| CatalogueError::Policy { path: path(), reason })?;
        Ok(Self { entries, policy, ..Self::without_adapters(routes) })
    }

    /// The adapter of this name.
    pub fn entry(&self, name: &AdapterName) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == *name)
    }

    /// Those that the broker starts, in order.
    pub fn enabled(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.state == State::Enabled)
    }

    fn shipped(site: &Site) -> Result<Self, CatalogueError> {
        let reason = |reason| CatalogueError::Read { path: site.catalogue().to_owned(), reason };
        let entry = shipped_entry(site).map_err(reason)?;
        Ok(Self { entries: vec![entry], shipped: true, ..Self::without_adapters(Vec::new()) })
    }

    fn without_adapters(routes: Vec<Route>) -> Self {
        Self {
            entries: Vec::new(),
            routes,
            routes_changed_by_hand: false,
            policy: Policy::default(),
            standing: Standing::Free,
            shipped: false,
        }
    }
}

/// The embedded default: the software CA with its keys in the data directory.
fn shipped_entry(site: &Site) -> io::Result<Entry> {
    let directory = site.data_directory().join("softca");
    let configuration = serde_json::json!({ "directory": directory, "name": "Yinqiao" });
    let secrets = site.data_directory().join("secrets").join("softca");
    let text = serde_json::json!({
        "name": "softca",
        "secrets_directory": secrets,
        "data_directory": directory,
        "version": { "library": "shipped" },
        "configuration": configuration,
    });
    // Where the program is, is asked here, for an error of its own.
    Version::shipped()?;
    serde_json::from_value(text).map_err(io::Error::other)
}

/// Reads a table; the error names the key.
fn read_table<T: DeserializeOwned>(table: toml::Table) -> Result<T, String> {
    // Left to itself the library makes a text of it, which would be written back as one.
    if let Some(key) = table.iter().find_map(|(key, value)| date(key, value)) {
        return Err(format!("{key}: write the date as a text in quotes"));
    }
    T::deserialize(toml::Value::Table(table)).map_err(|error| error.to_string().trim().replace('\n', " "))
}

fn date(path: &str, value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Datetime(_) => Some(path.to_owned()),
        toml::Value::Table(members) => {
            members.iter().find_map(|(key, value)| date(&format!("{path}.{key}"), value))
        }
        toml::Value::Array(values) => values.iter().find_map(|value| date(path, value)),
        _ => None,
    }
}

fn relative_path(entry: &Entry) -> Option<&'static str> {
    let relative = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| !path.is_absolute());
    if relative(&entry.secrets_directory) {
        Some("secrets_directory")
    } else if relative(&entry.data_directory) {
        Some("data_directory")
    } else {
        None
    }
}

fn with_data_directory(mut entry: Entry, site: &Site) -> Entry {
    let default = || site.adapter_data(&entry.name);
    entry.data_directory = Some(entry.data_directory.take().unwrap_or_else(default));
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn site() -> Site {
        Site::of(&Config { data_directory: "/data".into(), ..Config::default() })
    }

    fn refused(text: &str) -> String {
        Catalogue::parse(&site(), text).unwrap_err().to_string()
    }

    const MINIMAL: &str = "[[adapter]]\nname = 'a'\nversion.library = '/a.so'\n";

    #[test]
    fn a_name_and_a_library_are_enough() {
        let catalogue = Catalogue::parse(&site(), MINIMAL).unwrap();
        let entry = &catalogue.entries[0];
        assert_eq!(entry.state, State::Enabled);
        assert_eq!(entry.data_directory, Some("/data/adapter-data/a".into()));
    }

    #[test]
    fn what_is_wrong_is_told_with_file_adapter_and_key() {
        for (line, key) in [
            ("colour = 'red'", "colour"),
            ("state = 'on'", "state"),
            ("secrets_directory = 's'", "secrets_directory"),
            ("limits.threads = 'many'", "limits.threads"),
            ("limits.start = '0s'", "limits.start"),
            ("sandbox.network = 'some'", "sandbox.network"),
            ("sandbox.read = ['r']", "sandbox.read"),
            ("configuration.at = 2026-11-24", "at"),
            ("version.sha256 = 'ab'", "sm3"),
        ] {
            let error = refused(&format!("{MINIMAL}{line}\n"));
            assert!(error.contains("/data/adapters.toml"), "{line}: {error}");
            assert!(error.contains("adapter \"a\""), "{line}: {error}");
            assert!(error.contains(key), "{line}: {error}");
        }
    }

    #[test]
    fn two_adapters_of_one_name_and_routes_to_nowhere_are_refused() {
        assert!(refused(&format!("{MINIMAL}{MINIMAL}")).contains("same name"));
        let route = format!("{MINIMAL}[[route]]\nadapters = ['b']\n");
        assert!(refused(&route).contains("route 1: no adapter is called \"b\""));
        assert!(refused("[[adapter]]\nversion.library = '/a.so'").contains("number 1"));
        assert!(refused("colour = 'red'").contains("colour"));
        assert!(refused("[policy]\nconsents = 2").contains("2 consents"));
    }

    #[test]
    fn without_a_file_the_software_ca_beside_the_program_is_all_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::of(&Config { data_directory: folder.path().to_owned(), ..Config::default() });
        let catalogue = Catalogue::read(&site).unwrap();
        assert!(catalogue.shipped && catalogue.entries[0].version.shipped);
        assert_eq!(catalogue.entries[0].refusal, None);
    }

    #[test]
    fn a_configuration_that_was_changed_by_hand_is_not_what_was_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::of(&Config { data_directory: folder.path().to_owned(), ..Config::default() });
        let pinned = serde_json::from_str::<super::super::Configuration>(r#"{"url":"a"}"#).unwrap().sm3();
        let text = |url: &str| {
            format!("{MINIMAL}version.configuration_sm3 = '{pinned}'\nconfiguration.url = '{url}'\n")
        };
        fs::write(site.catalogue(), text("a")).unwrap();
        assert_eq!(Catalogue::read(&site).unwrap().entries[0].refusal, None);
        fs::write(site.catalogue(), text("b")).unwrap();
        assert!(Catalogue::read(&site).unwrap().entries[0].refusal.is_some());
    }
}
