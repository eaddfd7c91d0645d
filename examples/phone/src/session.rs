//! One session, from the scanned code to its end.

use std::fmt;

use yinqiao_protocol::Cause;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::phone::{Answered, Claimed, Decline, DeclineReason, PhoneSession, Response};

use crate::answer;
use crate::clock;
use crate::error::PhoneError;
use crate::http::{Broker, HttpError};
use crate::phone::Phone;
use crate::pin::Pin;
use crate::review::{Announced, Checked, Review, ReviewError, check};
use crate::store::{KeptClaim, KeyName, Pair, StoreError};

mod claim;
mod keys;
#[cfg(test)]
mod tests;

pub use claim::{ClaimOptions, seal_choice, session_of};
pub use keys::SessionKeys;

/// Where a claimed session stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fetched {
    /// The bid system has not sent the items yet.
    ItemsAwaited,
    /// There is something to review.
    Ready,
    /// It is over.
    Ended(SessionState, Option<Cause>),
}

/// A session that this phone has claimed.
#[derive(Debug)]
pub struct ClaimedSession {
    phone: Phone,
    broker: Broker,
    key: KeyName,
    pair: Box<Pair>,
    claim: ClaimInHand,
    fetched: Option<PhoneSession>,
}

/// A claim that was answered, and its copy on the disk.
struct ClaimInHand {
    kept: KeptClaim,
    claimed: Claimed,
}

impl fmt::Debug for ClaimInHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.claimed.fmt(f)
    }
}

impl ClaimedSession {
    /// The claim's answer: show the match code and who asks.
    pub fn claimed(&self) -> &Claimed {
        &self.claim.claimed
    }

    /// The certificate pair that answers.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Asks where the session stands; waits up to `wait` seconds for late items.
    ///
    /// # Errors
    /// What the broker says.
    pub fn fetch(&mut self, wait: u64) -> Result<Fetched, PhoneError> {
        let path = self.path(&format!("?wait={wait}"));
        let view: PhoneSession =
            self.broker.get(&path, &self.claim.claimed.claim_token, wait).inspect_err(|error| {
                if is_gone(error) {
                    self.forget();
                }
            })?;
        if view.state.is_final() {
            self.forget();
        }
        let fetched = match view.state {
            SessionState::Ready => Fetched::Ready,
            SessionState::Waiting | SessionState::ItemsAwaited => Fetched::ItemsAwaited,
            ended => Fetched::Ended(ended, view.cause.clone()),
        };
        self.fetched = Some(view);
        Ok(fetched)
    }

    /// What was fetched last, as the broker sent it. Tests of attacks alter it.
    pub fn fetched_mut(&mut self) -> Option<&mut PhoneSession> {
        self.fetched.as_mut()
    }

    /// Checks what was fetched and gives what the holder must read.
    ///
    /// # Errors
    /// [`PhoneError::Refused`] when the bytes do not say what was announced: then decline with
    /// [`DeclineReason::Refused`]. [`PhoneError::ItemsAwaited`], [`PhoneError::Ended`].
    pub fn review(&self) -> Result<Review, PhoneError> {
        Ok(self.checked()?.review())
    }

    /// The checked statement.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`].
    pub fn checked(&self) -> Result<Checked, PhoneError> {
        let view = self.fetched.as_ref().ok_or(PhoneError::ItemsAwaited)?;
        if view.state.is_final() {
            return Err(PhoneError::Ended(view.cause.clone()));
        }
        let statement = view.statement.as_ref().ok_or(PhoneError::ItemsAwaited)?;
        let announced = Announced {
            claimed: &self.claim.claimed,
            certificate_sm3: self.claim.kept.certificate_sm3,
            holder: &self.pair.holder,
            claimed_at: self.claim.kept.claimed_at,
        };
        let seal = view.seal.as_ref().map(|der| der.as_slice());
        Ok(check(statement.as_slice(), seal, &view.to_be_signed, &announced, clock::now())?)
    }

    /// Signs and sends the answer with the keys of the session's own certificate: call it only after the holder has read
    /// the review and agreed. Where there can be no answer (the bytes are refused, the key is locked, an item does not
    /// open) the bid system is told so, and the error given.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`] and [`ClaimedSession::response`], and what the broker says.
    pub fn answer(&self, pin: &Pin) -> Result<Answered, PhoneError> {
        let keys = self.unlock(pin).inspect_err(|error| self.tell(error))?;
        self.answer_with(&keys)
    }

    /// As [`ClaimedSession::answer`], with keys that are open, also those of older certificates.
    ///
    /// # Errors
    /// As [`ClaimedSession::answer`].
    pub fn answer_with(&self, keys: &SessionKeys) -> Result<Answered, PhoneError> {
        let response = self.response(keys).inspect_err(|error| self.tell(error))?;
        self.send(&response)
    }

    /// Tells the bid system where an error means that there can be no answer; see [`decline_for`].
    pub fn tell(&self, error: &PhoneError) {
        if let Some(decline) = decline_for(error) {
            // The error says more than a failure to tell the bid system, who learns of it by the deadline.
            let _ = self.send_decline(&decline);
        }
    }

    /// The unsent answer, made with keys that are open.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`]; [`PhoneError::KeyDidNotOpen`], [`PhoneError::OlderPinNeeded`],
    /// [`PhoneError::KeyNotUsable`].
    pub fn response(&self, keys: &SessionKeys) -> Result<Response, PhoneError> {
        answer::response(&self.checked()?, keys.signing(), |item| match keys.encryption(item)? {
            Some(key) => Ok(key),
            None => Err(self.lack_of(item)),
        })
    }

    /// Sends an answer; the same bytes again while the network or the broker is away.
    ///
    /// # Errors
    /// What the broker says.
    pub fn send(&self, response: &Response) -> Result<Answered, PhoneError> {
        let json = serde_json::to_vec(response)?;
        let answered =
            self.broker.post(&self.path("/response"), Some(&self.claim.claimed.claim_token), &json)?;
        self.forget();
        Ok(answered)
    }

    /// Ends the session without an answer.
    ///
    /// # Errors
    /// What the broker says.
    pub fn decline(&self, reason: DeclineReason) -> Result<Answered, PhoneError> {
        self.send_decline(&Decline { reason, item: None })
    }

    /// As [`ClaimedSession::decline`], with all that can be said.
    ///
    /// # Errors
    /// What the broker says.
    pub fn send_decline(&self, decline: &Decline) -> Result<Answered, PhoneError> {
        let json = serde_json::to_vec(decline)?;
        let answered =
            self.broker.post(&self.path("/decline"), Some(&self.claim.claimed.claim_token), &json)?;
        self.forget();
        Ok(answered)
    }

    /// The session is over.
    fn forget(&self) {
        // What stays behind is sealed, good for nothing, and removed when it is taken up again.
        let _ = self.phone.store.forget_claim(&self.claim.kept);
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/phone/sessions/{}{rest}", self.claim.claimed.session)
    }
}

/// What to tell the bid system when there can be no answer; `None` where another try may still succeed.
pub fn decline_for(error: &PhoneError) -> Option<Decline> {
    let without_item = |reason| Some(Decline { reason, item: None });
    match error {
        PhoneError::Store(StoreError::Locked) => without_item(DeclineReason::PinLocked),
        // Most likely this phone's clock is wrong, which is no fault of the bid system.
        PhoneError::Refused(ReviewError::Date { .. }) => None,
        PhoneError::Refused(_) => without_item(DeclineReason::Refused),
        PhoneError::KeyDidNotOpen { item, .. } => {
            Some(Decline { reason: DeclineReason::KeyDidNotOpen, item: Some(item.clone()) })
        }
        _ => None,
    }
}

/// Whether the broker no longer knows session or claim.
fn is_gone(error: &HttpError) -> bool {
    matches!(error, HttpError::Problem(problem) if matches!(problem.status, 401 | 404 | 410))
}
