//! A catalogue of adapters, written before the broker starts.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::broker::Broker;
use crate::plugins;

/// The secret that the vendor's plugin gets, and shows nobody.
pub const VENDOR_SECRET: &str = "canary/5c1d:7Yb-owl+Quartz.94e";

/// One adapter of a catalogue.
#[derive(Clone)]
pub struct Adapter {
    name: String,
    library: String,
    secrets: PathBuf,
    data: PathBuf,
    configuration: Vec<String>,
    lines: Vec<String>,
}

impl Adapter {
    /// The software CA under this name.
    pub fn software_ca(broker: &Broker, name: &str) -> Self {
        Self::new(broker, name, "shipped", "softca")
    }

    /// The vendor's plugin in this file. Its process is started again at once, and the breaker never opens.
    pub fn vendor(broker: &Broker, name: &str, library: &Path) -> Self {
        let limits =
            "limits = { first_restart = \"10ms\", last_restart = \"50ms\", breaker_failures = 10000 }";
        Self::new(broker, name, library.to_str().unwrap(), "vendor").with(limits)
    }

    fn new(broker: &Broker, name: &str, library: &str, secrets: &str) -> Self {
        let data = broker.data().join(name);
        Self {
            name: name.to_owned(),
            library: library.to_owned(),
            secrets: broker.data().join("secrets").join(secrets),
            configuration: vec![format!("directory = {data:?}"), format!("name = {name:?}")],
            data,
            lines: Vec::new(),
        }
    }

    /// With a further member of its configuration, in TOML.
    #[must_use]
    pub fn configured(mut self, member: &str) -> Self {
        self.configuration.push(member.to_owned());
        self
    }

    /// With the fault's variant; nothing where it is empty.
    #[must_use]
    pub fn variant(self, variant: &str) -> Self {
        if variant.is_empty() { self } else { self.configured(&format!("variant = {variant:?}")) }
    }

    /// With a further line of the catalogue.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    fn to_toml(&self) -> String {
        let Self { name, library, secrets, data, configuration, lines } = self;
        format!(
            "[[adapter]]\nname = {name:?}\nsecrets_directory = {secrets:?}\ndata_directory = {data:?}\n\
             version.library = {library:?}\nconfiguration = {{ {} }}\n{}\n\n",
            configuration.join(", "),
            lines.join("\n")
        )
    }
}

/// Writes a catalogue with these adapters and `rest` (routes) for a broker that does not run.
pub fn write(broker: &Broker, adapters: &[Adapter], rest: &str) {
    let secrets = broker.data().join("secrets/vendor");
    fs::create_dir_all(&secrets).unwrap();
    fs::write(secrets.join(plugins::PASSPHRASE), VENDOR_SECRET).unwrap();
    let adapters: String = adapters.iter().map(Adapter::to_toml).collect();
    fs::write(broker.catalogue(), adapters + rest).unwrap();
}

impl Broker {
    /// A broker with the catalogue that `adapters` makes.
    pub fn start_with(adapters: impl FnOnce(&Self) -> Vec<Adapter>) -> Self {
        let mut broker = Self::not_started();
        write(&broker, &adapters(&broker), "");
        broker.restart();
        broker
    }

    /// How an adapter is now, as `yinqiao adapter list --json` shows it.
    pub fn adapter_state(&self, name: &str) -> Value {
        let list = self.operator_json(&["adapter", "list", "--json"]);
        let adapters = list["adapters"].as_array().unwrap();
        let found = adapters.iter().find(|adapter| adapter["name"] == name);
        found.unwrap_or_else(|| panic!("no adapter is called {name}: {list}")).clone()
    }
}

/// Certificate pairs in the journal of a vendor's CA: all that it has ever issued, handed out or not.
pub fn vendor_pairs(broker: &Broker, name: &str) -> usize {
    let Ok(journal) = fs::read_dir(broker.data().join(name).join("journal")) else { return 0 };
    // What is not renamed into place yet, or never was, begins with a dot.
    let entries =
        journal.map(|entry| entry.unwrap()).filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    let issued = entries.filter(|entry| {
        let entry: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        entry["serials"].as_array().is_some_and(|serials| !serials.is_empty())
    });
    issued.count()
}
