//! A phone that is signed in.
//!
//! The access token is short-lived. The renewal token gets the next pair of tokens, once: each renewal makes a new one. One
//! that was used up and comes again was stolen, or its owner never got the answer; since both look alike the session ends
//! (RFC 9700 section 4.14.2), except for the one before the present one within a short time, whose answer was lost. Every
//! request carries a proof of the phone's key, so that a token alone is worth nothing.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Base64, DeviceSessionId, Sm3Hex, Timestamp, UserId};

use super::User;
use crate::actor::Actor;
use crate::audit::AuditNote;
use crate::refusal::RefusalKind;
use crate::step::Step;

/// How long an access token is good, in seconds.
const ACCESS_SECONDS: u32 = 600;
/// How long a phone stays signed in without being used.
const IDLE_SECONDS: u32 = 30 * 86_400;
/// How long the renewal token before the present one is forgiven.
const FORGIVEN_SECONDS: u32 = 60;

/// One phone of one user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceSession {
    /// Names it.
    pub id: DeviceSessionId,
    /// Whose.
    pub user: UserId,
    /// The user's epoch when it began.
    pub epoch: u32,
    /// What the user calls the phone.
    pub device_name: String,
    /// The phone's key, 65 octets of SEC1.
    pub device_key: Base64,
    /// Since when.
    pub since: Timestamp,
    /// When it was last renewed.
    pub last_used: Timestamp,
    /// Rises with each renewal, from 1.
    pub generation: u32,
    /// The present tokens.
    pub tokens: Tokens,
    /// The renewal token that the present tokens were got with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_before: Option<Sm3Hex>,
    /// When it was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Digests of the tokens of one generation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tokens {
    /// SM3 of the access token.
    pub access_sm3: Sm3Hex,
    /// SM3 of the renewal token.
    pub renewal_sm3: Sm3Hex,
}

/// Why a session is not gone on with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SessionRefusal {
    /// It was ended, or not used for too long.
    #[error("this phone is not signed in any more: sign in again")]
    Ended,
    /// The access token's time is over.
    #[error("the access token has ended: renew it")]
    AccessTokenEnded,
    /// It is another phone's.
    #[error("the proof is of another phone's key than the one that signed in: sign in with this phone")]
    OtherDevice,
    /// A used-up renewal token.
    #[error(
        "the renewal token was used before: the phone was signed out for safety; sign in again, and look at your other \
         phones"
    )]
    Reused,
}

impl SessionRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(self) -> RefusalKind {
        RefusalKind::NotAllowed
    }
}

impl DeviceSession {
    /// Begins with a sign-in.
    #[must_use]
    pub fn begin(
        id: DeviceSessionId,
        user: &User,
        device: (&str, Base64),
        tokens: Tokens,
        now: Timestamp,
    ) -> Step<Self> {
        let session = Self {
            id,
            user: user.id,
            epoch: user.session_epoch,
            device_name: device.0.to_owned(),
            device_key: device.1,
            since: now,
            last_used: now,
            generation: 1,
            tokens,
            renewal_before: None,
            ended_at: None,
        };
        let note = AuditNote::new("session.begin", session.audit_subject(), &Actor::User(user.actor()), now)
            .with("user", user.id.to_string());
        Step::change(session, note)
    }

    /// When the access token ends.
    #[must_use]
    pub fn access_ends_at(&self) -> Timestamp {
        self.last_used.plus_seconds(ACCESS_SECONDS)
    }

    /// When the phone is signed out if it is not used.
    #[must_use]
    pub fn idle_ends_at(&self) -> Timestamp {
        self.last_used.plus_seconds(IDLE_SECONDS)
    }

    /// Whether the phone is signed in.
    #[must_use]
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.epoch == user.session_epoch && now < self.idle_ends_at()
    }

    /// Whether the access token, from this phone, is good now.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, user: &User, device_key: &[u8], now: Timestamp) -> Result<(), SessionRefusal> {
        self.admit_device(user, device_key, now)?;
        if now < self.access_ends_at() { Ok(()) } else { Err(SessionRefusal::AccessTokenEnded) }
    }

    fn admit_device(&self, user: &User, device_key: &[u8], now: Timestamp) -> Result<(), SessionRefusal> {
        if !self.is_live(user, now) {
            return Err(SessionRefusal::Ended);
        }
        if self.device_key.as_slice() == device_key { Ok(()) } else { Err(SessionRefusal::OtherDevice) }
    }

    /// Gets the next tokens. `next` are those of the next generation. The forgiven case changes nothing: the tokens of the
    /// present generation are to be given again.
    ///
    /// # Errors
    /// Why not; [`SessionRefusal::Reused`] when the session must be ended.
    pub fn renew(
        &self,
        user: &User,
        device_key: &[u8],
        renewal_sm3: &Sm3Hex,
        next: Tokens,
        now: Timestamp,
    ) -> Result<Step<Self>, SessionRefusal> {
        self.admit_device(user, device_key, now)?;
        if *renewal_sm3 == self.tokens.renewal_sm3 {
            let next = Self {
                generation: self.generation.saturating_add(1),
                renewal_before: Some(*renewal_sm3),
                tokens: next,
                last_used: now,
                ..self.clone()
            };
            return Ok(Step { next, changed: true, audit: Vec::new(), jobs: Vec::new() });
        }
        let forgiven = self.renewal_before.as_ref() == Some(renewal_sm3)
            && now <= self.last_used.plus_seconds(FORGIVEN_SECONDS);
        if forgiven { Ok(Step::unchanged(self.clone())) } else { Err(SessionRefusal::Reused) }
    }

    /// Signs the phone out.
    #[must_use]
    pub fn end(&self, by: &Actor, reason: &str, now: Timestamp) -> Step<Self> {
        if self.ended_at.is_some() {
            return Step::unchanged(self.clone());
        }
        let note = AuditNote::new("session.end", self.audit_subject(), by, now)
            .with("user", self.user.to_string())
            .with("reason", reason);
        Step::change(Self { ended_at: Some(now), ..self.clone() }, note)
    }

    fn audit_subject(&self) -> String {
        format!("session/{}", self.id)
    }
}
