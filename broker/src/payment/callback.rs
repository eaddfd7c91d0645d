//! The provider's word, as it comes over HTTP.
//!
//! `POST /v1/payments/callback` with the JSON `{"event": "paid" | "refunded", "payment": id, "reference": text, "amount_fen":
//! number}` and the header `Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX` or `t=SECONDS,sm2=HEX`: HMAC-SM3 under the shared key, or
//! an SM2 signature (r ‖ s, default signer's ID), over the seconds in decimal, a full stop and the body.

use serde::Deserialize;
use utoipa::ToSchema;

use yinqiao_gm::sm2;
use yinqiao_lifecycle::money::Fen;
use yinqiao_lifecycle::order::PaymentWord;
use yinqiao_protocol::{PaymentId, Timestamp};

use super::PaymentProvider;

/// How old a word may be, in seconds, and how far from the future.
const MOST_SKEW_SECONDS: u64 = 300;

/// Why a word does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallbackError {
    /// Nobody's word counts.
    #[error("no payment provider is configured: payments are confirmed by an operator")]
    NoProvider,
    /// The header is missing or not of the expected shape.
    #[error("send the header Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX or t=SECONDS,sm2=HEX")]
    Header,
    /// It cannot be checked here.
    #[error("no key is configured for this kind of signature")]
    NoKey,
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

/// What the provider says of a payment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentNotice {
    /// What happened.
    event: PaymentEvent,
    /// To which payment: it stands in the picture that was scanned.
    payment: PaymentId,
    /// What the provider calls it.
    reference: String,
    /// How much has come or was given back, in 分.
    amount_fen: u64,
}

/// What happened to a payment.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentEvent {
    /// Money has come.
    Paid,
    /// It was given back.
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
        if seconds.abs_diff(now.seconds()) > MOST_SKEW_SECONDS {
            return Err(CallbackError::Time);
        }
        let genuine = match (kind, &self.key, &self.public_key) {
            ("hmac-sm3", Some(key), _) => key.verifies(seconds, body, &value),
            ("sm2", _, Some(key)) => is_signature(key, seconds, body, &value),
            ("hmac-sm3" | "sm2", _, _) => return Err(CallbackError::NoKey),
            _ => return Err(CallbackError::Header),
        };
        if !genuine {
            return Err(CallbackError::Signature);
        }
        let body: PaymentNotice =
            serde_json::from_slice(body).map_err(|error| CallbackError::Body(error.to_string()))?;
        let (reference, amount) = (body.reference, Fen(body.amount_fen));
        let word = match body.event {
            PaymentEvent::Paid => PaymentWord::Paid { reference, amount },
            PaymentEvent::Refunded => PaymentWord::Refunded { reference, amount },
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::payment::PaymentSettings;

    fn provider() -> PaymentProvider {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        fs::write(&key_file, [7; 32]).unwrap();
        let settings = PaymentSettings { key_file: Some(key_file), ..PaymentSettings::default() };
        PaymentProvider::new(&settings, "http://127.0.0.1").unwrap()
    }

    fn refused(header: &str) -> CallbackError {
        let now = Timestamp::from_millis(1_800_000_000_000);
        provider().read(Some(header), b"{}", now).unwrap_err()
    }

    #[test]
    fn a_word_of_the_end_of_time_is_refused_like_any_old_one() {
        for seconds in [i64::MIN, i64::MAX, 0] {
            assert_eq!(refused(&format!("t={seconds},hmac-sm3=00")), CallbackError::Time);
        }
    }

    #[test]
    fn a_signature_that_cannot_be_checked_is_none() {
        assert_eq!(refused("t=1800000000,sm2=00"), CallbackError::NoKey);
        assert_eq!(refused("t=1800000000,hmac-sm3=00"), CallbackError::Signature);
        assert_eq!(refused("t=1800000000,md5=00"), CallbackError::Header);
    }

    fn at() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    /// A provider that signs, its key, and its word.
    fn signer() -> (PaymentProvider, sm2::PrivateKey, Vec<u8>) {
        let (folder, key) = (tempfile::tempdir().unwrap(), sm2::PrivateKey::generate().unwrap());
        let public_key_file = folder.path().join("provider.pem");
        fs::write(&public_key_file, key.public_key().to_pem().unwrap()).unwrap();
        let settings =
            PaymentSettings { public_key_file: Some(public_key_file), ..PaymentSettings::default() };
        let payment = PaymentId::from_bytes([9; 16]);
        let word = serde_json::json!({ "event": "paid", "payment": payment, "reference": "wx-1", "amount_fen": 20_000 });
        let provider = PaymentProvider::new(&settings, "http://127.0.0.1").unwrap();
        (provider, key, word.to_string().into_bytes())
    }

    fn header(key: &sm2::PrivateKey, seconds: i64, body: &[u8]) -> String {
        let signature = key.sign(&[seconds.to_string().as_bytes(), b".", body].concat()).unwrap();
        format!("t={seconds},sm2={}", hex::encode(signature.to_raw()))
    }

    #[test]
    fn a_word_with_the_providers_sm2_signature_counts() {
        let (provider, key, body) = signer();
        for seconds in [at().seconds(), at().seconds() - 300, at().seconds() + 300] {
            let (payment, word) = provider.read(Some(&header(&key, seconds, &body)), &body, at()).unwrap();
            assert_eq!(payment, PaymentId::from_bytes([9; 16]));
            assert_eq!(word, PaymentWord::Paid { reference: "wx-1".into(), amount: Fen(20_000) });
        }
    }

    #[test]
    fn a_signed_word_that_was_altered_or_is_old_or_of_another_does_not_count() {
        let (provider, key, body) = signer();
        let (now, other) = (at().seconds(), sm2::PrivateKey::generate().unwrap());
        let read = |header: &str, body: &[u8]| provider.read(Some(header), body, at()).unwrap_err();
        let genuine = header(&key, now, &body);
        let dearer = String::from_utf8(body.clone()).unwrap().replace("20000", "30000");
        let later = genuine.replace(&now.to_string(), &(now + 1).to_string());
        let cut_short = &genuine[..genuine.len() - 2];
        assert_eq!(read(&genuine, dearer.as_bytes()), CallbackError::Signature);
        assert_eq!(read(&later, &body), CallbackError::Signature);
        assert_eq!(read(cut_short, &body), CallbackError::Signature);
        assert_eq!(read(&header(&other, now, &body), &body), CallbackError::Signature);
        for seconds in [now - 301, now + 301] {
            assert_eq!(read(&header(&key, seconds, &body), &body), CallbackError::Time);
        }
        assert_eq!(read(&genuine.replace("sm2", "hmac-sm3"), &body), CallbackError::NoKey);
    }
}
