//! How bytes and names are written in the documents.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// DER (or a picture's bytes), written as padded base64.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Der(pub Vec<u8>);

impl Der {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Der {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Der> for String {
    fn from(der: Der) -> Self {
        STANDARD.encode(der.0)
    }
}

impl TryFrom<String> for Der {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, EncodingError> {
        STANDARD.decode(text).map(Self).map_err(|_| EncodingError::Base64)
    }
}

impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Der({} bytes)", self.0.len())
    }
}

/// A certificate's serial number: lower-case hexadecimal, 1 to 20 octets, no leading zero octet.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(String);

impl Serial {
    /// From the INTEGER's content octets, with or without leading zeros.
    ///
    /// # Errors
    /// When nothing is left without leading zeros, or more than 20 octets (RFC 5280 section 4.1.2.2).
    pub fn from_octets(octets: &[u8]) -> Result<Self, EncodingError> {
        let start = octets.iter().position(|octet| *octet != 0).ok_or(EncodingError::Serial)?;
        Self::try_from(hex::encode(&octets[start..]))
    }

    /// The octets, without leading zeros.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        hex::decode(&self.0).unwrap_or_default()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Serial {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, EncodingError> {
        let hexadecimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let sized = (2..=40).contains(&text.len()) && text.len().is_multiple_of(2);
        if hexadecimal && sized && !text.starts_with("00") {
            Ok(Self(text))
        } else {
            Err(EncodingError::Serial)
        }
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a change once and for all: 1 to 128 printable ASCII characters without space.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, EncodingError> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=128).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(EncodingError::IdempotencyKey)
        }
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is not what its member must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodingError {
    /// Not padded base64.
    #[error("not base64 with padding (RFC 4648 section 4)")]
    Base64,
    /// Not a serial number.
    #[error("not a serial number: 1 to 20 octets in lower-case hexadecimal without leading zero octets")]
    Serial,
    /// Not an idempotency key.
    #[error("not an idempotency key: 1 to 128 printable ASCII characters without space")]
    IdempotencyKey,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_serial_number_has_one_spelling() {
        for text in ["", "0", "00", "0001", "AB", "abc", "xy", &"ab".repeat(21)] {
            assert_eq!(Serial::try_from(text.to_owned()), Err(EncodingError::Serial), "{text}");
        }
        assert_eq!(Serial::from_octets(&[0, 0, 0x01, 0xab]).unwrap().as_str(), "01ab");
    }

    #[test]
    fn an_idempotency_key_is_printable_and_bounded() {
        for text in ["", "two words", "line\n", "键", &"k".repeat(129)] {
            assert_eq!(IdempotencyKey::try_from(text.to_owned()), Err(EncodingError::IdempotencyKey));
        }
        assert!(IdempotencyKey::try_from("order-7/1".to_owned()).is_ok());
    }

    proptest! {
        #[test]
        fn bytes_survive_their_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = serde_json::to_string(&Der(bytes.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Der>(&text).unwrap().0, bytes);
        }

        #[test]
        fn a_serial_numbers_octets_survive(bytes in proptest::collection::vec(any::<u8>(), 1..20)) {
            if let Ok(serial) = Serial::from_octets(&bytes) {
                prop_assert_eq!(Serial::from_octets(&serial.to_octets()).unwrap(), serial);
            }
        }
    }
}
