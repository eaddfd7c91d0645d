//! The provider as the broker knows it.

use std::time::Duration;

use serde_json::json;

use yinqiao_gm::sm2;
use yinqiao_lifecycle::money::Fen;
use yinqiao_protocol::PaymentId;

use super::PaymentSettings;
use crate::gateway::{Gateway, SharedKey};

/// How long the provider may take.
const WITHIN: Duration = Duration::from_secs(10);

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
    pub(super) key: Option<SharedKey>,
    pub(super) public_key: Option<sm2::PublicKey>,
    text: String,
    refunds: Option<Gateway>,
}

impl PaymentProvider {
    /// With the files of the settings; `public_url` is the broker's address.
    ///
    /// # Errors
    /// When a file does not fit.
    pub fn new(settings: &PaymentSettings, public_url: &str) -> Result<Self, PaymentError> {
        let unfit = |reason: &dyn std::fmt::Display| PaymentError::Settings(reason.to_string());
        let key =
            settings.key_file.as_deref().map(SharedKey::read).transpose().map_err(|reason| unfit(&reason))?;
        let public_key = match &settings.public_key_file {
            None => None,
            Some(path) => {
                let unreadable = |reason: &dyn std::fmt::Display| {
                    unfit(&format!("{} cannot be read: {reason}", path.display()))
                };
                let pem = std::fs::read_to_string(path).map_err(|reason| unreadable(&reason))?;
                Some(sm2::PublicKey::from_pem(&pem).map_err(|reason| unreadable(&reason))?)
            }
        };
        let text = settings.text.clone().unwrap_or_else(|| format!("{public_url}/pay/{{payment}}"));
        let refunds = settings.refund_url.as_deref().map(|url| Gateway::new(url, WITHIN));
        Ok(Self { key, public_key, text, refunds })
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
        let (Some(gateway), Some(key)) = (&self.refunds, &self.key) else { return Ok(()) };
        let body = json!({ "payment": payment, "reference": reference, "amount_fen": amount }).to_string();
        let asked = gateway.hand_over(key, body).await;
        asked.map_err(|reason| PaymentError::Refund(reason.to_string()))
    }
}
