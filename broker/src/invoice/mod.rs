//! Who makes electronic invoices: an issuer's gateway, or none, for demonstrations.

mod file;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use yinqiao_lifecycle::order::{Invoice, Order};
use yinqiao_protocol::Base64;

use crate::gateway::{self, Gateway, SharedKey};

pub use file::InvoiceFile;

/// How long the issuer may take.
const WITHIN: Duration = Duration::from_secs(30);

/// `[invoice]`. Without `url`, a receipt in JSON is made that says that it is no tax invoice.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvoiceSettings {
    /// Where each request is posted to. The answer is `200` with `{"number": text, "file": Base64}`, or `422` with `{"reason": text}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the key that authenticates the broker there (HMAC-SM3), at least 32 octets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// An invoice that was made.
pub struct Made {
    /// 发票号码
    pub number: String,
    /// Its file.
    pub file: Vec<u8>,
}

/// Why there is no invoice.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    /// The issuer refuses.
    #[error("{0}")]
    Refused(String),
    /// The issuer is out of reach, or the settings do not fit.
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Deserialize)]
struct Answer {
    number: String,
    file: Base64,
}

#[derive(Deserialize)]
struct Refusal {
    reason: String,
}

/// Makes invoices.
pub struct InvoiceIssuer {
    gateway: Option<(Gateway, SharedKey)>,
}

impl InvoiceSettings {
    /// Checks the values.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        match (&self.url, &self.key_file) {
            (Some(_), None) | (None, Some(_)) => {
                Err("invoice.url and invoice.key_file go together: the issuer has to know the broker"
                    .to_owned())
            }
            (Some(url), _) if !gateway::is_protected(url) => {
                Err(format!("invoice.url is \"{url}\": it must begin with https://"))
            }
            _ => Ok(()),
        }
    }
}

impl InvoiceIssuer {
    /// With the key in the settings' file.
    ///
    /// # Errors
    /// When it cannot be read, or is too short.
    pub fn new(settings: &InvoiceSettings) -> Result<Self, InvoiceError> {
        let gateway = match (&settings.url, &settings.key_file) {
            (Some(url), Some(path)) => {
                let key =
                    SharedKey::read(path).map_err(|reason| InvoiceError::Unavailable(reason.to_string()))?;
                Some((Gateway::new(url, WITHIN), key))
            }
            _ => None,
        };
        Ok(Self { gateway })
    }

    /// Has an invoice made. Asked again after a crash, the issuer knows by the order that it is the same.
    ///
    /// # Errors
    /// See [`InvoiceError`].
    pub async fn make(&self, order: &Order, asked: &Invoice) -> Result<Made, InvoiceError> {
        let body = json!({
            "order": order.id,
            "requested_at": asked.requested_at,
            "title": asked.request.title,
            "tax_number": asked.request.tax_number,
            "mail": asked.request.mail,
            "amount_fen": order.quote.amount,
        });
        let Some((gateway, key)) = &self.gateway else { return Ok(receipt(order, body)) };
        let unavailable =
            |reason: String| InvoiceError::Unavailable(format!("the invoices' issuer: {reason}"));
        let (status, answer) =
            gateway.ask(key, body.to_string()).await.map_err(|reason| unavailable(reason.to_string()))?;
        match status {
            200 => {
                let Answer { number, file } =
                    serde_json::from_slice(&answer).map_err(|reason| unavailable(reason.to_string()))?;
                Ok(Made {
                    number: number.chars().filter(|c| !c.is_control()).take(40).collect(),
                    file: file.0,
                })
            }
            422 => {
                let Refusal { reason } =
                    serde_json::from_slice(&answer).map_err(|reason| unavailable(reason.to_string()))?;
                Err(InvoiceError::Refused(reason.chars().filter(|c| !c.is_control()).take(200).collect()))
            }
            status => Err(unavailable(format!("status {status}"))),
        }
    }
}

/// What stands for an invoice where no issuer is configured.
fn receipt(order: &Order, mut body: serde_json::Value) -> Made {
    body["notice"] = json!("This is a receipt of a demonstration and no tax invoice. 演示凭据，不是发票。");
    Made { number: format!("RECEIPT-{}", order.id), file: body.to_string().into_bytes() }
}
