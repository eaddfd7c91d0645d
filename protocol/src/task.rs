//! What a session asks of its holder: the purpose, and the items it is about.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use yinqiao_gm::{cms, sm2, x509};

use crate::binary::{Base64, Sm3Hex};
use crate::identifier::ItemId;

/// The most items that one session carries.
pub const MOST_ITEMS: usize = 1000;

/// What a session is for. Each purpose signs bytes of a type that no other purpose signs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// 登录
    Login,
    /// 签名
    Sign,
    /// 签章
    Seal,
    /// 撤章
    Unseal,
    /// 加密
    Encrypt,
    /// 解密
    Decrypt,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "login",
            Self::Sign => "sign",
            Self::Seal => "seal",
            Self::Unseal => "unseal",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        })
    }
}

/// The object identifier arc of the messages that a `sign` session gives back.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageArc {
    /// 1.2.156.10197.6.1.4.2 (GM/T 0010, GB/T 35275).
    Gmt0010,
    /// 1.2.840.113549.1.7 (RFC 5652).
    #[default]
    Rfc5652,
}

impl From<MessageArc> for cms::Arc {
    fn from(arc: MessageArc) -> Self {
        match arc {
            MessageArc::Gmt0010 => cms::Arc::Gmt0010,
            MessageArc::Rfc5652 => cms::Arc::Rfc5652,
        }
    }
}

/// Which of an enterprise's seals.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    /// 公章
    Official,
    /// 法人章
    LegalRepresentative,
    /// 法人签字
    Signature,
}

/// A document, known by its digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Unique in the session.
    pub id: ItemId,
    /// What the holder reads, usually the file's name: 1 to 255 characters, no control characters.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SM3 of the document's bytes.
    pub sm3: Sm3Hex,
}

/// A document to put a seal on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealPlacement {
    /// Unique in the session.
    pub id: ItemId,
    /// What the holder reads.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SM3 of what is sealed: `dataHash` of GB/T 38540 (for OFD, of Signature.xml).
    pub sm3: Sm3Hex,
    /// `propertyInfo` of GB/T 38540, ASCII: for OFD the absolute path of the signature file.
    pub property_info: String,
    /// Where the picture stands, for the holder's eyes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// Where a seal's picture stands on a page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// From 1.
    pub page: u32,
    /// Tenths of a millimetre from the left edge to the picture's centre.
    pub x: u32,
    /// Tenths of a millimetre from the top edge to the picture's centre.
    pub y: u32,
}

/// A sealed document whose seal is withdrawn.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealedDocument {
    /// Unique in the session.
    pub id: ItemId,
    /// What the holder reads.
    pub name: String,
    /// SM3 of what was sealed.
    pub sm3: Sm3Hex,
    /// SM3 of the DER of the SES_Signature that is withdrawn.
    pub seal_signature_sm3: Sm3Hex,
}

/// A content key to unwrap and wrap anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// Unique in the session.
    pub id: ItemId,
    /// What the holder reads, usually the bid's file name.
    pub name: String,
    /// Bytes of the encrypted document.
    pub size: u64,
    /// DER of SM2Cipher (GM/T 0009) over an SM4 key of 16 bytes.
    pub wrapped_key: Base64,
    /// Serial number of the encryption certificate it was wrapped for, lower-case hexadecimal.
    pub certificate_serial: String,
}

/// A purpose with all that belongs to it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "purpose", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Prove who one is.
    Login {},
    /// A detached CMS SignedData for each document.
    Sign {
        /// Of the messages given back.
        #[serde(default)]
        arc: MessageArc,
        /// What is signed.
        #[serde(default)]
        items: Vec<Document>,
    },
    /// An SES_Signature for each document.
    Seal {
        /// Which seal.
        seal_kind: SealKind,
        /// What is sealed.
        #[serde(default)]
        items: Vec<SealPlacement>,
    },
    /// A signed withdrawal of seals.
    Unseal {
        /// What loses its seal.
        #[serde(default)]
        items: Vec<SealedDocument>,
    },
    /// Consent, and the holder's encryption certificate.
    Encrypt {
        /// What will be encrypted; may be empty.
        #[serde(default)]
        items: Vec<Document>,
    },
    /// Content keys, wrapped anew for the bid system's one-time key.
    Decrypt {
        /// SM2 public key as 65 bytes, 04 ‖ x ‖ y. The bid system makes a new pair for each session.
        one_time_key: Base64,
        /// What is opened.
        #[serde(default)]
        items: Vec<WrappedKey>,
    },
}

/// Why a task is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// More than [`MOST_ITEMS`].
    #[error("{0} items: a session carries at most {MOST_ITEMS}; split them over several sessions")]
    TooMany(usize),
    /// A purpose that needs items has none, and they were not announced as late.
    #[error("no items: give 1 to {MOST_ITEMS}, or open the session with \"late_items\": true")]
    None,
    /// Items were given and announced as late at once, or the purpose has none.
    #[error(
        "\"late_items\" goes with an empty item list and one of the purposes sign, seal, unseal, encrypt, decrypt"
    )]
    LateNotPossible,
    /// Two items with one id.
    #[error("item id \"{0}\" stands twice: ids are unique in a session")]
    Duplicate(ItemId),
    /// A name that cannot be shown.
    #[error("item \"{0}\": a name has 1 to 255 characters and no control characters")]
    Name(ItemId),
    /// Not ASCII, or too long.
    #[error("item \"{0}\": property_info has 1 to 512 ASCII characters")]
    PropertyInfo(ItemId),
    /// Not an SM2Cipher of a 16-byte key.
    #[error("item \"{0}\": wrapped_key is not the DER of an SM2Cipher (GM/T 0009) over a 16-byte SM4 key")]
    WrappedKey(ItemId),
    /// Not a serial number.
    #[error("item \"{0}\": certificate_serial is 2 to 40 lower-case hexadecimal digits")]
    Serial(ItemId),
    /// Not a point of the curve.
    #[error("one_time_key is not an SM2 public key of 65 bytes, 04 ‖ x ‖ y, on the curve")]
    OneTimeKey,
    /// Late items of another purpose, or with other terms than the session was opened with.
    #[error(
        "the items are for another task than the session was opened for: keep purpose and terms, add the items"
    )]
    OtherTask,
}

impl Task {
    /// Its purpose.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Login {} => Purpose::Login,
            Self::Sign { .. } => Purpose::Sign,
            Self::Seal { .. } => Purpose::Seal,
            Self::Unseal { .. } => Purpose::Unseal,
            Self::Encrypt { .. } => Purpose::Encrypt,
            Self::Decrypt { .. } => Purpose::Decrypt,
        }
    }

    /// The ids and names of its items, in order.
    pub fn items(&self) -> Vec<(&ItemId, &str)> {
        match self {
            Self::Login {} => Vec::new(),
            Self::Sign { items, .. } | Self::Encrypt { items } => {
                items.iter().map(|i| (&i.id, i.name.as_str())).collect()
            }
            Self::Seal { items, .. } => items.iter().map(|i| (&i.id, i.name.as_str())).collect(),
            Self::Unseal { items } => items.iter().map(|i| (&i.id, i.name.as_str())).collect(),
            Self::Decrypt { items, .. } => items.iter().map(|i| (&i.id, i.name.as_str())).collect(),
        }
    }

    /// Checks all that can be checked without knowing the holder.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn validate(&self, late_items: bool) -> Result<(), TaskError> {
        let items = self.items();
        if late_items && (!items.is_empty() || self.purpose() == Purpose::Login) {
            return Err(TaskError::LateNotPossible);
        }
        let may_be_empty = late_items || matches!(self.purpose(), Purpose::Login | Purpose::Encrypt);
        if items.is_empty() && !may_be_empty {
            return Err(TaskError::None);
        }
        if items.len() > MOST_ITEMS {
            return Err(TaskError::TooMany(items.len()));
        }
        let mut seen = HashSet::with_capacity(items.len());
        for (id, name) in items {
            if !seen.insert(id) {
                return Err(TaskError::Duplicate(id.clone()));
            }
            if !is_showable(name, 255) {
                return Err(TaskError::Name(id.clone()));
            }
        }
        self.validate_details()
    }

    fn validate_details(&self) -> Result<(), TaskError> {
        match self {
            Self::Seal { items, .. } => {
                for item in items {
                    let info = &item.property_info;
                    if info.is_empty()
                        || info.len() > 512
                        || !info.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
                    {
                        return Err(TaskError::PropertyInfo(item.id.clone()));
                    }
                }
            }
            Self::Decrypt { one_time_key, items } => {
                if one_time_key.0.len() != 65 || sm2::PublicKey::from_sec1(one_time_key.as_slice()).is_err() {
                    return Err(TaskError::OneTimeKey);
                }
                for item in items {
                    let cipher = sm2::Ciphertext::from_der(item.wrapped_key.as_slice())
                        .map_err(|_| TaskError::WrappedKey(item.id.clone()))?;
                    if cipher.ciphertext().len() != 16 {
                        return Err(TaskError::WrappedKey(item.id.clone()));
                    }
                    if !is_serial(&item.certificate_serial) {
                        return Err(TaskError::Serial(item.id.clone()));
                    }
                }
            }
            Self::Login {} | Self::Sign { .. } | Self::Unseal { .. } | Self::Encrypt { .. } => {}
        }
        Ok(())
    }

    /// Whether `other` is this task but for its items: what late items must keep.
    pub fn same_terms(&self, other: &Task) -> bool {
        match (self, other) {
            (Self::Login {}, Self::Login {})
            | (Self::Unseal { .. }, Self::Unseal { .. })
            | (Self::Encrypt { .. }, Self::Encrypt { .. }) => true,
            (Self::Sign { arc, .. }, Self::Sign { arc: other, .. }) => arc == other,
            (Self::Seal { seal_kind, .. }, Self::Seal { seal_kind: other, .. }) => seal_kind == other,
            (Self::Decrypt { one_time_key, .. }, Self::Decrypt { one_time_key: other, .. }) => {
                one_time_key == other
            }
            _ => false,
        }
    }
}

/// Whether a text can be shown to a person on one line: 1 to `most` characters, none a control character or one that
/// changes the direction of writing.
pub fn is_showable(text: &str, most: usize) -> bool {
    let count = text.chars().count();
    (1..=most).contains(&count)
        && !text.chars().any(|c| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        })
}

fn is_serial(text: &str) -> bool {
    (2..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The serial number of a certificate as it is written in [`WrappedKey::certificate_serial`].
pub fn serial_text(certificate: &x509::Certificate) -> String {
    certificate.serial().to_string()
}
