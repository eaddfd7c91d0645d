//! The provider as the broker knows it.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use yinqiao_gm::{sm2, sm3};
use yinqiao_lifecycle::money::Fen;
use yinqiao_protocol::PaymentId;

use super::PaymentSettings;
use crate::clock;

/// How long the provider may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Octets of a shared key at least.
const SHORTEST_KEY: usize = 32;

/// Why there is no provider, or it does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// A file of the settings does not fit.
    #[error("{0}")]
    Settings(String),
    /// It does not take the request.
    #[error("the payment provider does not take the refund: {0}")]
    Refund(String),
}

/// Who takes payments.
pub struct PaymentProvider {
    pub(super) key: Option<Zeroizing<Vec<u8>>>,
    pub(super) public_key: Option<sm2::PublicKey>,
    text: String,
    refund_url: Option<String>,
    agent: ureq::Agent,
}

impl PaymentProvider {
    /// With the files of the settings; `public_url` is the broker's address.
    ///
    /// # Errors
    /// When a file does not fit.
    pub fn new(settings: &PaymentSettings, public_url: &str) -> Result<Self, PaymentError> {
        let unreadable = |path: &Path, reason: &dyn std::fmt::Display| {
            PaymentError::Settings(format!("{} cannot be read: {reason}", path.display()))
        };
        let key = match &settings.key_file {
            None => None,
            Some(path) => {
                let key =
                    std::fs::read(path).map(Zeroizing::new).map_err(|reason| unreadable(path, &reason))?;
                if key.len() < SHORTEST_KEY {
                    let text = format!("{}: a key has at least {SHORTEST_KEY} octets", path.display());
                    return Err(PaymentError::Settings(text));
                }
                Some(key)
            }
        };
        let public_key = match &settings.public_key_file {
            None => None,
            Some(path) => {
                let pem = std::fs::read_to_string(path).map_err(|reason| unreadable(path, &reason))?;
                Some(sm2::PublicKey::from_pem(&pem).map_err(|reason| unreadable(path, &reason))?)
            }
        };
        let text = settings.text.clone().unwrap_or_else(|| format!("{public_url}/pay/{{payment}}"));
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(WITHIN)).max_redirects(0).build().into();
        Ok(Self { key, public_key, text, refund_url: settings.refund_url.clone(), agent })
    }

    /// What the picture says that is scanned to pay.
    #[must_use]
    pub fn text(&self, payment: PaymentId, amount: Fen) -> String {
        self.text.replace("{payment}", &payment.to_string()).replace("{amount}", &amount.0.to_string())
    }

    /// Asks to give a payment back. Asking twice is harmless: the reference says that it is the same. Without an address for it
    /// nothing is asked, and an operator gives it back by hand.
    ///
    /// # Errors
    /// When the provider does not take the request.
    pub async fn ask_refund(
        &self,
        payment: PaymentId,
        reference: &str,
        amount: Fen,
    ) -> Result<(), PaymentError> {
        let (Some(url), Some(key)) = (self.refund_url.clone(), &self.key) else { return Ok(()) };
        let body = json!({ "payment": payment, "reference": reference, "amount_fen": amount }).to_string();
        let seconds = clock::now().seconds();
        let mac = sm3::hmac(key, &[seconds.to_string().as_bytes(), b".", body.as_bytes()]);
        let signature = format!("t={seconds},hmac-sm3={}", hex::encode(mac.as_bytes()));
        let agent = self.agent.clone();
        let post = move || {
            agent
                .post(&url)
                .header("Yinqiao-Signature", &signature)
                .content_type("application/json")
                .send(body.as_bytes())
                .map(drop)
                .map_err(|reason| PaymentError::Refund(reason.to_string()))
        };
        match tokio::task::spawn_blocking(post).await {
            Ok(asked) => asked,
            Err(_) => Err(PaymentError::Refund("the request was broken off".to_owned())),
        }
    }
}
