//! Which codes are open, and how often they may be sent and tried.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use yinqiao_lifecycle::identity::PhoneNumber;
use yinqiao_protocol::Timestamp;

use super::{Purpose, SmsCode};
use crate::refusal::Refusal;
use crate::throttle::{Origin, Rate, Throttle};

/// Limits of codes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeLimits {
    /// Seconds that a code is good for.
    pub life: u32,
    /// Wrong tries after which a code is void.
    pub tries: u32,
    /// Between two messages to one number.
    pub resend: Rate,
    /// Messages to one number.
    pub per_phone: Rate,
    /// Messages asked for from one address.
    pub per_address: Rate,
}

impl Default for CodeLimits {
    /// 5 minutes, 5 tries, a minute between two messages, 10 a day to a number, 60 an hour from an address.
    fn default() -> Self {
        Self {
            life: 300,
            tries: 5,
            resend: Rate::new(1, 60),
            per_phone: Rate::new(10, 86_400),
            per_address: Rate::new(60, 3600),
        }
    }
}

/// The open codes.
#[derive(Debug)]
pub struct CodeBook {
    limits: CodeLimits,
    open: HashMap<(Purpose, PhoneNumber), Open>,
    resend: Throttle<PhoneNumber>,
    per_phone: Throttle<PhoneNumber>,
    per_address: Throttle<Origin>,
}

#[derive(Debug)]
struct Open {
    code: SmsCode,
    until: Timestamp,
    tries_left: u32,
}

impl CodeBook {
    /// None is open.
    #[must_use]
    pub fn new(limits: CodeLimits) -> Self {
        Self {
            limits,
            open: HashMap::new(),
            resend: Throttle::new(limits.resend),
            per_phone: Throttle::new(limits.per_phone),
            per_address: Throttle::new(limits.per_address),
        }
    }

    /// Counts a message that is about to be asked for.
    ///
    /// # Errors
    /// [`Refusal::TooMany`] with the time until the next is allowed.
    pub fn permit(&mut self, phone: &PhoneNumber, from: Origin, now: Timestamp) -> Result<(), Refusal> {
        self.per_address.take(&from, now)?;
        self.per_phone.take(phone, now)?;
        self.resend.take(phone, now).inspect_err(|_| self.per_phone.give_back(phone))?;
        Ok(())
    }

    /// Opens `code`; an earlier one for the same number and purpose is void.
    pub fn open(&mut self, purpose: Purpose, phone: PhoneNumber, code: SmsCode, now: Timestamp) {
        self.open.retain(|_, open| now < open.until);
        let until = now.plus_seconds(self.limits.life);
        self.open.insert((purpose, phone), Open { code, until, tries_left: self.limits.tries });
    }

    /// Takes the code if it is the right one; it is good once.
    ///
    /// # Errors
    /// [`Refusal::WrongCode`], whatever is the matter with it.
    pub fn redeem(
        &mut self,
        purpose: Purpose,
        phone: &PhoneNumber,
        given: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let key = (purpose, phone.clone());
        let open = self.open.get_mut(&key).ok_or(Refusal::WrongCode)?;
        let fits = bool::from(open.code.expose().as_bytes().ct_eq(given.as_bytes()));
        let in_time = now < open.until;
        open.tries_left = open.tries_left.saturating_sub(1);
        if fits || !in_time || open.tries_left == 0 {
            self.open.remove(&key);
        }
        if fits && in_time { Ok(()) } else { Err(Refusal::WrongCode) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::account::UserKind;

    const SIGN_IN: Purpose = Purpose::SignIn(UserKind::Person);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn phone() -> PhoneNumber {
        "13812345678".parse().unwrap()
    }

    fn from(last: u8) -> Origin {
        std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn book_with(code: &str) -> CodeBook {
        let mut book = CodeBook::new(CodeLimits::default());
        book.open(SIGN_IN, phone(), SmsCode(code.to_owned().into()), at(0));
        book
    }

    #[test]
    fn a_code_is_good_once_and_for_its_purpose_only() {
        let mut book = book_with("123456");
        assert!(book.redeem(Purpose::Register, &phone(), "123456", at(1)).is_err());
        assert!(book.redeem(SIGN_IN, &phone(), "123456", at(1)).is_ok());
        assert!(book.redeem(SIGN_IN, &phone(), "123456", at(1)).is_err());
    }

    #[test]
    fn a_code_is_good_for_five_minutes() {
        assert!(book_with("123456").redeem(SIGN_IN, &phone(), "123456", at(299)).is_ok());
        assert!(book_with("123456").redeem(SIGN_IN, &phone(), "123456", at(300)).is_err());
    }

    #[test]
    fn after_five_wrong_tries_the_right_one_does_not_help() {
        for (wrong, helps) in [(4, true), (5, false)] {
            let mut book = book_with("123456");
            for _ in 0..wrong {
                assert!(book.redeem(SIGN_IN, &phone(), "654321", at(1)).is_err());
            }
            assert_eq!(book.redeem(SIGN_IN, &phone(), "123456", at(1)).is_ok(), helps);
        }
    }

    #[test]
    fn messages_to_one_number_are_a_minute_apart_and_ten_a_day() {
        let mut book = CodeBook::new(CodeLimits::default());
        assert!(book.permit(&phone(), from(1), at(0)).is_ok());
        assert!(
            matches!(book.permit(&phone(), from(2), at(59)), Err(Refusal::TooMany(wait)) if wait.seconds == 1)
        );
        for message in 1..10 {
            assert!(book.permit(&phone(), from(3), at(60 * message)).is_ok());
        }
        assert!(
            matches!(book.permit(&phone(), from(4), at(600)), Err(Refusal::TooMany(wait)) if wait.seconds > 80_000)
        );
    }

    #[test]
    fn one_address_cannot_have_messages_sent_to_ever_more_numbers() {
        let mut book = CodeBook::new(CodeLimits::default());
        let number = |index: u32| format!("138{index:08}").parse::<PhoneNumber>().unwrap();
        let sent = (0..100).filter(|index| book.permit(&number(*index), from(1), at(0)).is_ok()).count();
        assert_eq!(sent, 60);
        assert!(book.permit(&number(100), from(2), at(0)).is_ok());
    }

    #[test]
    fn codes_are_six_digits() {
        for _ in 0..100 {
            let code = SmsCode::random().unwrap();
            assert!(code.expose().len() == 6 && code.expose().bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
