//! What an adapter's process may reach, as the catalogue has it.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use yinqiao_ca_worker::{Enforcement, Network, Sandbox};

/// `[adapter.sandbox]`. Beside what it names, the plugin reaches its own folder and the system's libraries.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntrySandbox {
    /// Where it may connect to: `"none"`, `"any"`, or the TCP ports, like `[443, 8443]`. Default: none.
    pub network: EntryNetwork,
    /// Files and folders that it may read, absolute paths.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "absolute")]
    pub read: Vec<PathBuf>,
    /// Folders that it may read and write, absolute paths; each exists.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "absolute")]
    pub write: Vec<PathBuf>,
    /// On a kernel that cannot restrict it: `"best_effort"` starts it all the same and says what is missing,
    /// `"required"` does not start it. `"off"` restricts nothing, for a client library that needs what the rules forbid.
    /// Default: `"best_effort"`.
    pub enforcement: Enforcement,
}

impl EntrySandbox {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn effective(&self, data_directory: Option<&Path>) -> Sandbox {
        let own = data_directory.map(Path::to_owned);
        Sandbox {
            write: own.into_iter().chain(self.write.iter().cloned()).collect(),
            read: self.read.clone(),
            network: self.network.0.clone(),
            enforcement: self.enforcement,
        }
    }
}

/// Where an adapter may connect to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EntryNetwork(pub Network);

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Ports(Vec<u16>),
}

impl<'de> Deserialize<'de> for EntryNetwork {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("network is \"none\", \"any\", or TCP ports like [443]");
        match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Word(word) => word.parse().map_err(|()| wrong()),
            Written::Ports(ports) if ports.is_empty() || ports.contains(&0) => Err(wrong()),
            Written::Ports(ports) => Ok(Self(Network::Ports(ports))),
        }
    }
}

impl Serialize for EntryNetwork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Network::None => serializer.serialize_str("none"),
            Network::Any => serializer.serialize_str("any"),
            Network::Ports(ports) => ports.serialize(serializer),
        }
    }
}

impl std::str::FromStr for EntryNetwork {
    type Err = ();

    /// As it is written on a command line: `none`, `any`, or ports with commas between them.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "none" => Ok(Self(Network::None)),
            "any" => Ok(Self(Network::Any)),
            ports => {
                let ports: Result<Vec<u16>, _> = ports.split(',').map(str::parse).collect();
                let ports = ports.map_err(|_| ())?;
                if ports.contains(&0) { Err(()) } else { Ok(Self(Network::Ports(ports))) }
            }
        }
    }
}

fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(deserializer)?;
    match paths.iter().find(|path| !path.is_absolute()) {
        Some(path) => Err(D::Error::custom(format!("\"{}\": give an absolute path", path.display()))),
        None => Ok(paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_and_read_back_as_a_word_or_as_ports() {
        for text in ["network = \"none\"", "network = \"any\"", "network = [443, 8443]"] {
            let sandbox: EntrySandbox = toml::from_str(text).unwrap();
            let again: EntrySandbox = toml::from_str(&toml::to_string(&sandbox).unwrap()).unwrap();
            assert_eq!(sandbox, again, "{text}");
        }
        for text in
            ["network = \"some\"", "network = []", "network = [0]", "network = [65536]", "network = 1"]
        {
            assert!(toml::from_str::<EntrySandbox>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_plugin_always_reaches_its_own_folder() {
        let sandbox: EntrySandbox = toml::from_str("write = [\"/var/spool\"]").unwrap();
        let write = sandbox.effective(Some(Path::new("/own"))).write;
        assert_eq!(write, [PathBuf::from("/own"), PathBuf::from("/var/spool")]);
    }
}
