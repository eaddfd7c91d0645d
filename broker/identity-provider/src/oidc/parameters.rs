//! Parameters of requests, `application/x-www-form-urlencoded`.

use std::collections::BTreeMap;

use url::form_urlencoded;
use zeroize::Zeroizing;

/// More octets are not read.
pub const LONGEST: usize = 8192;

/// The parameters do not fit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// RFC 6749 section 3.1: "Request and response parameters MUST NOT be included more than once".
    #[error("the parameter {0} is there twice")]
    Twice(String),
    /// Neither readable nor bearable.
    #[error("the parameters are not UTF-8, have control characters, or are longer than 8192 octets")]
    Unreadable,
    /// A form has one that it does not know.
    #[error("the parameter {0} is not known here")]
    Unknown(String),
}

/// Parameters, each at most once, without control characters. Zeroized when dropped, for passwords are among them.
#[derive(Default)]
pub struct Parameters(BTreeMap<String, Zeroizing<String>>);

impl Parameters {
    /// Reads them. Empty values count as absent, as RFC 6749 section 3.1 has it.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        if text.len() > LONGEST {
            return Err(Malformed::Unreadable);
        }
        let mut read = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            let unreadable =
                |character: char| character == char::REPLACEMENT_CHARACTER || character.is_control();
            if name.contains(unreadable) || value.contains(unreadable) {
                return Err(Malformed::Unreadable);
            }
            let value = Zeroizing::new(value.into_owned());
            if read.insert(name.to_string(), value).is_some() {
                return Err(Malformed::Twice(name.into_owned()));
            }
        }
        read.retain(|_, value| !value.is_empty());
        Ok(Self(read))
    }

    /// The same, for a form that has no other parameters than these.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn parse_form(text: &[u8], known: &[&str]) -> Result<Self, Malformed> {
        let read = Self::parse(text)?;
        match read.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(Malformed::Unknown(unknown.clone())),
            None => Ok(read),
        }
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// The value, or an empty text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        assert!(matches!(Parameters::parse(b"a=1&b=2&a=1"), Err(Malformed::Twice(name)) if name == "a"));
    }

    #[test]
    fn octets_that_are_no_text_are_refused() {
        for text in [&b"a=%ff"[..], b"a=%00", b"a=b%0d%0aSet-Cookie:x"] {
            assert!(matches!(Parameters::parse(text), Err(Malformed::Unreadable)));
        }
    }

    #[test]
    fn an_empty_value_counts_as_absent_and_a_form_has_no_unknown_ones() {
        assert_eq!(Parameters::parse(b"a=&b=2").unwrap().get("a"), None);
        assert!(Parameters::parse_form(b"a=1&c=2", &["a", "b"]).is_err());
    }
}
