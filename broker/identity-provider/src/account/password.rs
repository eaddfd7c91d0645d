//! Passwords: rules of NIST SP 800-63B-4 section 3.1.1.2, kept as Argon2id hashes (RFC 9106).

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::UserName;
use crate::refusal::{Field, Refusal};

/// The most characters; the standard asks for at least 64.
const LONGEST: usize = 128;

/// Long ones that everybody tries. Runs and repetitions are found by rule.
const OFTEN_USED: [&str; 6] = [
    "correcthorsebatterystaple",
    "passwordpassword",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
];

/// A password as given: any characters of Unicode but controls, nothing cut off. `Debug` shows nothing; zeroized.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// As given at sign-in; no rule is checked.
    #[must_use]
    pub fn given(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// A new password of at least `shortest` characters. There are no rules about kinds of characters; what is easily guessed
    /// is refused.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the rule.
    pub fn chosen(text: Zeroizing<String>, shortest: usize, user_name: &UserName) -> Result<Self, Refusal> {
        let refused = |rule: String| Err(Refusal::Invalid { field: Field::Password, rule });
        let count = text.chars().count();
        if !(shortest..=LONGEST).contains(&count) {
            return refused(format!("{shortest} to {LONGEST} characters; a sentence is easy to remember"));
        }
        if text.chars().any(char::is_control) {
            return refused("no control characters".to_owned());
        }
        if is_guessable(&text, user_name) {
            return refused(
                "not one that is easily guessed: take a few words that do not belong together".to_owned(),
            );
        }
        Ok(Self(text))
    }
}

/// A word of the list, the user's name with little beside it, a repetition of up to four characters, or a run.
fn is_guessable(text: &str, user_name: &UserName) -> bool {
    let folded = Zeroizing::new(text.to_lowercase());
    let characters = Zeroizing::new(folded.chars().map(u32::from).collect::<Vec<_>>());
    let repeats = |period: usize| characters.iter().zip(characters.iter().skip(period)).all(|(a, b)| a == b);
    let runs = |step: i64| {
        let pairs = characters.iter().zip(characters.iter().skip(1));
        let inner = pairs.filter(|(a, b)| i64::from(**b) - i64::from(**a) == step).count();
        inner + 3 >= characters.len()
    };
    let beside_name = folded.replace(user_name.as_str(), "");
    OFTEN_USED.contains(&folded.as_str())
        || (1..=4).any(repeats)
        || runs(1)
        || runs(-1)
        || (beside_name.len() < folded.len() && beside_name.chars().count() < 6)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The cost of trying one password: Argon2id version 1.3 with one lane.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HashCost {
    /// KiB of memory.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for HashCost {
    /// 19 MiB and two passes.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

impl HashCost {
    /// Whether Argon2 can be run at this cost.
    #[must_use]
    pub fn is_possible(self) -> bool {
        (8..=1 << 20).contains(&self.memory) && (1..=100).contains(&self.passes)
    }

    fn hasher(self) -> Result<Argon2<'static>, argon2::Error> {
        Ok(Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(self.memory, self.passes, 1, Some(32))?,
        ))
    }
}

/// A PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, which says its own cost. `Debug` shows nothing.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes with a new salt. Takes tens of milliseconds.
    ///
    /// # Errors
    /// When the cost is impossible or the system has no randomness.
    pub fn new(password: &Password, cost: HashCost) -> Result<Self, Refusal> {
        let hasher = cost.hasher().map_err(|error| Refusal::Internal(format!("Argon2: {error}")))?;
        let hash: phc::PasswordHash = hasher
            .hash_password(password.0.as_bytes())
            .map_err(|error| Refusal::Internal(format!("Argon2: {error}")))?;
        Ok(Self(hash.to_string()))
    }

    /// Whether this is the password. Takes as long as hashing.
    #[must_use]
    pub fn fits(&self, password: &Password) -> bool {
        phc::PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.0.as_bytes(), &hash).is_ok())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost { memory: 8, passes: 1 };

    fn chosen(text: &str) -> Result<Password, Refusal> {
        Password::chosen(Zeroizing::new(text.to_owned()), 15, &"zhangsan".parse().unwrap())
    }

    #[test]
    fn a_long_password_of_any_characters_is_taken() {
        for text in ["four words beside each other", "春眠不觉晓处处闻啼鸟夜来风雨声", "aaaa bbbb cccc dddd"]
        {
            assert!(chosen(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn short_overlong_and_guessable_passwords_are_refused() {
        let overlong = "long ".repeat(26);
        let guessable =
            ["passwordpassword", "Zhangsan2026Zhangsan", "abcabcabcabcabcabc", "abcdefghijklmnopq"];
        for text in
            ["14 characters.", &overlong, "four words\u{0}beside each other"].into_iter().chain(guessable)
        {
            assert!(chosen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_same_password_fits_its_hash_and_the_hash_has_the_cost_and_a_salt() {
        let password = chosen("four words beside each other").unwrap();
        let hash = PasswordHash::new(&password, CHEAP).unwrap();
        assert!(hash.fits(&password));
        assert!(!hash.fits(&Password::given(Zeroizing::new("four words beside each otheR".to_owned()))));
        assert!(hash.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert_ne!(hash.0, PasswordHash::new(&password, CHEAP).unwrap().0);
    }
}
