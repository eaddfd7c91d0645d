//! Codes by short message.

mod book;
mod shown;

pub use book::{CodeBook, CodeLimits};
pub use shown::ShownCodes;

use std::fmt;

use yinqiao_lifecycle::identity::PhoneNumber;
use zeroize::Zeroizing;

use crate::account::UserKind;

/// Six decimal digits. `Debug` shows nothing; zeroized when dropped.
#[derive(Clone)]
pub struct SmsCode(Zeroizing<String>);

impl SmsCode {
    /// A new one, every one of the million equally likely.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        /// The largest multiple of a million in 32 bits; numbers from it on are drawn again.
        const FAIR: u32 = u32::MAX / 1_000_000 * 1_000_000;
        loop {
            let number = getrandom::u32()?;
            if number < FAIR {
                return Ok(Self(Zeroizing::new(format!("{:06}", number % 1_000_000))));
            }
        }
    }

    /// The digits, for the one who sends them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SmsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmsCode(…)")
    }
}

/// What a code is good for; one for something else does not fit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Purpose {
    /// Confirming the number of a new account.
    Register,
    /// Signing in to the account of this kind that has the number.
    SignIn(UserKind),
}

/// The message could not be handed over.
#[derive(Debug, thiserror::Error)]
#[error("the short message could not be sent: {0}")]
pub struct SendFailed(pub String);

/// Sends codes to phones. Called on a thread that may block.
pub trait CodeSender: Send + Sync {
    /// Hands the message over.
    ///
    /// # Errors
    /// When it was certainly not sent.
    fn send(&self, phone: &PhoneNumber, code: &SmsCode, purpose: Purpose) -> Result<(), SendFailed>;

    /// The last code for this number, where pages and API show it because nothing is sent: only in demonstrations.
    fn shown(&self, _phone: &PhoneNumber) -> Option<SmsCode> {
        None
    }
}
