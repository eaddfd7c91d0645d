//! Operations that wait for operators.

use serde_json::value::RawValue;
use yinqiao_ca_sdk::messages::{Cancellation, ErrorClass, Pending};
use yinqiao_ca_sdk::{AdapterError, Call, Operation, Outcome, Request};
use yinqiao_gm::sm3;

use super::{Verdict, decision_name, judge, matter};
use crate::adapter::Instance;
use crate::operation::Attempt;
use crate::record::{DecisionRecord, OperationRecord, ReviewOutcome, ReviewRecord};
use crate::store::{Folder, Lock};

/// A person takes longer; this is how stale the news may be.
const RETRY_AFTER_MS: u64 = 2000;
const DAY_MS: u64 = 86_400_000;

/// Whether a text can be a token: the SM3 of an idempotency key in hexadecimal. It becomes a file name.
fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
}

impl Instance {
    /// Whether operators must consent.
    ///
    /// # Errors
    /// Permanent, when nobody could.
    pub(crate) fn needs_review(&self, request: &Request) -> Result<bool, AdapterError> {
        match request {
            Request::Issue(request) => Ok(self.configuration.profile(request.product.as_deref())?.review),
            Request::Rekey(request) => {
                let (_, record) = self.store.must_be_good(&request.serial)?;
                Ok(self.profile_of(&record)?.review)
            }
            Request::RecoverKey(_) => self.check_recovery().map(|()| true),
            Request::SealIssue(_) => Ok(self.configuration.seal_review),
            _ => Ok(false),
        }
    }

    /// Records an operation as waiting.
    pub(crate) fn enqueue(
        &self,
        attempt: &Attempt<'_>,
        record: OperationRecord,
        request: Box<RawValue>,
    ) -> Result<Outcome, AdapterError> {
        let days = u64::from(self.configuration.review_days);
        let review = ReviewRecord {
            idempotency_key: record.idempotency_key.clone(),
            operation: record.operation,
            request,
            submitted_at_ms: record.at_ms,
            expires_at_ms: record.at_ms + days * DAY_MS,
        };
        // An attempt that was killed before its record leaves such a file, for which nothing waits.
        self.store.replace(Folder::Reviews, attempt.name, &review)?;
        let record = OperationRecord { review: Some(ReviewOutcome::Pending), ..record };
        self.create_record(attempt.name, &record)?;
        Ok(pending(attempt.name, &review))
    }

    /// What became of an operation that waits: done as soon as enough operators consent.
    pub(crate) fn settle(
        &self,
        attempt: &Attempt<'_>,
        record: OperationRecord,
    ) -> Result<Outcome, AdapterError> {
        let now_ms = attempt.call.host().now_ms();
        let review = self.review(attempt.name, &record)?;
        let matter = matter(&self.store, &self.configuration.name, attempt.name, &review)?;
        let decisions = self.decisions(attempt.name)?;
        let Verdict { consents, rejection } = judge(&self.configuration.operators, &matter, &decisions);
        if let Some((operator, reason)) = rejection {
            return self.end(attempt.name, record, format!("refused by {operator}: {reason}"), now_ms);
        }
        if now_ms >= review.expires_at_ms {
            let text = "the time for operators to decide is over; ask again under a new idempotency key";
            return self.end(attempt.name, record, text.to_owned(), now_ms);
        }
        if consents.len() < self.consents_needed(record.operation) {
            return Ok(pending(attempt.name, &review));
        }
        let request = Request::parse(review.operation, review.request.get().as_bytes())?;
        let made = match self.make(attempt, &request) {
            Ok(made) => made,
            // What was possible when it was asked for (a certificate was good) is not any more.
            Err(error) if error.class == ErrorClass::Permanent => {
                return self.end(attempt.name, record, error.text, now_ms);
            }
            Err(error) => return Err(error),
        };
        let (record, reply) = made.recorded(record)?;
        let record = OperationRecord { review: Some(ReviewOutcome::Approved { consents }), ..record };
        self.store.replace(Folder::Operations, attempt.name, &record)?;
        Ok(Outcome::Done(reply))
    }

    /// What became of the operation with that token.
    pub(crate) fn poll_token(&self, call: &Call<'_>, token: &str) -> Result<Outcome, AdapterError> {
        if !is_token(token) {
            return Err(unknown());
        }
        let vault = self.vault(call)?;
        let _lock = self.lock_token(token)?;
        let record = self.reviewed(token)?;
        self.resume(&Attempt { call, name: token, vault: &vault }, record)
    }

    /// Withdraws what waits.
    pub(crate) fn cancel_token(&self, call: &Call<'_>, token: &str) -> Result<Cancellation, AdapterError> {
        if !is_token(token) {
            return Err(unknown());
        }
        let _lock = self.lock_token(token)?;
        let record = self.reviewed(token)?;
        match &record.review {
            Some(ReviewOutcome::Pending) => {
                let outcome = ReviewOutcome::Ended {
                    text: "it was withdrawn before operators had decided".to_owned(),
                    at_ms: call.host().now_ms(),
                };
                let record = OperationRecord { review: Some(outcome), ..record };
                self.store.replace(Folder::Operations, token, &record)?;
                Ok(Cancellation::Cancelled)
            }
            Some(ReviewOutcome::Ended { .. }) => Ok(Cancellation::Cancelled),
            Some(ReviewOutcome::Approved { .. }) | None => Ok(Cancellation::Done),
        }
    }

    /// Whether there are enough operators to consent to the recovery of a key.
    fn check_recovery(&self) -> Result<(), AdapterError> {
        let operators = self.configuration.operators.len();
        let needed = self.consents_needed(Operation::RecoverKey);
        if operators >= needed {
            return Ok(());
        }
        let text = format!(
            "this CA recovers no keys: {needed} operators must consent to it, and the configuration of this adapter \
             names {operators}; add them as its member operators"
        );
        Err(AdapterError::new(ErrorClass::NotSupported, text))
    }

    fn consents_needed(&self, operation: Operation) -> usize {
        match operation {
            Operation::RecoverKey => self.configuration.recovery_consents as usize,
            _ => 1,
        }
    }

    /// What operators looked at, if it is still what was asked for.
    fn review(&self, token: &str, record: &OperationRecord) -> Result<ReviewRecord, AdapterError> {
        let review: Option<ReviewRecord> = self.store.read(Folder::Reviews, token)?;
        review
            .filter(|review| {
                review.operation == record.operation
                    && sm3::digest(review.request.get().as_bytes()).to_string() == record.request_digest
            })
            .ok_or_else(|| {
                AdapterError::unhealthy(format!(
                    "the file reviews/{token}.json is gone or not what was asked for; restore it from a backup, \
                     or cancel the operation"
                ))
            })
    }

    fn decisions(&self, token: &str) -> Result<Vec<DecisionRecord>, AdapterError> {
        let mut decisions = Vec::new();
        for operator in &self.configuration.operators {
            decisions.extend(self.store.read(Folder::Decisions, &decision_name(token, &operator.name))?);
        }
        Ok(decisions)
    }

    fn end(
        &self,
        token: &str,
        record: OperationRecord,
        text: String,
        at_ms: u64,
    ) -> Result<Outcome, AdapterError> {
        let outcome = ReviewOutcome::Ended { text: text.clone(), at_ms };
        let record = OperationRecord { review: Some(outcome), ..record };
        self.store.replace(Folder::Operations, token, &record)?;
        Err(AdapterError::permanent(text))
    }

    fn lock_token(&self, token: &str) -> Result<Lock, AdapterError> {
        let digest = sm3::Digest::parse_hex(token).map_err(|_| unknown())?;
        Ok(self.store.lock_key(&digest)?)
    }

    fn reviewed(&self, token: &str) -> Result<OperationRecord, AdapterError> {
        let record: Option<OperationRecord> = self.store.read(Folder::Operations, token)?;
        record.filter(|record| record.review.is_some()).ok_or_else(unknown)
    }
}

fn pending(token: &str, review: &ReviewRecord) -> Outcome {
    Outcome::Pending(Pending {
        token: token.to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
        expires_at_ms: Some(review.expires_at_ms),
    })
}

fn unknown() -> AdapterError {
    AdapterError::permanent("this CA gave out no such token")
}
