//! Who is signed in.

use std::collections::HashMap;

use yinqiao_protocol::Timestamp;

use super::Provider;
use crate::account::Account;
use crate::oidc::Method;
use crate::refusal::Refusal;
use crate::token::{Token, TokenDigest};

/// A session, new.
#[derive(Debug)]
pub struct SignedIn {
    /// What its owner shows at each request: a cookie of pages, a bearer token of the JSON API.
    pub session: Token,
    /// Seconds that it lives.
    pub expires_in: u32,
    /// Whose.
    pub account: Account,
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Their account as it is now.
    pub account: Account,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub method: Method,
}

#[derive(Clone, Debug)]
struct Session {
    subject: String,
    auth_time: Timestamp,
    method: Method,
    until: Timestamp,
}

/// By the digests of their tokens.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<TokenDigest, Session>);

impl Provider {
    /// Who has this session.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`]
    pub fn visitor(&self, session: &str) -> Result<Visitor, Refusal> {
        let now = self.services.clock.now();
        let found = self.passing().sessions.0.get(&TokenDigest::of(session)).cloned();
        let found = found.filter(|session| now < session.until).ok_or(Refusal::SignedOut)?;
        let account = self.accounts().of_subject(&found.subject).cloned().ok_or(Refusal::SignedOut)?;
        Ok(Visitor { account, auth_time: found.auth_time, method: found.method })
    }

    /// Ends a session; one that is over is over.
    pub fn sign_out(&self, session: &str) {
        self.passing().sessions.0.remove(&TokenDigest::of(session));
    }

    /// A new session.
    pub(super) fn open_session(&self, account: Account, method: Method) -> Result<SignedIn, Refusal> {
        let session = Token::random()?;
        let (now, expires_in) = (self.services.clock.now(), self.settings.limits.session_life);
        let mut passing = self.passing();
        let sessions = &mut passing.sessions.0;
        sessions.retain(|_, session| now < session.until);
        let until = now.plus_seconds(expires_in);
        let subject = account.subject.clone();
        sessions.insert(session.digest(), Session { subject, auth_time: now, method, until });
        Ok(SignedIn { session, expires_in, account })
    }
}
