//! Who makes electronic invoices: an issuer's gateway, or none, for demonstrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use yinqiao_gm::sm3;
use yinqiao_lifecycle::order::{Invoice, Order};
use yinqiao_protocol::Base64;

use crate::clock;

/// How long the issuer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Octets of its answer at most.
const MOST_OCTETS: u64 = 8 << 20;

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
    gateway: Option<(String, Zeroizing<Vec<u8>>)>,
    agent: ureq::Agent,
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
            (Some(url), _) if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") => {
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
            (Some(url), Some(path)) => Some((url.clone(), read_key(path)?)),
            _ => None,
        };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        Ok(Self { gateway, agent })
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
        let Some((url, key)) = &self.gateway else { return Ok(receipt(order, body)) };
        let body = body.to_string();
        let seconds = clock::now().seconds();
        let mac = sm3::hmac(key, &[seconds.to_string().as_bytes(), b".", body.as_bytes()]);
        let signature = format!("t={seconds},hmac-sm3={}", hex::encode(mac.as_bytes()));
        let (agent, url) = (self.agent.clone(), url.clone());
        match tokio::task::spawn_blocking(move || post(&agent, &url, &signature, body.as_bytes())).await {
            Ok(made) => made,
            Err(_) => Err(InvoiceError::Unavailable("the request was broken off".to_owned())),
        }
    }
}

fn post(agent: &ureq::Agent, url: &str, signature: &str, body: &[u8]) -> Result<Made, InvoiceError> {
    let unavailable = |reason: String| InvoiceError::Unavailable(format!("the invoices' issuer: {reason}"));
    let mut response = agent
        .post(url)
        .header("Yinqiao-Signature", signature)
        .content_type("application/json")
        .send(body)
        .map_err(|reason| unavailable(reason.to_string()))?;
    let status = response.status().as_u16();
    let answer = response
        .body_mut()
        .with_config()
        .limit(MOST_OCTETS)
        .read_to_vec()
        .map_err(|reason| unavailable(reason.to_string()))?;
    match status {
        200 => {
            let Answer { number, file } =
                serde_json::from_slice(&answer).map_err(|reason| unavailable(reason.to_string()))?;
            Ok(Made { number: number.chars().filter(|c| !c.is_control()).take(40).collect(), file: file.0 })
        }
        422 => {
            let Refusal { reason } =
                serde_json::from_slice(&answer).map_err(|reason| unavailable(reason.to_string()))?;
            Err(InvoiceError::Refused(reason.chars().filter(|c| !c.is_control()).take(200).collect()))
        }
        status => Err(unavailable(format!("status {status}"))),
    }
}

/// What stands for an invoice where no issuer is configured.
fn receipt(order: &Order, mut body: serde_json::Value) -> Made {
    body["notice"] = json!("This is a receipt of a demonstration and no tax invoice. 演示凭据，不是发票。");
    Made { number: format!("RECEIPT-{}", order.id), file: body.to_string().into_bytes() }
}

fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, InvoiceError> {
    let unfit = |reason: &dyn std::fmt::Display| {
        InvoiceError::Unavailable(format!("{} does not fit as a key: {reason}", path.display()))
    };
    let key = std::fs::read(path).map(Zeroizing::new).map_err(|reason| unfit(&reason))?;
    if key.len() < 32 { Err(unfit(&"it has fewer than 32 octets")) } else { Ok(key) }
}
