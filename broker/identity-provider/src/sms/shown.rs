//! The embedded sender, which sends nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use yinqiao_lifecycle::identity::PhoneNumber;

use super::{CodeSender, Purpose, SendFailed, SmsCode};

/// Numbers whose last code is kept at most.
const KEPT: usize = 10_000;

/// Keeps the last code for each number and lets pages, API and tests show it. For demonstrations and tests: whoever knows a
/// number can sign in as its owner.
#[derive(Debug, Default)]
pub struct ShownCodes {
    /// A small map, held for a look-up; never across anything that waits.
    codes: Mutex<HashMap<PhoneNumber, SmsCode>>,
}

impl CodeSender for ShownCodes {
    fn send(&self, phone: &PhoneNumber, code: &SmsCode, _purpose: Purpose) -> Result<(), SendFailed> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= KEPT {
            codes.clear();
        }
        codes.insert(phone.clone(), code.clone());
        Ok(())
    }

    fn shown(&self, phone: &PhoneNumber) -> Option<SmsCode> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).get(phone).cloned()
    }
}
