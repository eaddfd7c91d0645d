//! Who takes payments.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::gateway;

/// `[payment]`. Without keys nobody's word counts but an operator's, who confirms payments by hand.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentSettings {
    /// The text in the picture that is scanned to pay; `{payment}` and `{amount}` (in 分) stand for the order's. Default: `/pay/{payment}`
    /// at the broker's public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A file with the key that provider and broker share (HMAC-SM3), at least 32 octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// A PEM file with the provider's SM2 public key, where it signs in place of sharing a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_file: Option<PathBuf>,
    /// Where the provider is asked to give money back; needs `key_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_url: Option<String>,
}

impl PaymentSettings {
    /// Checks the values.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        if let Some(text) = &self.text
            && (!text.contains("{payment}") || text.len() > 500)
        {
            return Err("payment.text contains {payment} and has at most 500 octets".to_owned());
        }
        if let Some(url) = &self.refund_url {
            if self.key_file.is_none() {
                return Err(
                    "payment.refund_url needs payment.key_file, so that the provider knows the broker"
                        .to_owned(),
                );
            }
            if !gateway::is_protected(url) {
                return Err(format!("payment.refund_url is \"{url}\": it must begin with https://"));
            }
        }
        Ok(())
    }
}
