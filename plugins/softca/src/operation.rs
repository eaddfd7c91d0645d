//! Once per idempotency key.
//!
//! Whoever holds the key's lock knows that nobody else, in any process, is working under that key. What makes something
//! new (a pair, a seal, a recovered key) is committed by its record, in one file; where operators must consent first, a
//! record that says so is stored, and replaced by that one later. What changes the state of something known is begun
//! with a record, done, and recorded as done; when a kill came between, whoever asks next does it again, which changes
//! nothing that is done.

use serde_json::value::RawValue;
use yinqiao_ca_sdk::messages::{ErrorClass, IdempotencyKey};
use yinqiao_ca_sdk::{AdapterError, Call, Operation, Outcome, Reply, Request};
use yinqiao_gm::sm3;

use crate::adapter::Instance;
use crate::authority::own;
use crate::record::{OperationRecord, ReviewOutcome};
use crate::store::{Folder, Lock};
use crate::vault::{SealedKey, Vault};

/// One attempt at making something new, under the lock of its idempotency key.
pub(crate) struct Attempt<'a> {
    pub(crate) call: &'a Call<'a>,
    /// The operation's file name.
    pub(crate) name: &'a str,
    pub(crate) vault: &'a Vault,
}

/// Something new, before it is committed.
pub(crate) struct Made {
    pub(crate) reply: Reply,
    /// Serial numbers or seal id.
    pub(crate) names: Vec<String>,
    pub(crate) escrow: Option<SealedKey>,
    /// The profile of certificates.
    pub(crate) product: Option<String>,
}

impl Instance {
    /// Runs an operation that changes something, or gives the outcome that it had before.
    pub(crate) fn change(&self, call: &Call<'_>, request: &Request) -> Result<Outcome, AdapterError> {
        let key = call.idempotency_key()?;
        // Before the key's lock, always in this order. States can be changed without any encrypted key.
        let vault = if makes_something(request.operation()) { Some(self.vault(call)?) } else { None };
        let (name, _lock) = self.lock_key(key)?;
        let document = request.to_json()?;
        let request_digest = sm3::digest(&document).to_string();
        if let Some(record) = self.store.read::<OperationRecord>(Folder::Operations, &name)? {
            if record.operation != request.operation() || record.request_digest != request_digest {
                let text =
                    "another request was made under this idempotency key; take a new key for a new request";
                return Err(AdapterError::permanent(text));
            }
            return match &vault {
                Some(vault) => self.resume(&Attempt { call, name: &name, vault }, record),
                None => self.finish(call, &name, record).and_then(|record| done(&record)),
            };
        }
        let record = OperationRecord {
            idempotency_key: key.clone(),
            operation: request.operation(),
            request_digest,
            begun: None,
            reply: None,
            made: Vec::new(),
            escrow: None,
            at_ms: call.host().now_ms(),
            product: None,
            review: None,
        };
        let document = String::from_utf8(document)
            .map_err(own)
            .and_then(|text| RawValue::from_string(text).map_err(own))?;
        let Some(vault) = vault else {
            self.check_state_change(request)?;
            let record = OperationRecord { begun: Some(document), ..record };
            self.create_record(&name, &record)?;
            return self.finish(call, &name, record).and_then(|record| done(&record));
        };
        let attempt = Attempt { call, name: &name, vault: &vault };
        if self.needs_review(request)? {
            self.check(&attempt, request)?;
            return self.enqueue(&attempt, record, document);
        }
        let made = self.make(&attempt, request)?;
        if call.cancelled() {
            let text = "the call was cancelled before anything was stored";
            return Err(AdapterError::new(ErrorClass::Retryable, text));
        }
        let (record, reply) = made.recorded(record)?;
        self.create_record(&name, &record)?;
        if matches!(request.operation(), Operation::Issue | Operation::Renew | Operation::Rekey) {
            self.delay();
        }
        Ok(Outcome::Done(reply))
    }

    /// Makes what is asked for; it counts once its record is stored.
    pub(crate) fn make(&self, attempt: &Attempt<'_>, request: &Request) -> Result<Made, AdapterError> {
        match request {
            Request::Issue(request) => self.issue(attempt, request),
            Request::Renew(request) => self.renew(attempt, request),
            Request::Rekey(request) => self.rekey(attempt, request),
            Request::RecoverKey(request) => self.recover_key(attempt, request),
            Request::SealIssue(request) => self.issue_seal(attempt, request),
            other => Err(AdapterError::not_supported(other.operation())),
        }
    }

    /// The outcome of what is on file under a key.
    pub(crate) fn resume(
        &self,
        attempt: &Attempt<'_>,
        record: OperationRecord,
    ) -> Result<Outcome, AdapterError> {
        match &record.review {
            Some(ReviewOutcome::Pending) => self.settle(attempt, record),
            Some(ReviewOutcome::Ended { text, .. }) => Err(AdapterError::permanent(text)),
            Some(ReviewOutcome::Approved { .. }) | None => {
                self.finish(attempt.call, attempt.name, record).and_then(|record| done(&record))
            }
        }
    }

    /// What is recorded under a key; what was begun is finished first.
    pub(crate) fn recorded(
        &self,
        call: &Call<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<(String, OperationRecord)>, AdapterError> {
        let (name, _lock) = self.lock_key(key)?;
        match self.store.read::<OperationRecord>(Folder::Operations, &name)? {
            None => Ok(None),
            Some(record) => match self.finish(call, &name, record) {
                Ok(record) => Ok(Some((name, record))),
                Err(error) if error.class == ErrorClass::Permanent => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    fn lock_key(&self, key: &IdempotencyKey) -> Result<(String, Lock), AdapterError> {
        let digest = sm3::digest(key.as_str().as_bytes());
        let lock = self.store.lock_key(&digest)?;
        Ok((digest.to_string(), lock))
    }

    pub(crate) fn create_record(&self, name: &str, record: &OperationRecord) -> Result<(), AdapterError> {
        if self.store.create(Folder::Operations, name, record)? {
            return Ok(());
        }
        // The lock forbids it, unless the file system does not know locks.
        Err(AdapterError::unhealthy(
            "two processes work under one idempotency key: the file locks do not hold",
        ))
    }

    /// Does what was begun and records its reply. Where that is not possible any more (a certificate that was to be
    /// held is revoked by now) the record goes, and nothing was done under its key.
    fn finish(
        &self,
        call: &Call<'_>,
        name: &str,
        record: OperationRecord,
    ) -> Result<OperationRecord, AdapterError> {
        let Some(begun) = &record.begun else { return Ok(record) };
        let request = Request::parse(record.operation, begun.get().as_bytes())?;
        match self.change_state(call, &request) {
            Ok(reply) => {
                let record = OperationRecord { begun: None, reply: Some(raw(&reply)?), ..record };
                self.store.replace(Folder::Operations, name, &record)?;
                Ok(record)
            }
            Err(error) if error.class == ErrorClass::Permanent => {
                self.store.remove(Folder::Operations, name)?;
                Err(error)
            }
            // It may be half done; whoever asks next finishes it.
            Err(error) => Err(AdapterError { class: ErrorClass::UnknownOutcome, ..error }),
        }
    }
}

impl Made {
    /// The record that commits it, and its reply.
    pub(crate) fn recorded(self, record: OperationRecord) -> Result<(OperationRecord, Reply), AdapterError> {
        let record = OperationRecord {
            reply: Some(raw(&self.reply)?),
            made: self.names,
            escrow: self.escrow,
            product: self.product,
            ..record
        };
        Ok((record, self.reply))
    }
}

const fn makes_something(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Issue | Operation::Renew | Operation::Rekey | Operation::RecoverKey | Operation::SealIssue
    )
}

fn done(record: &OperationRecord) -> Result<Outcome, AdapterError> {
    match &record.reply {
        Some(reply) => Ok(Outcome::Done(Reply::parse(record.operation, reply.get().as_bytes())?)),
        None => Err(AdapterError::unhealthy("the record of this idempotency key has no reply in it")),
    }
}

fn raw(reply: &Reply) -> Result<Box<RawValue>, AdapterError> {
    serde_json::value::to_raw_value(reply).map_err(own)
}
