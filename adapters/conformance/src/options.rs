//! What the kit is run with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use yinqiao_ca_sdk::messages::{Holder, HolderKind};
use yinqiao_ca_worker::WorkerProgram;
use zeroize::Zeroizing;

use crate::catalogue::CHECKS;

/// What the kit is run with. Only the plugin and the two programs must be given; what is absent skips checks.
pub struct Options {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// The document for `open`. The CA behind it must be one for tests: certificates are issued and revoked there.
    pub configuration: Option<Value>,
    /// The plugin's secrets, by name.
    pub secrets: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// How much of everything.
    pub profile: Profile,
    /// Ids or groups of checks; empty: all.
    pub only: Vec<String>,
    /// The CA's address, to put faults between it and the plugin.
    pub upstream: Option<Upstream>,
    /// The same plugin, built with a sanitizer.
    pub sanitized: Option<PathBuf>,
    /// Folders that the plugin may write to.
    pub write: Vec<PathBuf>,
    /// Files and folders that it may read.
    pub read: Vec<PathBuf>,
    /// Whose certificates are asked for.
    pub holder: Option<Holder>,
    /// Which product is asked for; absent: the first that `describe` names.
    pub product: Option<String>,
    /// How long the plugin is left alone; absent: by the profile.
    pub idle: Option<Duration>,
    /// For a pending operation to be decided.
    pub pending: Duration,
    /// Of random documents and instants; the same seed gives the same ones.
    pub seed: u64,
    /// The program that plays the worker's role.
    pub worker: WorkerProgram,
    /// The program that plays the probe's role.
    pub probe: WorkerProgram,
    /// The program that runs the kit, with its version.
    pub host: String,
}

/// How much of everything.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Minutes: while a plugin is being written.
    #[default]
    Quick,
    /// Hours: before a plugin is shipped.
    Full,
}

impl Profile {
    /// The name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }

    /// One number for each profile.
    pub(crate) const fn of<T: Copy>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// Where the plugin's CA is, and where the configuration says so.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The CA's address; a loopback address.
    pub address: SocketAddr,
    /// JSON pointer (RFC 6901) to the member of the configuration that holds it: a URL, `host:port`, or a port number.
    pub pointer: String,
}

/// Options that cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OptionsError {
    /// A name in `only` that no check and no group has.
    #[error("there is no check and no group of checks called {0:?}; the README of the kit lists them")]
    UnknownCheck(String),
    /// The upstream is on another machine.
    #[error(
        "the upstream {0} is not a loopback address: faults are put between a plugin and a CA of this machine only"
    )]
    NotLoopback(SocketAddr),
    /// The pointer leads nowhere.
    #[error("the configuration has no text or port number at {0:?}, where the CA's address should be")]
    NoSuchMember(String),
    /// The upstream without a configuration.
    #[error("an upstream needs a configuration that points to it")]
    UpstreamWithoutConfiguration,
}

impl Options {
    /// Options that need the least: no configuration, the quick profile.
    #[must_use]
    pub fn new(plugin: PathBuf, worker: WorkerProgram, probe: WorkerProgram, host: String) -> Self {
        Self {
            plugin,
            configuration: None,
            secrets: BTreeMap::new(),
            profile: Profile::Quick,
            only: Vec::new(),
            upstream: None,
            sanitized: None,
            write: Vec::new(),
            read: Vec::new(),
            holder: None,
            product: None,
            idle: None,
            pending: Duration::from_secs(10),
            seed: 1,
            worker,
            probe,
            host,
        }
    }

    /// Whether the check of that id is wanted.
    pub(crate) fn wants(&self, id: &str) -> bool {
        let group = id.split('.').next().unwrap_or_default();
        self.only.is_empty() || self.only.iter().any(|name| name == id || name == group)
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        for name in &self.only {
            if !CHECKS.iter().any(|check| check.id == name || check.group() == name) {
                return Err(OptionsError::UnknownCheck(name.clone()));
            }
        }
        let Some(upstream) = &self.upstream else { return Ok(()) };
        if !upstream.address.ip().is_loopback() {
            return Err(OptionsError::NotLoopback(upstream.address));
        }
        let configuration = self.configuration.as_ref().ok_or(OptionsError::UpstreamWithoutConfiguration)?;
        upstream.redirect(configuration, upstream.address.port()).map(drop)
    }

    pub(crate) fn idle(&self) -> Duration {
        self.idle.unwrap_or(Duration::from_secs(self.profile.of(2, 1800)))
    }

    pub(crate) fn holder(&self) -> Holder {
        self.holder.clone().unwrap_or_else(|| Holder {
            kind: HolderKind::Enterprise,
            name: "符合性测试有限公司".to_owned(),
            identity_code: None,
            organization: None,
            unified_social_credit_code: Some("91350100M000100Y43".to_owned()),
        })
    }
}

impl Upstream {
    /// The configuration with another port at the pointer, on the loopback address.
    pub(crate) fn redirect(&self, configuration: &Value, port: u16) -> Result<Value, OptionsError> {
        let mut configuration = configuration.clone();
        let missing = || OptionsError::NoSuchMember(self.pointer.clone());
        let member = configuration.pointer_mut(&self.pointer).ok_or_else(missing)?;
        *member = match &*member {
            Value::Number(_) => port.into(),
            Value::String(text) => redirected(text, port).into(),
            _ => return Err(missing()),
        };
        Ok(configuration)
    }
}

/// `scheme://authority/rest` or `host:port`, with the loopback address and `port` for the authority.
fn redirected(text: &str, port: u16) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let path = rest.find(['/', '?', '#']).map_or("", |start| &rest[start..]);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}127.0.0.1:{port}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn upstream(pointer: &str) -> Upstream {
        Upstream { address: ([127, 0, 0, 1], 8080).into(), pointer: pointer.to_owned() }
    }

    #[test]
    fn each_spelling_of_an_address_is_led_to_the_proxy_and_keeps_its_rest() {
        for (text, wanted) in [
            ("http://127.0.0.1:8080/cmp?x=1", "http://127.0.0.1:9/cmp?x=1"),
            ("https://ca.example", "https://127.0.0.1:9"),
            ("localhost:8080", "127.0.0.1:9"),
        ] {
            let configuration = json!({"ca": {"url": text}, "other": 1});
            let redirected = upstream("/ca/url").redirect(&configuration, 9).unwrap();
            assert_eq!(redirected, json!({"ca": {"url": wanted}, "other": 1}));
        }
        assert_eq!(upstream("/port").redirect(&json!({"port": 1}), 9).unwrap(), json!({"port": 9}));
    }

    #[test]
    fn a_pointer_that_leads_nowhere_is_refused() {
        for pointer in ["/nowhere", "", "/list"] {
            let error = upstream(pointer).redirect(&json!({"list": []}), 9);
            assert_eq!(error, Err(OptionsError::NoSuchMember(pointer.to_owned())));
        }
    }
}
