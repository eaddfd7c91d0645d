//! Keeps the secrets that an adapter was given out of what it says.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// What stands in a secret's place.
const MASK: &str = "[secret]";
/// Shorter secrets would mask ordinary words.
const SHORTEST: usize = 4;

/// The spellings of every secret that was given out.
#[derive(Default)]
pub(super) struct Mask {
    /// Written when a secret is handed over, read for each line; both are short.
    spellings: Mutex<Vec<Zeroizing<String>>>,
}

impl Mask {
    /// Remembers a secret: as text, as text within JSON, in hexadecimal, in base64.
    pub(super) fn learn(&self, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut found = vec![
            Zeroizing::new(hex::encode(secret)),
            Zeroizing::new(hex::encode_upper(secret)),
            Zeroizing::new(STANDARD_NO_PAD.encode(secret)),
        ];
        if let Ok(text) = str::from_utf8(secret) {
            let quoted = Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
            found.push(Zeroizing::new(quoted.trim_matches('"').to_owned()));
            found.push(Zeroizing::new(text.to_owned()));
        }
        let mut spellings = self.spellings.lock().unwrap_or_else(PoisonError::into_inner);
        for spelling in found {
            if spelling.len() >= SHORTEST && !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
    }

    /// The text without the secrets.
    pub(super) fn apply(&self, text: &str) -> String {
        let spellings = self.spellings.lock().unwrap_or_else(PoisonError::into_inner);
        spellings.iter().fold(text.to_owned(), |text, spelling| {
            if text.contains(spelling.as_str()) { text.replace(spelling.as_str(), MASK) } else { text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_secret_is_masked() {
        let mask = Mask::default();
        mask.learn(b"p\"ss-word");
        for text in ["p\"ss-word", "p\\\"ss-word", "702273732d776f7264", "702273732D776F7264", "cCJzcy13b3Jk"]
        {
            assert_eq!(mask.apply(&format!("a {text} b")), "a [secret] b");
        }
        assert_eq!(mask.apply("nothing secret"), "nothing secret");
    }

    #[test]
    fn a_very_short_secret_does_not_mask_ordinary_words() {
        let mask = Mask::default();
        mask.learn(b"a");
        assert_eq!(mask.apply("a word"), "a word");
    }
}
