//! Services beside the broker that send its messages, take its payments and make its invoices: what is posted to them, and how
//! each side knows the other.
//!
//! A body goes with the header `Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX`: HMAC-SM3 under the shared key over the seconds in
//! decimal, a full stop and the body.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use yinqiao_gm::sm3;

use crate::clock;

/// The header with time and signature.
pub const SIGNATURE_HEADER: &str = "Yinqiao-Signature";
/// Octets of a key at least.
const SHORTEST_KEY: usize = 32;
/// Octets of an answer at most.
const MOST_OCTETS: u64 = 8 << 20;

/// A key that a service and the broker share.
pub struct SharedKey(Zeroizing<Vec<u8>>);

/// Why a file is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It is too short.
    #[error("{path} has {octets} octets, a key has at least {SHORTEST_KEY}")]
    Short {
        /// Which file.
        path: PathBuf,
        /// How many it has.
        octets: usize,
    },
}

impl SharedKey {
    /// All octets of a file, 32 at least.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let key = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|reason| KeyFileError::Read { path: path.to_owned(), reason })?;
        match key.len() {
            octets if octets < SHORTEST_KEY => Err(KeyFileError::Short { path: path.to_owned(), octets }),
            _ => Ok(Self(key)),
        }
    }

    /// What stands in the header beside this body.
    pub fn signature(&self, seconds: i64, body: &[u8]) -> String {
        let mac = sm3::hmac(&self.0, &[seconds.to_string().as_bytes(), b".", body]);
        format!("t={seconds},hmac-sm3={}", hex::encode(mac.as_bytes()))
    }

    /// Whether this is the MAC of the other side, in constant time.
    pub fn verifies(&self, seconds: i64, body: &[u8], mac: &[u8]) -> bool {
        sm3::hmac_verify(&self.0, &[seconds.to_string().as_bytes(), b".", body], mac)
    }
}

/// Why a service did not take what was posted.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It is out of reach.
    #[error("{url}: {reason}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        reason: String,
    },
    /// It says no.
    #[error("{url}: status {status}")]
    Status {
        /// Its address.
        url: String,
        /// What it says.
        status: u16,
    },
}

/// A service that is posted to.
#[derive(Clone)]
pub struct Gateway {
    url: String,
    agent: ureq::Agent,
}

impl Gateway {
    /// At this address, which may take `within` for an answer.
    pub fn new(url: &str, within: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(within))
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        Self { url: url.to_owned(), agent }
    }

    /// Hands over JSON that asks for no answer.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn hand_over(&self, key: &SharedKey, json: String) -> Result<(), GatewayError> {
        let posted = self.exchange(key, json, |_| Ok(Vec::new())).await?;
        match posted.0 {
            200..=299 => Ok(()),
            status => Err(GatewayError::Status { url: self.url.clone(), status }),
        }
    }

    /// Asks with JSON; gives the status and the answer.
    ///
    /// # Errors
    /// [`GatewayError::Unreachable`]
    pub async fn ask(&self, key: &SharedKey, json: String) -> Result<(u16, Vec<u8>), GatewayError> {
        self.exchange(key, json, |body| body.with_config().limit(MOST_OCTETS).read_to_vec()).await
    }

    async fn exchange(
        &self,
        key: &SharedKey,
        json: String,
        read: fn(&mut ureq::Body) -> Result<Vec<u8>, ureq::Error>,
    ) -> Result<(u16, Vec<u8>), GatewayError> {
        let signature = key.signature(clock::now().seconds(), json.as_bytes());
        let Self { url, agent } = self.clone();
        let post = move || {
            let mut response = agent
                .post(&url)
                .header(SIGNATURE_HEADER, &signature)
                .content_type("application/json")
                .send(json.as_bytes())?;
            Ok((response.status().as_u16(), read(response.body_mut())?))
        };
        let unreachable = |reason: String| GatewayError::Unreachable { url: self.url.clone(), reason };
        match tokio::task::spawn_blocking(post).await {
            Ok(answer) => answer.map_err(|reason: ureq::Error| unreachable(reason.to_string())),
            Err(_) => Err(unreachable("the request was broken off".to_owned())),
        }
    }
}

/// Whether what goes to this address cannot be read on the way: by TLS, or since it stays on this machine.
pub fn is_protected(url: &str) -> bool {
    url.starts_with("https://") || is_on_this_machine(url, "127.0.0.1")
}

/// Whether the address is plain HTTP to this name of this machine.
pub fn is_on_this_machine(url: &str, name: &str) -> bool {
    let rest = url.strip_prefix("http://").and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_and_a_missing_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert!(matches!(SharedKey::read(&file), Err(KeyFileError::Read { .. })));
        std::fs::write(&file, [7; 31]).unwrap();
        assert!(matches!(SharedKey::read(&file), Err(KeyFileError::Short { octets: 31, .. })));
        std::fs::write(&file, [7; 32]).unwrap();
        assert!(SharedKey::read(&file).is_ok());
    }

    #[test]
    fn only_tls_and_this_machine_are_protected() {
        for url in ["https://a.cn", "http://127.0.0.1", "http://127.0.0.1:80/x", "http://127.0.0.1/x"] {
            assert!(is_protected(url), "{url}");
        }
        for url in ["http://a.cn", "http://127.0.0.1.a.cn/", "http://127.0.0.10/", "ftp://127.0.0.1"] {
            assert!(!is_protected(url), "{url}");
        }
    }
}
