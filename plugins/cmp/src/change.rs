//! One transaction from its idempotency key to its reply, whatever happens in between.
//!
//! ```text
//!            plan           answer               certConf, pkiconf
//!  (nothing) ----> Begun -> Sent ----> Granted -------------------> Done
//!                    ^       |  ^ \------------ rp ------------------^
//!   not sent, or the |       v  |
//!   CA says not now  +--- Waiting    Sent, Waiting --> Rejected
//! ```
//!
//! `Sent` is on the disk before the first octet leaves: whatever was not found there has not reached the CA.

use serde_json::json;
use yinqiao_ca_sdk::messages::{ErrorClass, LookupReply, Pending};
use yinqiao_ca_sdk::{AdapterError, Call, LogLevel, Operation, Outcome, Reply, Request};
use yinqiao_gm::sm3;

use crate::adapter::Instance;
use crate::asn1::{Body, InfoTypeAndValue, PollRep, PollReq, tag};
use crate::dialogue::{Answer, Dialogue, Failure};
use crate::fault::Refusal;
use crate::journal::{Entry, Rejection, State, Subject, Transaction, TransactionRecord};

const SENT: u32 = 10;
const SETTLED: u32 = 11;
const NOT_ASKED: u32 = 12;

/// When a CA that could not be reached is asked again about a waiting request.
const NOT_ASKED_PAUSE_MS: u64 = 1000;

/// The certReqId of everything that is no single certificate request (RFC 9810, 5.3.22).
pub(crate) const NO_REQUEST_ID: i64 = -1;

/// A transaction's first message.
pub(crate) struct Plan {
    pub(crate) body: Body,
    pub(crate) information: Vec<InfoTypeAndValue>,
    pub(crate) subject: Subject,
}

/// A transaction that this call has locked.
pub(crate) struct Work<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) entry: Entry,
    pub(crate) record: TransactionRecord,
    /// An earlier message of the same order may have acted: nothing that happens to a later one proves that it has not.
    pub(crate) doubtful: bool,
}

impl<'a> Work<'a> {
    fn new(call: &'a Call<'a>, entry: Entry, record: TransactionRecord) -> Self {
        Self { call, entry, record, doubtful: false }
    }

    /// Goes on to a state and has it on the disk.
    ///
    /// # Errors
    /// Unhealthy when it cannot be written; see [`Self::must_enter`].
    pub(crate) fn enter(&mut self, state: State) -> Result<(), AdapterError> {
        self.record.state = state;
        Ok(self.entry.write(&self.record)?)
    }

    /// As [`Self::enter`], after the CA has acted: then a journal that cannot be written makes the outcome unknown.
    pub(crate) fn must_enter(&mut self, state: State) -> Result<(), AdapterError> {
        self.enter(state).map_err(|error| AdapterError { class: ErrorClass::UnknownOutcome, ..error })
    }

    /// Finishes with a reply.
    pub(crate) fn finish(&mut self, reply: Reply) -> Result<Outcome, AdapterError> {
        let raw = serde_json::value::to_raw_value(&reply).map_err(|error| {
            AdapterError::unknown_outcome(format!("the reply cannot be written: {error}"))
        })?;
        self.must_enter(State::Done { reply: raw })?;
        Ok(Outcome::Done(reply))
    }

    /// The CA has said no: for good, or for now.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) -> AdapterError {
        let error = refusal.to_error();
        if self.doubtful {
            return in_doubt(error);
        }
        let state = match error.class {
            // The CA has this transaction already, from a message that somebody repeated.
            ErrorClass::UnknownOutcome => return error,
            ErrorClass::Permanent => State::Rejected {
                rejection: Rejection { vendor_code: error.vendor_code.clone(), text: error.text.clone() },
            },
            _ => State::Begun,
        };
        self.must_enter(state).err().unwrap_or(error)
    }

    /// The answer to the host while the CA is not ready.
    pub(crate) fn pending(&self, retry_after_ms: u64, give_up_ms: u64) -> Outcome {
        Outcome::Pending(Pending {
            token: self.entry.token().to_owned(),
            retry_after_ms,
            expires_at_ms: Some(self.record.begun_at_ms.saturating_add(give_up_ms)),
        })
    }

    /// An error as it counts for the operation: while the CA may have acted, no class may promise that it has not.
    fn class_of(&self, error: AdapterError) -> AdapterError {
        match self.record.state {
            State::Begun | State::Rejected { .. } | State::Done { .. } => error,
            State::Sent { .. } | State::Waiting { .. } | State::Granted { .. } | State::Refused { .. } => {
                in_doubt(error)
            }
        }
    }

    fn now_ms(&self) -> u64 {
        self.call.host().now_ms()
    }
}

impl Instance {
    /// Runs an operation that changes something, or goes on where an earlier call of the same key stopped.
    pub(crate) fn change(&self, call: &Call<'_>, request: &Request) -> Result<Outcome, AdapterError> {
        let key = call.idempotency_key()?;
        let request_digest = sm3::digest(&request.to_json()?).to_string();
        // Whoever holds the transaction may be sending it.
        let entry = self.journal.enter(call, key).map_err(in_doubt)?;
        if let Some(record) = entry.read().map_err(|error| in_doubt(error.into()))? {
            if record.operation != request.operation() || record.request_digest != request_digest {
                let text =
                    "another request was made under this idempotency key; take a new key for a new request";
                return Err(AdapterError::permanent(text));
            }
            let mut work = Work::new(call, entry, record);
            return match self.go_on(&mut work) {
                Ok(Some(outcome)) => Ok(outcome),
                Ok(None) => {
                    let plan = self.plan(call, request)?;
                    self.begin(&mut work, plan)
                }
                Err(error) => Err(work.class_of(error)),
            };
        }
        let plan = self.plan(call, request)?;
        let record = TransactionRecord {
            idempotency_key: key.clone(),
            operation: request.operation(),
            request_digest,
            begun_at_ms: call.host().now_ms(),
            subject: plan.subject.clone(),
            state: State::Begun,
        };
        self.begin(&mut Work::new(call, entry, record), plan)
    }

    /// Polls.
    pub(crate) fn continue_by_token(&self, call: &Call<'_>, token: &str) -> Result<Outcome, AdapterError> {
        let unknown = || AdapterError::permanent("nothing is under way under this token");
        let entry = self.journal.find(call, token)?.ok_or_else(unknown)?;
        let record = entry.read()?.ok_or_else(unknown)?;
        let mut work = Work::new(call, entry, record);
        match self.go_on(&mut work) {
            Ok(outcome) => outcome.ok_or_else(unknown),
            Err(error) => Err(work.class_of(error)),
        }
    }

    /// Says what is certain about a transaction, and brings it as far as it goes.
    pub(crate) fn look_up(&self, call: &Call<'_>, name: &str) -> Result<LookupReply, AdapterError> {
        let Some(entry) = self.journal.find(call, name)? else { return Ok(LookupReply::Absent) };
        let Some(record) = entry.read()? else { return Ok(LookupReply::Absent) };
        let mut work = Work::new(call, entry, record);
        let suspends = matches!(work.record.operation, Operation::Hold | Operation::Unhold);
        if suspends && matches!(work.record.state, State::Sent { .. }) && !work.entry.settled_as_absent() {
            // Not repeated here: another order may have changed the certificate since.
            let text =
                "the CA may have changed the certificate; submit again under the same key, or look at the CA";
            return Err(AdapterError::new(ErrorClass::Retryable, text));
        }
        match self.go_on(&mut work) {
            Ok(None) => Ok(LookupReply::Absent),
            Ok(Some(Outcome::Pending(pending))) => Ok(LookupReply::Pending { token: pending.token }),
            Ok(Some(Outcome::Done(_))) => match &work.record.state {
                State::Done { reply } => {
                    Ok(LookupReply::Done { operation: work.record.operation, reply: reply.clone() })
                }
                _ => Err(AdapterError::unhealthy("the journal has no reply of a transaction that is done")),
            },
            Err(_) if matches!(work.record.state, State::Begun | State::Rejected { .. }) => {
                Ok(LookupReply::Absent)
            }
            Err(error) => Err(match error.class {
                ErrorClass::UnknownOutcome | ErrorClass::Permanent => {
                    AdapterError { class: ErrorClass::Retryable, ..error }
                }
                _ => error,
            }),
        }
    }

    fn plan(&self, call: &Call<'_>, request: &Request) -> Result<Plan, AdapterError> {
        match request {
            Request::Issue(request) => self.plan_issue(call, request),
            Request::Renew(request) => self.plan_update(call, request, true),
            Request::Rekey(request) => self.plan_update(call, request, false),
            Request::Revoke(request) => self.plan_revocation(request),
            Request::Hold(request) => self.plan_suspension(request, true),
            Request::Unhold(request) => self.plan_suspension(request, false),
            _ => Err(AdapterError::not_supported(request.operation())),
        }
    }

    /// Sends a plan's message.
    fn begin(&self, work: &mut Work<'_>, plan: Plan) -> Result<Outcome, AdapterError> {
        if let Some(reply) = self.already(&plan.subject)? {
            return work.finish(reply);
        }
        let dialogue = Dialogue::open(&self.configuration, work.call)?;
        let mut transaction = Transaction::begin()?;
        work.record.subject = plan.subject;
        work.enter(State::Sent { transaction: transaction.clone() })?;
        let fields = json!({
            "event": "sent", "operation": work.record.operation.name(), "transaction_id": transaction.id,
            "trace_id": work.call.trace_id(),
        });
        work.call.host().log(LogLevel::Info, SENT, &fields);
        let expected = answers(&work.record.subject);
        match dialogue.exchange(&mut transaction, &plan.body, plan.information, &[expected]) {
            Ok(answer) => self.conclude(work, &dialogue, transaction, &answer),
            Err(Failure::NotSent(error)) if work.doubtful => Err(in_doubt(error)),
            Err(Failure::NotSent(error)) => {
                work.enter(State::Begun)?;
                Err(error)
            }
            Err(Failure::Waiting) => self.wait(work, transaction, NO_REQUEST_ID, None),
            Err(Failure::Refused(refusal)) => self.refused(work, &refusal),
            Err(Failure::Broken { text, vendor_code }) => {
                Err(AdapterError { vendor_code, ..AdapterError::unknown_outcome(text) })
            }
        }
    }

    /// Brings a transaction as far as it goes. None: the CA knows nothing of it, for certain.
    fn go_on(&self, work: &mut Work<'_>) -> Result<Option<Outcome>, AdapterError> {
        match work.record.state.clone() {
            State::Begun => Ok(None),
            State::Done { reply } => {
                let reply = Reply::parse(work.record.operation, reply.get().as_bytes())?;
                Ok(Some(Outcome::Done(reply)))
            }
            State::Rejected { rejection } => Err(rejection.into()),
            State::Sent { transaction } => self.resume(work, transaction),
            State::Waiting { transaction, cert_req_id, next_poll_ms, answer_lost } => {
                let now = work.now_ms();
                if now < next_poll_ms {
                    let left = next_poll_ms - now;
                    return Ok(Some(work.pending(left, self.configuration.poll.give_up_ms)));
                }
                self.ask_again(work, transaction, cert_req_id, answer_lost).map(Some)
            }
            State::Granted { transaction, cert_req_id, certificate, chain } => {
                let dialogue = Dialogue::open(&self.configuration, work.call).map_err(in_doubt)?;
                self.confirm(work, &dialogue, transaction, cert_req_id, &certificate, chain).map(Some)
            }
            State::Refused { transaction, cert_req_id, certificate, implicit, reason } => {
                self.refuse_again(work, transaction, cert_req_id, &certificate, implicit, &reason)
            }
        }
    }

    /// After an unknown outcome: an operator's word, else the CA's.
    fn resume(
        &self,
        work: &mut Work<'_>,
        mut transaction: Transaction,
    ) -> Result<Option<Outcome>, AdapterError> {
        if work.entry.settled_as_absent() {
            work.enter(State::Begun)?;
            work.entry.forget_absent()?;
            let fields = json!({"event": "settled as absent", "transaction_id": transaction.id});
            work.call.host().log(LogLevel::Warn, SETTLED, &fields);
            return Ok(None);
        }
        match &work.record.subject {
            Subject::Enrolment(_) => {
                if let Some(certificate) = work.entry.settled_certificate()? {
                    return self.settle(work, certificate).map(Some);
                }
            }
            // Once more is not twice: a second request for the same state finds it or makes it.
            Subject::Revocation(revocation) => {
                let plan = self.plan_again(revocation.clone())?;
                work.doubtful = true;
                return self.begin(work, plan).map(Some).map_err(in_doubt);
            }
        }
        let dialogue = Dialogue::open(&self.configuration, work.call).map_err(in_doubt)?;
        match self.poll_request(work, &dialogue, &mut transaction, 0) {
            Ok(answer) if answer.body.number == tag::POLL_REP => {
                self.put_off(work, transaction, &answer).map(Some)
            }
            Ok(answer) => self.conclude(work, &dialogue, transaction, &answer).map(Some),
            Err(failure) => Err(AdapterError::unknown_outcome(format!(
                "the CA does not tell what became of the transaction {}: {}; ask the CA's operator, and put a file named absent, or the certificate as certificate.der, into the transaction's folder {}",
                transaction.id,
                failure.into_reading_error().text,
                work.entry.token()
            ))),
        }
    }

    /// Asks with pollReq whether it is ready.
    fn ask_again(
        &self,
        work: &mut Work<'_>,
        mut transaction: Transaction,
        cert_req_id: i64,
        answer_lost: bool,
    ) -> Result<Outcome, AdapterError> {
        let dialogue = Dialogue::open(&self.configuration, work.call)?;
        match self.poll_request(work, &dialogue, &mut transaction, cert_req_id) {
            Ok(answer) if answer.body.number == tag::POLL_REP => self.put_off(work, transaction, &answer),
            Ok(answer) => self.conclude(work, &dialogue, transaction, &answer),
            Err(Failure::NotSent(error)) => {
                let fields = json!({"event": "not asked again", "reason": error.text});
                work.call.host().log(LogLevel::Warn, NOT_ASKED, &fields);
                let poll = self.configuration.poll;
                Ok(work.pending(poll.shortest_ms.max(NOT_ASKED_PAUSE_MS), poll.give_up_ms))
            }
            Err(Failure::Waiting) => self.wait(work, transaction, cert_req_id, None),
            Err(Failure::Refused(refusal)) => match refusal.class() {
                // What was lost may have been the certificate, and this no to a transaction that is over.
                ErrorClass::Permanent if answer_lost => {
                    work.must_enter(State::Sent { transaction })?;
                    Err(in_doubt(refusal.to_error()))
                }
                ErrorClass::Permanent => self.refused(work, &refusal),
                _ => Err(refusal.to_error()),
            },
            Err(Failure::Broken { text, vendor_code }) => {
                let next_poll_ms = work.now_ms();
                work.must_enter(State::Waiting {
                    transaction,
                    cert_req_id,
                    next_poll_ms,
                    answer_lost: true,
                })?;
                Err(AdapterError { vendor_code, ..AdapterError::unknown_outcome(text) })
            }
        }
    }

    fn poll_request(
        &self,
        work: &Work<'_>,
        dialogue: &Dialogue<'_>,
        transaction: &mut Transaction,
        cert_req_id: i64,
    ) -> Result<Answer, Failure> {
        let body = Body::new(tag::POLL_REQ, &vec![PollReq { cert_req_id }])
            .map_err(|error| Failure::NotSent(AdapterError::unhealthy(error.to_string())))?;
        dialogue.exchange(transaction, &body, Vec::new(), &[answers(&work.record.subject), tag::POLL_REP])
    }

    /// The CA's pollRep.
    fn put_off(
        &self,
        work: &mut Work<'_>,
        transaction: Transaction,
        answer: &Answer,
    ) -> Result<Outcome, AdapterError> {
        let content: Vec<PollRep> = answer.body.read().map_err(|error| {
            AdapterError::unknown_outcome(format!("the pollRep is not valid DER: {error}"))
        })?;
        let [reply] = content.as_slice() else {
            return Err(AdapterError::unknown_outcome("the pollRep must be about one request"));
        };
        let seconds = u64::try_from(reply.check_after).unwrap_or(0);
        self.wait(work, transaction, reply.cert_req_id, Some(seconds))
    }

    /// Remembers that the CA wants to be asked again.
    pub(crate) fn wait(
        &self,
        work: &mut Work<'_>,
        transaction: Transaction,
        cert_req_id: i64,
        check_after_s: Option<u64>,
    ) -> Result<Outcome, AdapterError> {
        let poll = self.configuration.poll;
        let asked = check_after_s.unwrap_or(0).saturating_mul(1000);
        let after = asked.clamp(poll.shortest_ms, poll.longest_ms);
        let next_poll_ms = work.now_ms().saturating_add(after);
        work.must_enter(State::Waiting { transaction, cert_req_id, next_poll_ms, answer_lost: false })?;
        Ok(work.pending(after, poll.give_up_ms))
    }

    /// The CA's answer to the request itself.
    fn conclude(
        &self,
        work: &mut Work<'_>,
        dialogue: &Dialogue<'_>,
        transaction: Transaction,
        answer: &Answer,
    ) -> Result<Outcome, AdapterError> {
        match work.record.subject.clone() {
            Subject::Enrolment(enrolment) => {
                self.conclude_enrolment(work, dialogue, transaction, answer, &enrolment)
            }
            Subject::Revocation(revocation) => {
                self.conclude_revocation(work, transaction, answer, &revocation)
            }
        }
    }

    fn refused(&self, work: &mut Work<'_>, refusal: &Refusal) -> Result<Outcome, AdapterError> {
        if let Subject::Revocation(revocation) = work.record.subject.clone() {
            return self.refused_revocation(work, refusal, &revocation);
        }
        Err(work.refuse(refusal))
    }
}

/// The body that answers.
fn answers(subject: &Subject) -> u32 {
    match subject {
        Subject::Enrolment(enrolment) => enrolment.answer,
        Subject::Revocation(_) => tag::RP,
    }
}

/// The same error where an earlier message may have done something.
pub(crate) fn in_doubt(error: AdapterError) -> AdapterError {
    AdapterError { class: ErrorClass::UnknownOutcome, ..error }
}
