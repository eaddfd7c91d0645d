//! The exact bytes that a phone signs.
//!
//! A signed text is a line that names its type, a line feed, and one JSON object without white space whose members stand
//! in the order of the type's fields. There is one spelling for each content: a text that does not come out again when
//! what was read is written is refused, so a reader sees all that was signed and nothing can hide in it.
//! The first line is the domain: no CMS attribute set (which begins with 31) and no TBS_Sign (which begins with 30) can
//! be mistaken for a signed text (which begins with the letter Y), nor one signed text for another.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use yinqiao_gm::{cms, seal, sm3};

use crate::binary::{Base64, Sm3Hex};
use crate::holder::Holder;
use crate::identifier::{ItemId, RelyingPartyId, SealId, SessionId};
use crate::task::Task;
use crate::timestamp::Timestamp;

/// Why bytes are not a signed text of the expected type.
#[derive(Debug, thiserror::Error)]
pub enum SignedTextError {
    /// The first line is not the type's.
    #[error("the text does not begin with the line \"{0}\"")]
    Domain(&'static str),
    /// Not the type's JSON.
    #[error("the text after its first line is not the expected JSON: {0}")]
    Json(serde_json::Error),
    /// The content has another spelling.
    #[error("the text is not in its one canonical spelling")]
    NotCanonical,
}

/// A type that is signed as text.
pub trait SignedText: DeserializeOwned + Serialize {
    /// The first line, without the line feed.
    const DOMAIN: &'static str;

    /// The bytes to sign.
    ///
    /// # Errors
    /// When a field cannot be written as JSON, which the types of this crate exclude.
    fn to_bytes(&self) -> Result<Vec<u8>, SignedTextError> {
        let mut bytes = Self::DOMAIN.as_bytes().to_vec();
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, self).map_err(SignedTextError::Json)?;
        Ok(bytes)
    }

    /// Reads signed bytes.
    ///
    /// # Errors
    /// When the domain is another, the JSON does not fit, or the spelling is not the canonical one.
    fn from_bytes(bytes: &[u8]) -> Result<Self, SignedTextError> {
        let json = bytes
            .strip_prefix(Self::DOMAIN.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"\n"))
            .ok_or(SignedTextError::Domain(Self::DOMAIN))?;
        let value: Self = serde_json::from_slice(json).map_err(SignedTextError::Json)?;
        if value.to_bytes()? == bytes { Ok(value) } else { Err(SignedTextError::NotCanonical) }
    }
}

/// Who asks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingPartyName {
    /// As registered.
    pub id: RelyingPartyId,
    /// What the holder reads.
    pub name: String,
    /// The verified domain.
    pub domain: String,
}

/// What the bid system wants the holder to read. Shown and signed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// At most 1,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// The seal that a statement is about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSeal {
    /// The broker's name for it.
    pub id: SealId,
    /// 电子印章名称
    pub name: String,
    /// SM3 of the SESeal's DER.
    pub sm3: Sm3Hex,
}

/// The exact content that a holder signs to answer a session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The session answered.
    pub session: SessionId,
    /// 16 random bytes in hexadecimal, new for each session.
    pub nonce: String,
    /// Who asked.
    pub relying_party: RelyingPartyName,
    /// What was shown beside the items.
    pub display: Display,
    /// Who answers.
    pub holder: Holder,
    /// SM3 of the DER of the signing certificate.
    pub certificate_sm3: Sm3Hex,
    /// The code that both screens showed.
    pub match_code: String,
    /// When the session was opened.
    pub opened_at: Timestamp,
    /// When this statement was made: the signing time in messages and seal signatures, in whole seconds.
    pub stated_at: Timestamp,
    /// The seal used, in `seal` sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<NamedSeal>,
    /// Purpose and items.
    pub task: Task,
}

impl SignedText for Statement {
    const DOMAIN: &'static str = "YINQIAO STATEMENT 1";
}

/// Bytes to sign for one item, beside the statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ItemToSign {
    /// Which item.
    pub id: ItemId,
    /// DER: CMS signed attributes in `sign`, TBS_Sign in `seal`.
    pub bytes: Vec<u8>,
}

impl Statement {
    /// The bytes that are signed for each item, made from what the statement says and from nothing else: in `sign` the
    /// CMS signed attributes (RFC 5652 section 5.3), in `seal` TBS_Sign (GB/T 38540), else none.
    ///
    /// # Errors
    /// When a seal is missing, or is not the one that the statement names.
    pub fn items_to_sign(&self, seal_der: Option<&[u8]>) -> Result<Vec<ItemToSign>, ItemToSignError> {
        let time = self.stated_at.seconds();
        match &self.task {
            Task::Sign { arc, items } => items
                .iter()
                .map(|item| {
                    let bytes = cms::SignedAttributes::build((*arc).into(), &item.sm3.0, time)
                        .map_err(|e| ItemToSignError::Encoding(e.to_string()))?;
                    Ok(ItemToSign { id: item.id.clone(), bytes })
                })
                .collect(),
            Task::Seal { items, .. } => {
                let der = seal_der.ok_or(ItemToSignError::SealMissing)?;
                let named = self.seal.as_ref().ok_or(ItemToSignError::SealMissing)?;
                if Sm3Hex::of(der) != named.sm3 {
                    return Err(ItemToSignError::OtherSeal);
                }
                items
                    .iter()
                    .map(|item| {
                        let bytes = seal::TbsSign::build(der, time, &item.sm3.0, &item.property_info)
                            .map_err(|e| ItemToSignError::Encoding(e.to_string()))?;
                        Ok(ItemToSign { id: item.id.clone(), bytes })
                    })
                    .collect()
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Why an item's bytes cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ItemToSignError {
    /// A `seal` session needs one.
    #[error("the session is for sealing but has no seal")]
    SealMissing,
    /// Its digest differs.
    #[error("the seal is not the one that the statement names")]
    OtherSeal,
    /// A structure refuses the content.
    #[error("the item cannot be encoded: {0}")]
    Encoding(String),
}

/// What a phone signs with its device key when it claims a session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The text of the scanned code.
    pub code: String,
    /// SM3 of the DER of the signing certificate that will answer.
    pub certificate_sm3: Sm3Hex,
    /// Which seal, where the holder has several of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealId>,
    /// Serial numbers of the encryption certificates whose keys this phone holds: a phone that cannot open a bid is
    /// turned away before it takes the session from the one that can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decrypts: Vec<String>,
    /// 16 random bytes in hexadecimal. The same claim sent again gets the same answer.
    pub nonce: String,
}

impl SignedText for Claim {
    const DOMAIN: &'static str = "YINQIAO CLAIM 1";
}

/// What a phone signs with its device key when it enrols.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// SM3 of the one-time code's text.
    pub code_sm3: Sm3Hex,
    /// PKCS#10 request of the signing key, DER.
    pub certificate_request: Base64,
    /// The device key, 65 bytes, 04 ‖ x ‖ y.
    pub device_key: Base64,
}

impl SignedText for Enrolment {
    const DOMAIN: &'static str = "YINQIAO ENROLMENT 1";
}

/// What a phone signs, beside the statement, when it has wrapped content keys anew: so that nobody on the way can put
/// other keys in their place.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedKeys {
    /// SM3 of the statement's bytes.
    pub statement_sm3: Sm3Hex,
    /// In the order of the statement's items.
    pub items: Vec<OpenedKey>,
}

/// One content key, wrapped for the bid system's one-time key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedKey {
    /// Which item.
    pub id: ItemId,
    /// SM3 of the DER of the new SM2Cipher.
    pub rewrapped_key_sm3: Sm3Hex,
}

impl SignedText for OpenedKeys {
    const DOMAIN: &'static str = "YINQIAO OPENED KEYS 1";
}

/// SM3 over the parts, each preceded by its length as eight bytes, so that no two lists of parts collide.
pub fn digest_of_parts(parts: &[&[u8]]) -> Sm3Hex {
    let mut hasher = sm3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Sm3Hex(hasher.finalize())
}
