//! What users sign in as.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::refusal::{Field, Refusal};

/// 3 to 32 ASCII letters, digits, dots, hyphens and underscores, beginning with a letter; kept in lower case, so that no two
/// differ by case alone.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let fits = (3..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if fits {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Refusal::invalid(
                Field::UserName,
                "3 to 32 letters (A-Z), digits, dots, hyphens and underscores, beginning with a letter",
            ))
        }
    }
}

impl TryFrom<String> for UserName {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_by_case_are_the_same() {
        assert_eq!("Zhang.San".parse::<UserName>().unwrap(), "zhang.san".parse().unwrap());
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "ab", "1abc", "a b c", "张三三", "abc@d", &"a".repeat(33)] {
            assert!(text.parse::<UserName>().is_err(), "{text}");
        }
    }
}
