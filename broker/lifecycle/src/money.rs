//! Money.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// An amount of Chinese yuan (CNY) in 分, a hundredth of a yuan.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Fen(pub u64);

impl Fen {
    /// Nothing to pay.
    pub const ZERO: Self = Self(0);

    /// Whether nothing is to pay.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Fen {
    /// In yuan with two decimals: `120.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_in_yuan() {
        assert_eq!(Fen(12_050).to_string(), "120.50");
        assert_eq!(Fen(7).to_string(), "0.07");
    }
}
