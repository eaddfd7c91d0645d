//! One session, from the scanned code to its end.

use std::collections::BTreeMap;

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::phone::{
    Answered, ClaimRequest, Claimed, Decline, DeclineReason, PhoneSession, Response, SealChoice,
};
use yinqiao_protocol::statement::{Claim, SignedText};
use yinqiao_protocol::task::{Task, WrappedKey};
use yinqiao_protocol::{Cause, SealId, Sm3Hex, Timestamp, code};

use crate::answer;
use crate::clock;
use crate::error::PhoneError;
use crate::http::{Broker, HttpError};
use crate::phone::Phone;
use crate::pin::Pin;
use crate::review::{Announced, Checked, Review, ReviewError, check};
use crate::store::{KeyName, Pair, StoreError, UnlockedKeys};

/// How to claim.
#[derive(Clone, Debug, Default)]
pub struct ClaimOptions {
    /// Serial number of the signing certificate, where the phone has several for the broker.
    pub certificate: Option<String>,
    /// Which seal, where several fit.
    pub seal: Option<SealId>,
    /// Where to reach the broker, when not at the address in the code.
    pub broker: Option<String>,
}

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
    certificate_sm3: Sm3Hex,
    claimed: Claimed,
    claimed_at: Timestamp,
    fetched: Option<PhoneSession>,
}

impl Phone {
    /// Claims the session of a scanned code. The claim names the broker at which the phone has enrolled: a code of any
    /// other is refused.
    ///
    /// # Errors
    /// [`PhoneError::Code`], [`PhoneError::OtherBroker`], [`PhoneError::ChooseCertificate`], and what the broker says:
    /// [`seal_choice`] reads the seals out of that.
    pub fn claim(&self, code_text: &str, options: &ClaimOptions) -> Result<ClaimedSession, PhoneError> {
        let base = code::ScannedCode::parse(code_text)?.base().to_owned();
        let (key, pair) = self.chosen(&base, options.certificate.as_deref())?;
        let certificate_sm3 = Sm3Hex::of(pair.signing_certificate.as_slice());
        let request = self.claim_request(code_text, certificate_sm3, options.seal)?;
        let broker = Broker::new(options.broker.as_deref().unwrap_or(&base))?;
        let claimed_at = clock::now();
        let claimed = broker.post("/v1/phone/claims", None, &serde_json::to_vec(&request)?)?;
        Ok(ClaimedSession {
            phone: self.clone(),
            broker,
            key,
            pair,
            certificate_sm3,
            claimed,
            claimed_at,
            fetched: None,
        })
    }

    /// The unsent claim.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn claim_request(
        &self,
        code_text: &str,
        certificate_sm3: Sm3Hex,
        seal: Option<SealId>,
    ) -> Result<ClaimRequest, PhoneError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(StoreError::from)?;
        let nonce = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let claim = Claim { code: code_text.to_owned(), certificate_sm3, seal, nonce }.to_bytes()?;
        let signature = self.store.device_key().sign(&claim)?.to_der()?;
        Ok(ClaimRequest { claim: claim.into(), signature: signature.into() })
    }
}

/// The seals to choose among, where the broker has asked for a choice.
pub fn seal_choice(error: &PhoneError) -> Option<SealChoice> {
    match error {
        PhoneError::Http(HttpError::Problem(problem)) if problem.name() == "seal-choice-required" => {
            serde_json::from_value(problem.members.get("seals")?.clone()).ok()
        }
        _ => None,
    }
}

impl ClaimedSession {
    /// The claim's answer: show the match code and who asks.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
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
        let view: PhoneSession = self.broker.get(&path, &self.claimed.claim_token, wait)?;
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
            claimed: &self.claimed,
            certificate_sm3: self.certificate_sm3,
            holder: &self.pair.holder,
            claimed_at: self.claimed_at,
        };
        let seal = view.seal.as_ref().map(|der| der.as_slice());
        Ok(check(statement.as_slice(), seal, &view.to_be_signed, &announced, clock::now())?)
    }

    /// Signs and sends the answer: call it only after the holder has read the review and agreed. Where there can be no
    /// answer (the bytes are refused, the key is locked, an item does not open) the bid system is told so, and the error
    /// given.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`] and [`ClaimedSession::response`], and what the broker says.
    pub fn answer(&self, pin: &Pin) -> Result<Answered, PhoneError> {
        let response = self.unlock(pin).and_then(|keys| self.response(&keys));
        match response {
            Ok(response) => self.send(&response),
            Err(error) => {
                if let Some(decline) = decline_for(&error) {
                    // The error says more than a failure to tell the bid system, who learns of it by the deadline.
                    let _ = self.send_decline(&decline);
                }
                Err(error)
            }
        }
    }

    /// Opens the keys that the session needs: the pair's, and those of older pairs with the same PIN where items were
    /// encrypted for their certificates.
    ///
    /// # Errors
    /// [`PhoneError::Store`] for a wrong PIN, [`PhoneError::OtherPin`].
    pub fn unlock(&self, pin: &Pin) -> Result<SessionKeys, PhoneError> {
        let checked = self.checked()?;
        let own = self.phone.store.unlock(&self.key, pin, clock::now())?;
        let mut older = BTreeMap::new();
        if let Task::Decrypt { items, .. } = &checked.statement.task {
            for item in items {
                if own.encryption(&item.certificate_serial)?.is_none() {
                    self.unlock_older(item, pin, &mut older)?;
                }
            }
        }
        Ok(SessionKeys { own, older })
    }

    fn unlock_older(
        &self,
        item: &WrappedKey,
        pin: &Pin,
        older: &mut BTreeMap<String, UnlockedKeys>,
    ) -> Result<(), PhoneError> {
        let serial = &item.certificate_serial;
        if older.contains_key(serial) {
            return Ok(());
        }
        for (entry, pair) in self.phone.pairs()? {
            let here =
                pair.encryption()?.iter().any(|certificate| certificate.serial().to_string() == *serial);
            if here && entry.name != self.key && pair.holder.id == self.pair.holder.id {
                let keys = self.phone.store.unlock(&entry.name, pin, clock::now()).map_err(|source| {
                    PhoneError::OtherPin {
                        item: item.id.clone(),
                        serial: serial.clone(),
                        source: Box::new(source),
                    }
                })?;
                older.insert(serial.clone(), keys);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The unsent answer, made with keys that are open.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`], and [`PhoneError::KeyDidNotOpen`].
    pub fn response(&self, keys: &SessionKeys) -> Result<Response, PhoneError> {
        answer::response(&self.checked()?, keys.own.signing(), |item| keys.encryption(item))
    }

    /// Sends an answer; the same bytes again while the network or the broker is away.
    ///
    /// # Errors
    /// What the broker says.
    pub fn send(&self, response: &Response) -> Result<Answered, PhoneError> {
        let json = serde_json::to_vec(response)?;
        Ok(self.broker.post(&self.path("/response"), Some(&self.claimed.claim_token), &json)?)
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
        Ok(self.broker.post(&self.path("/decline"), Some(&self.claimed.claim_token), &json)?)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/phone/sessions/{}{rest}", self.claimed.session)
    }
}

/// The keys that one session needs, open. Drop them as soon as it is answered.
#[derive(Debug)]
pub struct SessionKeys {
    own: UnlockedKeys,
    /// By serial number of the encryption certificate.
    older: BTreeMap<String, UnlockedKeys>,
}

impl SessionKeys {
    fn encryption(&self, item: &WrappedKey) -> Result<Option<&yinqiao_gm::sm2::PrivateKey>, PhoneError> {
        let serial = item.certificate_serial.as_str();
        let keys = self.older.get(serial).unwrap_or(&self.own);
        Ok(keys.encryption(serial)?)
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
