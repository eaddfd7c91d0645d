//! The provider's word, as it comes over HTTP.
//!
//! `POST /v1/payments/callback` with the JSON `{"event": "paid" | "refunded", "payment": id, "reference": text, "amount_fen":
//! number}` and the header `Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX` or `t=SECONDS,sm2=HEX`: HMAC-SM3 under the shared key, or
//! an SM2 signature (r ‖ s, default signer's ID), over the seconds in decimal, a full stop and the body.

use serde::Deserialize;

use yinqiao_gm::sm2;
use yinqiao_lifecycle::money::Fen;
use yinqiao_lifecycle::order::PaymentWord;
use yinqiao_protocol::{PaymentId, Timestamp};

use super::PaymentProvider;

/// How old a word may be, in seconds, and how far from the future.
const MOST_SKEW_SECONDS: i64 = 300;

/// Why a word does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallbackError {
    /// Nobody's word counts.
    #[error("no payment provider is configured: payments are confirmed by an operator")]
    NoProvider,
    /// The header is missing or not of the expected shape.
    #[error("send the header Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX or t=SECONDS,sm2=HEX")]
    Header,
    /// Too old, or from the future.
    #[error("the signature's time is not of now: sign it anew, with the right clock")]
    Time,
    /// The signature is wrong.
    #[error("the signature does not verify")]
    Signature,
    /// The body is not what it should be.
    #[error("the body is not the JSON expected here: {0}")]
    Body(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    event: Event,
    payment: PaymentId,
    reference: String,
    #[serde(default)]
    amount_fen: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Paid,
    Refunded,
}

impl PaymentProvider {
    /// Reads a word and checks whose it is.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub fn read(
        &self,
        header: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(PaymentId, PaymentWord), CallbackError> {
        if self.key.is_none() && self.public_key.is_none() {
            return Err(CallbackError::NoProvider);
        }
        let (seconds, kind, value) = header.and_then(parts).ok_or(CallbackError::Header)?;
        if (seconds - now.seconds()).abs() > MOST_SKEW_SECONDS {
            return Err(CallbackError::Time);
        }
        let genuine = match (kind, &self.key, &self.public_key) {
            ("hmac-sm3", Some(key), _) => key.verifies(seconds, body, &value),
            ("sm2", _, Some(key)) => is_signature(key, seconds, body, &value),
            _ => return Err(CallbackError::Header),
        };
        if !genuine {
            return Err(CallbackError::Signature);
        }
        let body: Body =
            serde_json::from_slice(body).map_err(|error| CallbackError::Body(error.to_string()))?;
        let word = match body.event {
            Event::Paid => PaymentWord::Paid { reference: body.reference, amount: Fen(body.amount_fen) },
            Event::Refunded => PaymentWord::Refunded { reference: body.reference },
        };
        Ok((body.payment, word))
    }
}

fn parts(header: &str) -> Option<(i64, &str, Vec<u8>)> {
    let (time, signature) = header.split_once(',')?;
    let (kind, value) = signature.trim().split_once('=')?;
    Some((time.trim().strip_prefix("t=")?.parse().ok()?, kind, hex::decode(value).ok()?))
}

fn is_signature(key: &sm2::PublicKey, seconds: i64, body: &[u8], value: &[u8]) -> bool {
    let message = [seconds.to_string().as_bytes(), b".", body].concat();
    let signature = <[u8; 64]>::try_from(value).ok().and_then(|raw| sm2::Signature::from_raw(raw).ok());
    signature.is_some_and(|signature| key.verify(&message, &signature).is_ok())
}
