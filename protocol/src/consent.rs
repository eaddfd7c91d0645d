//! Consent of several operators to one thing: the text that each of them signs, and the check of their signatures.
//!
//! Whoever can write files or run commands as the service's user is not thereby a second person: a consent counts by
//! the SM2 signature of an operator's own key over a text that names the thing and the digest of its whole content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use yinqiao_gm::sm2::{PrivateKey, PublicKey, Signature};

use crate::binary::{Base64, Sm3Hex};
use crate::statement::{SignedText, SignedTextError};
use crate::timestamp::Timestamp;

/// The longest name of an operator, in characters.
const NAME_LIMIT: usize = 60;

/// Why something is not consented to, or a consent cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// An operator's name is empty, too long or has control characters.
    #[error("an operator's name has 1 to 60 characters and no control characters")]
    Name,
    /// Two operators with one name.
    #[error("two operators are called \"{0}\"")]
    SameName(String),
    /// Two operators with one key would be one person.
    #[error("the operators \"{0}\" and \"{1}\" have the same key")]
    SameKey(String, String),
    /// A public key that is none.
    #[error(
        "the public key of the operator \"{0}\" is not an SM2 key: give the Base64 of its SubjectPublicKeyInfo"
    )]
    Key(String),
    /// More consents are needed than there are operators.
    #[error("{needed} consents are needed, but there are {operators} operators")]
    TooFew {
        /// Consents.
        needed: usize,
        /// Operators.
        operators: usize,
    },
    /// Nobody of this name.
    #[error("no operator is called \"{0}\"")]
    Unknown(String),
    /// Signed by another key, or another text.
    #[error("the consent of the operator \"{0}\" is not signed by that operator's key for this very content")]
    Signature(String),
    /// The text cannot be written.
    #[error(transparent)]
    Text(#[from] SignedTextError),
    /// The signature cannot be made or written.
    #[error("the consent cannot be signed: {0}")]
    Sign(yinqiao_gm::Error),
}

/// An operator's name; ordered, so that lists are the same each time.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);

impl OperatorName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OperatorName {
    type Error = ConsentError;

    fn try_from(name: String) -> Result<Self, ConsentError> {
        let shown = !name.trim().is_empty() && name.chars().count() <= NAME_LIMIT;
        if shown && !name.chars().any(char::is_control) { Ok(Self(name)) } else { Err(ConsentError::Name) }
    }
}

impl From<OperatorName> for String {
    fn from(name: OperatorName) -> Self {
        name.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is consented to. Who signs sees `action`, `subject` and `summary`; `content_sm3` binds the rest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentText {
    /// What is to be done: "adapter add", "key recovery".
    pub action: String,
    /// To what: the adapter's name, the certificate's serial number.
    pub subject: String,
    /// What an operator must see before consenting, by name: digests, versions, holders. Nothing secret.
    pub summary: BTreeMap<String, String>,
    /// SM3 of the whole content, as the verifier keeps it.
    pub content_sm3: Sm3Hex,
    /// Names this one request, so that a consent cannot serve a second one of the same content.
    pub request: String,
    /// A consent that comes later does not count.
    pub expires_at: Timestamp,
}

impl SignedText for ConsentText {
    const DOMAIN: &'static str = "YINQIAO CONSENT 1";
}

/// One operator's consent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Who.
    pub operator: OperatorName,
    /// DER of the SM2 signature (GM/T 0009 clause 7.3) over the text's bytes, with the default identifier.
    pub signature: Base64,
}

impl Consent {
    /// Signs `text` as `operator`.
    ///
    /// # Errors
    /// When text or signature cannot be written.
    pub fn sign(text: &ConsentText, operator: OperatorName, key: &PrivateKey) -> Result<Self, ConsentError> {
        let signature = key.sign(&text.to_bytes()?).map_err(ConsentError::Sign)?;
        let signature = Base64(signature.to_der().map_err(ConsentError::Sign)?);
        Ok(Self { operator, signature })
    }
}

/// An operator, as settings name one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorKey {
    /// Who.
    pub name: OperatorName,
    /// DER of the SubjectPublicKeyInfo of an SM2 key (GB/T 35276).
    pub public_key: Base64,
}

/// Who may consent, and how many of them are needed.
#[derive(Clone, Debug)]
pub struct Operators {
    keys: BTreeMap<OperatorName, PublicKey>,
    needed: usize,
}

impl Operators {
    /// `needed` of `operators`.
    ///
    /// # Errors
    /// When a name or key comes twice, a key is none, or there are fewer operators than consents needed.
    pub fn new(operators: &[OperatorKey], needed: usize) -> Result<Self, ConsentError> {
        let mut keys: BTreeMap<OperatorName, PublicKey> = BTreeMap::new();
        for operator in operators {
            let key = PublicKey::from_spki_der(operator.public_key.as_slice())
                .map_err(|_| ConsentError::Key(operator.name.to_string()))?;
            if let Some((other, _)) = keys.iter().find(|(_, known)| known.to_sec1() == key.to_sec1()) {
                return Err(ConsentError::SameKey(other.to_string(), operator.name.to_string()));
            }
            if keys.insert(operator.name.clone(), key).is_some() {
                return Err(ConsentError::SameName(operator.name.to_string()));
            }
        }
        if keys.len() < needed {
            return Err(ConsentError::TooFew { needed, operators: keys.len() });
        }
        Ok(Self { keys, needed })
    }

    /// Consents of how many different operators are needed.
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// Whether `consent` is that of a known operator to this very text. The caller has compared the time with
    /// [`ConsentText::expires_at`].
    ///
    /// # Errors
    /// [`ConsentError::Unknown`], [`ConsentError::Signature`].
    pub fn verify(&self, text: &ConsentText, consent: &Consent) -> Result<(), ConsentError> {
        let name = &consent.operator;
        let key = self.keys.get(name).ok_or_else(|| ConsentError::Unknown(name.to_string()))?;
        let wrong = |_| ConsentError::Signature(name.to_string());
        let signature = Signature::from_der(consent.signature.as_slice()).map_err(wrong)?;
        key.verify(&text.to_bytes()?, &signature).map_err(wrong)
    }

    /// The operators among `consents` whose consent to `text` holds, each once.
    pub fn consenting(&self, text: &ConsentText, consents: &[Consent]) -> BTreeSet<OperatorName> {
        let holds = |consent: &&Consent| self.verify(text, consent).is_ok();
        consents.iter().filter(holds).map(|consent| consent.operator.clone()).collect()
    }

    /// Whether enough different operators consent.
    pub fn suffice(&self, text: &ConsentText, consents: &[Consent]) -> bool {
        self.consenting(text, consents).len() >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> OperatorName {
        text.to_owned().try_into().unwrap()
    }

    fn operator(text: &str, key: &PrivateKey) -> OperatorKey {
        OperatorKey { name: name(text), public_key: Base64(key.public_key().to_spki_der().unwrap()) }
    }

    fn text() -> ConsentText {
        ConsentText {
            action: "adapter upgrade".into(),
            subject: "softca".into(),
            summary: BTreeMap::from([("version".into(), "2".into())]),
            content_sm3: Sm3Hex::of(b"content"),
            request: "1".into(),
            expires_at: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn two_different_operators_suffice_and_one_that_signs_twice_does_not() {
        let (first, second) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let operators = Operators::new(&[operator("one", &first), operator("two", &second)], 2).unwrap();
        let consent = |who: &str, key| Consent::sign(&text(), name(who), key).unwrap();
        let twice = [consent("one", &first), consent("one", &first)];
        assert!(!operators.suffice(&text(), &twice));
        assert!(operators.suffice(&text(), &[consent("one", &first), consent("two", &second)]));
    }

    #[test]
    fn a_consent_under_another_name_or_to_another_text_does_not_count() {
        let (first, second) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let operators = Operators::new(&[operator("one", &first), operator("two", &second)], 1).unwrap();
        let foreign = Consent::sign(&text(), name("two"), &first).unwrap();
        assert!(matches!(operators.verify(&text(), &foreign), Err(ConsentError::Signature(_))));
        let mut changed = vec![text(); 6];
        changed[0].action = "adapter add".into();
        changed[1].subject = "other".into();
        changed[2].summary.clear();
        changed[3].content_sm3 = Sm3Hex::of(b"other");
        changed[4].request = "2".into();
        changed[5].expires_at = Timestamp::from_millis(2_000);
        let consent = Consent::sign(&text(), name("one"), &first).unwrap();
        assert!(operators.verify(&text(), &consent).is_ok());
        for other in changed {
            assert!(
                matches!(operators.verify(&other, &consent), Err(ConsentError::Signature(_))),
                "{other:?}"
            );
        }
        let unknown = Consent { operator: name("three"), ..consent };
        assert!(matches!(operators.verify(&text(), &unknown), Err(ConsentError::Unknown(_))));
    }

    #[test]
    fn operators_that_would_be_one_person_are_refused() {
        let key = PrivateKey::generate().unwrap();
        let same_key = [operator("one", &key), operator("two", &key)];
        assert!(matches!(Operators::new(&same_key, 1), Err(ConsentError::SameKey(..))));
        let other = PrivateKey::generate().unwrap();
        let same_name = [operator("one", &key), operator("one", &other)];
        assert!(matches!(Operators::new(&same_name, 1), Err(ConsentError::SameName(_))));
        assert!(matches!(Operators::new(&[operator("one", &key)], 2), Err(ConsentError::TooFew { .. })));
    }
}
