//! How messages go out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::gateway;

/// `[messages]`. Without `url`, messages stay in the broker's outbox, where `yinqiao messages` shows them: for
/// demonstrations and tests.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessageSettings {
    /// Where each message is posted to, for a gateway to SMS and mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the key that authenticates the broker there (HMAC-SM3), at least 32 octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl MessageSettings {
    /// Checks the values.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        match (&self.url, &self.key_file) {
            (Some(_), None) => {
                Err("messages.url needs messages.key_file, so that the gateway knows the broker".to_owned())
            }
            (None, Some(_)) => Err("messages.key_file has no messages.url to be used with".to_owned()),
            (Some(url), Some(_)) if !gateway::is_protected(url) => {
                Err(format!("messages.url is \"{url}\": it must begin with https://"))
            }
            _ => Ok(()),
        }
    }
}
