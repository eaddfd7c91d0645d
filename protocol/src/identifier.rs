//! Names of things. Each kind is a type of its own; each is checked when it is read.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind}: {rule}")]
pub struct IdentifierError {
    kind: &'static str,
    rule: &'static str,
}

macro_rules! uuid_identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = "uuid"))]
        pub struct $name(Uuid);

        impl $name {
            /// A new one with 122 random bits.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From 16 bytes as given by `as_bytes`.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;
            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                let error = IdentifierError {
                    kind: $kind,
                    rule: "must be a lower-case UUID with hyphens",
                };
                let uuid = Uuid::try_parse(text).map_err(|_| error.clone())?;
                if uuid.hyphenated().to_string() == text { Ok(Self(uuid)) } else { Err(error) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

uuid_identifier!(
    /// A session: one QR code and what becomes of it. Public: it stands in the code.
    SessionId,
    "session"
);
uuid_identifier!(
    /// A group of sessions of one bid opening (开标).
    OpeningId,
    "opening"
);
uuid_identifier!(
    /// A person or enterprise that holds certificates.
    HolderId,
    "holder"
);
uuid_identifier!(
    /// An electronic seal (电子印章) known to the broker.
    SealId,
    "seal"
);
uuid_identifier!(
    /// A person who signs in.
    UserId,
    "user"
);
uuid_identifier!(
    /// A phone that is signed in.
    DeviceSessionId,
    "device session"
);
uuid_identifier!(
    /// An attempt to sign in.
    SignInId,
    "sign-in"
);
uuid_identifier!(
    /// An application for a certificate, from application to download.
    OrderId,
    "order"
);
uuid_identifier!(
    /// What is paid for an order. It stands in the picture that is scanned to pay.
    PaymentId,
    "payment"
);
uuid_identifier!(
    /// An application for a seal.
    SealApplicationId,
    "seal application"
);
uuid_identifier!(
    /// A removal with everything that follows from it.
    CascadeId,
    "cascade"
);
uuid_identifier!(
    /// A request to get an encryption key back.
    RecoveryId,
    "key recovery"
);
uuid_identifier!(
    /// A message to a person.
    MessageId,
    "message"
);
uuid_identifier!(
    /// A member of a trading centre's staff.
    OperatorId,
    "operator"
);

macro_rules! text_identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;
            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > $max || !text.bytes().all(allowed) {
                    return Err(IdentifierError { kind: $kind, rule: $rule });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

text_identifier!(
    /// A bid system registered with the broker; chosen by the operator at registration.
    RelyingPartyId,
    "relying party id",
    32,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-',
    "must be 1 to 32 characters of a-z, 0-9 and '-'"
);
text_identifier!(
    /// A document or wrapped key within one session; chosen by the bid system, unique in the session.
    ItemId,
    "item id",
    64,
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, '-', '_' and '.'"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_with_foreign_characters_is_refused() {
        assert!("a b".parse::<ItemId>().is_err());
        assert!("".parse::<ItemId>().is_err());
        assert!("x".repeat(65).parse::<ItemId>().is_err());
        assert!("Bid".parse::<RelyingPartyId>().is_err());
    }

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::random();
        assert_eq!(id.to_string().parse::<SessionId>().unwrap(), id);
        assert!(id.to_string().to_uppercase().parse::<SessionId>().is_err());
    }
}
