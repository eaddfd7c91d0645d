//! Once per idempotency key.
//!
//! Whoever holds the key's lock knows that nobody else, in any process, is working under that key. What makes something
//! new (a pair, a seal) is committed by its record, in one file. What changes the state of something known is begun with
//! a record, done, and recorded as done; when a kill came between, whoever asks next does it again, which changes
//! nothing that is done.

use serde_json::value::RawValue;
use yinqiao_ca_sdk::messages::{ErrorClass, IdempotencyKey};
use yinqiao_ca_sdk::{AdapterError, Call, Operation, Reply, Request};
use yinqiao_gm::sm3;

use crate::adapter::Instance;
use crate::authority::own;
use crate::record::OperationRecord;
use crate::store::{Folder, Lock};
use crate::vault::SealedKey;

/// Something new, before it is committed.
pub(crate) struct Made {
    pub(crate) reply: Reply,
    /// Serial numbers or seal id.
    pub(crate) names: Vec<String>,
    pub(crate) escrow: Option<SealedKey>,
}

impl Instance {
    /// Runs an operation that changes something, or gives the reply that it had before.
    pub(crate) fn change(&self, call: &Call<'_>, request: &Request) -> Result<Reply, AdapterError> {
        let key = call.idempotency_key()?;
        let (name, _lock) = self.lock_key(key)?;
        let document = request.to_json()?;
        let request_digest = sm3::digest(&document).to_string();
        if let Some(record) = self.store.read::<OperationRecord>(Folder::Operations, &name)? {
            if record.operation != request.operation() || record.request_digest != request_digest {
                let text =
                    "another request was made under this idempotency key; take a new key for a new request";
                return Err(AdapterError::permanent(text));
            }
            return self.finish(call, &name, record).and_then(|record| reply(&record));
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
        };
        let made = match request {
            Request::Issue(request) => self.issue(call, &name, request)?,
            Request::Renew(request) => self.renew(call, &name, request)?,
            Request::Rekey(request) => self.rekey(call, &name, request)?,
            Request::RecoverKey(request) => self.recover_key(request)?,
            Request::SealIssue(request) => self.issue_seal(call, &name, request)?,
            _ => {
                self.check_state_change(request)?;
                let begun = String::from_utf8(document)
                    .map_err(own)
                    .and_then(|text| RawValue::from_string(text).map_err(own));
                let record = OperationRecord { begun: Some(begun?), ..record };
                self.commit(&name, &record)?;
                return self.finish(call, &name, record).and_then(|record| reply(&record));
            }
        };
        if call.cancelled() {
            let text = "the call was cancelled before anything was stored";
            return Err(AdapterError::new(ErrorClass::Retryable, text));
        }
        let record = OperationRecord {
            reply: Some(raw(&made.reply)?),
            made: made.names,
            escrow: made.escrow,
            ..record
        };
        self.commit(&name, &record)?;
        if matches!(request.operation(), Operation::Issue | Operation::Renew | Operation::Rekey) {
            self.delay();
        }
        Ok(made.reply)
    }

    /// What is recorded under a key; what was begun is finished first.
    pub(crate) fn recorded(
        &self,
        call: &Call<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<OperationRecord>, AdapterError> {
        let (name, _lock) = self.lock_key(key)?;
        match self.store.read::<OperationRecord>(Folder::Operations, &name)? {
            None => Ok(None),
            Some(record) => match self.finish(call, &name, record) {
                Ok(record) => Ok(Some(record)),
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

    fn commit(&self, name: &str, record: &OperationRecord) -> Result<(), AdapterError> {
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

fn reply(record: &OperationRecord) -> Result<Reply, AdapterError> {
    match &record.reply {
        Some(reply) => Ok(Reply::parse(record.operation, reply.get().as_bytes())?),
        None => Err(AdapterError::unhealthy("the record of this idempotency key has no reply in it")),
    }
}

fn raw(reply: &Reply) -> Result<Box<RawValue>, AdapterError> {
    serde_json::value::to_raw_value(reply).map_err(own)
}
