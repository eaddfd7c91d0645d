//! Bearer secrets: API keys, websocket tokens, claim tokens, enrolment codes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use yinqiao_gm::sm3;

use crate::binary::Sm3Hex;

/// A secret text of at most 128 characters. `Debug` prints nothing of it; it is zeroized when dropped.
/// The side that checks a token stores only its [`Token::digest`].
#[derive(Clone)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[!-~]+$"))]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A token of 32 bytes of randomness, in Base64url (43 characters).
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self::from_bytes(bytes.as_ref()))
    }

    /// The Base64url form of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The bytes that [`Token::from_bytes`] was given; `None` where the text is no Base64url.
    pub fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        URL_SAFE_NO_PAD.decode(self.0.as_bytes()).ok().map(Zeroizing::new)
    }

    /// A token from its text; `None` where the text is empty or longer than 128 characters.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic()))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one place that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SM3 of the text: what is stored in the token's place. The token has 256 bits of randomness, so no salt is needed.
    pub fn digest(&self) -> Sm3Hex {
        Sm3Hex(sm3::digest(self.0.as_bytes()))
    }

    /// Whether `stored` is this token's digest, in constant time.
    pub fn matches(&self, stored: &Sm3Hex) -> bool {
        self.digest().as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).ok_or_else(|| D::Error::custom("a token is 1 to 128 visible characters"))
    }
}
