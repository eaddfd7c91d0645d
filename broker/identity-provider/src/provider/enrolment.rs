//! Registration and sign-in.

use tracing::info;
use yinqiao_lifecycle::identity::PhoneNumber;
use zeroize::Zeroizing;

use super::{Provider, SignedIn};
use crate::account::{
    Account, Password, PasswordHash, Registration, RegistrationFields, Standing, UserKind, UserName,
};
use crate::oidc::Method;
use crate::refusal::{Field, Refusal};
use crate::sms::{Purpose, SmsCode};
use crate::throttle::Origin;

/// A code is on its way, if the number is one that may have one.
#[derive(Debug)]
pub struct CodeSent {
    /// Where to.
    pub phone: PhoneNumber,
    /// Seconds that it is good for.
    pub expires_in: u32,
    /// Seconds until another may be sent.
    pub resend_after: u32,
    /// The code itself, where the sender shows codes instead of sending them.
    pub shown: Option<SmsCode>,
}

/// How someone proves who they are.
pub enum Credentials {
    /// By password.
    Password {
        /// See [`UserName`].
        user_name: String,
        /// As typed.
        password: Zeroizing<String>,
    },
    /// By a code to their phone.
    SmsCode {
        /// Which of the accounts with this number.
        user_kind: UserKind,
        /// The number.
        phone_number: String,
        /// As typed.
        code: Zeroizing<String>,
    },
}

impl Provider {
    /// Has a code sent. Whether a number is registered is not told: for one that is not, a sign-in code is not sent, and the
    /// answer is the same.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::TooMany`], [`Refusal::Unavailable`]
    pub fn send_code(&self, purpose: Purpose, phone: &str, from: Origin) -> Result<CodeSent, Refusal> {
        let phone = phone_number(phone)?;
        let now = self.services.clock.now();
        self.passing().codes.permit(&phone, from, now)?;
        let wanted = match purpose {
            Purpose::Register => true,
            Purpose::SignIn(kind) => self.accounts().of_phone(kind, &phone).is_some(),
        };
        let mut shown = None;
        if wanted {
            let code = SmsCode::random()?;
            self.services.sender.send(&phone, &code, purpose).map_err(|error| {
                info!(event = "code_not_sent", %error);
                Refusal::Unavailable("the sender of short messages")
            })?;
            self.passing().codes.open(purpose, phone.clone(), code, now);
            shown = self.services.sender.shown(&phone);
        }
        let limits = self.settings.limits.codes;
        Ok(CodeSent { phone, expires_in: limits.life, resend_after: limits.resend.within, shown })
    }

    /// Makes an account, at L1.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Taken`], [`Refusal::WrongCode`], [`Refusal::TooMany`]
    pub fn register(&self, fields: &RegistrationFields, from: Origin) -> Result<Account, Refusal> {
        let new = Registration::check(fields, self.settings.limits.shortest_password)?;
        let now = self.services.clock.now();
        self.passing().registrations_from.take(&from, now)?;
        if self.accounts().of_name(&new.user_name).is_some() {
            return Err(Refusal::Taken(Field::UserName));
        }
        self.redeem_code(Purpose::Register, &new.phone, &fields.code, from)?;
        let mut subject = [0; 16];
        getrandom::fill(&mut subject)?;
        let account = Account {
            subject: hex::encode(subject),
            user: new.user,
            user_name: new.user_name,
            password: PasswordHash::new(&new.password, self.settings.hash_cost)?,
            phone: new.phone,
            registered_at: now,
            standing: Standing::Registered,
        };
        self.accounts().add(account.clone())?;
        info!(event = "registered", subject = account.subject, kind = account.kind().as_str());
        Ok(account)
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], [`Refusal::WrongCode`], [`Refusal::TooMany`]
    pub fn sign_in(&self, credentials: &Credentials, from: Origin) -> Result<SignedIn, Refusal> {
        let (account, method) = match credentials {
            Credentials::Password { user_name, password } => {
                (self.by_password(user_name, password, from)?, Method::Password)
            }
            Credentials::SmsCode { user_kind, phone_number: phone, code } => {
                let phone = phone_number(phone)?;
                self.redeem_code(Purpose::SignIn(*user_kind), &phone, code, from)?;
                let account = self.accounts().of_phone(*user_kind, &phone).cloned();
                (account.ok_or(Refusal::WrongCode)?, Method::SmsCode)
            }
        };
        info!(event = "signed_in", subject = account.subject, method = method.as_str());
        self.open_session(account, method)
    }

    fn by_password(
        &self,
        user_name: &str,
        password: &Zeroizing<String>,
        from: Origin,
    ) -> Result<Account, Refusal> {
        let name: UserName = user_name.parse().map_err(|_| Refusal::WrongPassword)?;
        let now = self.services.clock.now();
        {
            let mut passing = self.passing();
            passing.wrong_from.take(&from, now)?;
            passing.wrong_passwords.take(&name, now)?;
        }
        let known = self.accounts().of_name(&name).cloned();
        let hash = known.as_ref().map_or(&self.nobody, |account| &account.password);
        let fits = hash.fits(&Password::given(password.clone()));
        match known {
            Some(account) if fits => {
                let mut passing = self.passing();
                passing.wrong_from.give_back(&from);
                passing.wrong_passwords.forget(&name);
                Ok(account)
            }
            _ => Err(Refusal::WrongPassword),
        }
    }

    fn redeem_code(
        &self,
        purpose: Purpose,
        phone: &PhoneNumber,
        code: &str,
        from: Origin,
    ) -> Result<(), Refusal> {
        let now = self.services.clock.now();
        let mut passing = self.passing();
        passing.wrong_from.take(&from, now)?;
        passing.codes.redeem(purpose, phone, code, now)?;
        passing.wrong_from.give_back(&from);
        Ok(())
    }
}

fn phone_number(text: &str) -> Result<PhoneNumber, Refusal> {
    text.parse().map_err(|rule| Refusal::invalid(Field::PhoneNumber, rule))
}
