//! The broker's settings: one typed structure, its defaults in one place, checked whole at start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::identity::IdentitySettings;
use yinqiao_lifecycle::offer::Catalogue as Offers;

use crate::invoice::InvoiceSettings;
use crate::message::MessageSettings;
use crate::payment::PaymentSettings;

/// Everything that can be set. Each key may be left out.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port of the REST interface and the websockets; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The broker's address as phones reach it: it stands in every code. Default: `http://` and the address listened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Address and port of `GET /metrics` (OpenMetrics), for monitoring alone. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where everything is kept.
    pub data_directory: PathBuf,
    /// The file with the CAs' adapters, `[[adapter]]` tables that `yinqiao adapter` makes and changes. Default: `adapters.toml`
    /// in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<PathBuf>,
    /// Who says who a user is.
    #[serde(skip_serializing_if = "is_default")]
    pub identity: IdentitySettings,
    /// What certificates are offered, what they cost, and who agrees.
    #[serde(skip_serializing_if = "is_default")]
    pub lifecycle: Offers,
    /// Who takes payments.
    #[serde(skip_serializing_if = "is_default")]
    pub payment: PaymentSettings,
    /// Who makes invoices.
    #[serde(skip_serializing_if = "is_default")]
    pub invoice: InvoiceSettings,
    /// How messages to users go out.
    #[serde(skip_serializing_if = "is_default")]
    pub messages: MessageSettings,
    /// Threads that serve connections. Default: as many as processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Websockets and other connections at once, for each thread.
    pub connections_per_thread: usize,
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file is not the expected TOML.
    #[error("the configuration file {path} is wrong: {reason}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        reason: Box<toml::de::Error>,
    },
    /// A value breaks a rule.
    #[error("configuration: {0}")]
    Invalid(String),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            public_url: None,
            metrics_listen: None,
            data_directory: PathBuf::from("yinqiao-data"),
            catalogue: None,
            identity: IdentitySettings::default(),
            lifecycle: Offers::default(),
            payment: PaymentSettings::default(),
            invoice: InvoiceSettings::default(),
            messages: MessageSettings::default(),
            threads: None,
            connections_per_thread: 25_000,
        }
    }
}

impl Config {
    /// Reads a file, or takes the defaults where there is none named.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        toml::from_str(&text)
            .map_err(|reason| ConfigError::Parse { path: path.to_owned(), reason: Box::new(reason) })
    }

    /// Checks all values, and makes paths absolute.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with what to change.
    pub fn complete(mut self) -> Result<Self, ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(text));
        if let Some(url) = &self.public_url {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            if !rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '#', '?', ' '])) {
                return invalid(format!(
                    "public_url is \"{url}\": give it like https://sign.example.cn, without a path"
                ));
            }
        }
        self.identity
            .check()
            .and_then(|()| self.messages.check())
            .and_then(|()| self.payment.check())
            .and_then(|()| self.invoice.check())
            .and_then(|()| self.lifecycle.check())
            .map_err(ConfigError::Invalid)?;
        if self.threads == Some(0) || self.connections_per_thread == 0 {
            return invalid("threads and connections_per_thread are at least 1".into());
        }
        self.data_directory = std::path::absolute(&self.data_directory)
            .map_err(|e| ConfigError::Invalid(format!("data_directory: {e}")))?;
        let catalogue = self.catalogue.unwrap_or_else(|| self.data_directory.join("adapters.toml"));
        self.catalogue = Some(
            std::path::absolute(catalogue).map_err(|e| ConfigError::Invalid(format!("catalogue: {e}")))?,
        );
        Ok(self)
    }

    /// The file that the broker's operator commands meet it at.
    pub fn control_socket(&self) -> PathBuf {
        self.data_directory.join("control.sock")
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_with_a_path_or_a_final_slash_is_refused_with_what_to_write() {
        for url in ["https://a.cn/", "https://a.cn/b", "ftp://a.cn", "https://", "https://a.cn#x"] {
            let config = Config { public_url: Some(url.into()), ..Config::default() };
            assert!(config.complete().is_err(), "{url}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("lissten = \"127.0.0.1:1\"").is_err());
    }
}
