//! The PIN that protects keys on the phone.

use std::fmt;

use zeroize::Zeroizing;

/// A PIN of six digits. `Debug` prints nothing of it; it is zeroized when dropped.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

/// Why a text is not a PIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a PIN has six digits")]
pub struct NotAPin;

impl Pin {
    /// A PIN from what was typed; white space around it does not count.
    ///
    /// # Errors
    /// When it is not six ASCII digits.
    pub fn parse(text: &str) -> Result<Self, NotAPin> {
        let text = text.trim();
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(NotAPin)
        }
    }

    /// Whether the two are the same, for a new PIN that is typed twice.
    pub fn is_same(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_six_digits_and_shows_none_of_them() {
        assert_eq!(format!("{:?}", Pin::parse(" 271828\n").unwrap()), "Pin(…)");
        for text in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(Pin::parse(text).is_err(), "{text}");
        }
    }
}
