//! Operations whose end nobody knows yet, and a person's word about them. Neither needs a plugin; where one runs that can
//! be asked, it is asked before a person's word is taken.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::info;

use yinqiao_ca_abi::capability::CA_CAN_LOOKUP;
use yinqiao_ca_sdk::messages::{IdempotencyKey, LookupQuery, LookupReply, Reply};
use yinqiao_ca_worker::CallOptions;
use yinqiao_protocol::Timestamp;

use crate::adapter::Authorities;
use crate::adapter::journal::{Journal, JournalEntry, JournalError, Progress};
use crate::store::StoreError;

/// How long the CA may take to say what it has done.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(10);

/// Why a person's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// No key looks like this.
    #[error("the key cannot be one: {0}")]
    Key(String),
    /// The CA has done it.
    #[error(
        "the CA \"{adapter}\" says that it has done {key}: have the holder send the same request again to get the result; if \
         it is not wanted any more, have the CA revoke it"
    )]
    Done {
        /// Name of the adapter.
        adapter: String,
        /// What the CA knows the operation by.
        key: String,
    },
    /// The CA is at it.
    #[error("the CA \"{adapter}\" says that it has accepted {key} and is not finished: wait, or call them")]
    Pending {
        /// Name of the adapter.
        adapter: String,
        /// What the CA knows the operation by.
        key: String,
    },
    /// The journal does not take it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What asking the CA came to.
enum Lookup {
    Absent,
    Pending(String),
    Done(String),
    /// Nothing: why.
    NotAsked(String),
}

/// Operations that something can still come of.
///
/// # Errors
/// When the store fails.
pub async fn list(journal: &Journal) -> Result<Value, StoreError> {
    let mut rows = Vec::new();
    for entry in journal.unconcluded().await? {
        if let Some((progress, next)) = what_comes(&entry.progress) {
            rows.push(json!({
                "key": entry.idempotency_key,
                "adapter": entry.adapter,
                "operation": entry.operation.to_string(),
                "progress": progress,
                "next": next,
                "noted_at": entry.noted_at,
            }));
        }
    }
    Ok(json!({ "operations": rows }))
}

/// How far an operation is, and what comes next; `None` when nothing does.
pub(in crate::operator) fn what_comes(progress: &Progress) -> Option<(&'static str, &'static str)> {
    match progress {
        // Nothing was done, and nothing will be unless somebody asks anew.
        Progress::Abandoned | Progress::Concluded | Progress::NotDone => None,
        Progress::Submitted => {
            Some(("outcome unknown", "found out when the same request comes again, or settled"))
        }
        Progress::Pending { .. } => Some(("pending at the CA", "asked again until the CA has decided")),
        Progress::Done { .. } => {
            Some(("done, result not taken yet", "taken when the same request comes again"))
        }
    }
}

/// Takes a person's word that a CA has done nothing under `key`, unless the CA itself says otherwise. `live` are the
/// adapters of this process; without them no plugin is started, and the CA is not asked.
///
/// # Errors
/// See [`SettleError`].
pub async fn settle(
    journal: &Journal,
    live: Option<&Authorities>,
    key: String,
    user: &str,
    now: Timestamp,
) -> Result<Value, SettleError> {
    let key = IdempotencyKey::try_from(key).map_err(|reason| SettleError::Key(reason.to_string()))?;
    let _alone = journal.alone(&key).await;
    let open = journal.unconcluded().await?;
    let found = open.into_iter().find(|entry| entry.idempotency_key == key.as_str());
    let found = found.ok_or_else(|| JournalError::NotFound(key.as_str().to_owned()))?;
    if let Some(state) = settled_already(&found.progress) {
        return Err(JournalError::NotUnknown(key.as_str().to_owned(), state).into());
    }
    let JournalEntry { adapter, operation, request_sm3, .. } = found;
    let mut entry = journal.open(&key, &adapter, operation, request_sm3, now).await?;
    let refusal = |done: bool| {
        let (adapter, key) = (adapter.clone(), key.as_str().to_owned());
        if done { SettleError::Done { adapter, key } } else { SettleError::Pending { adapter, key } }
    };
    let lookup = match look_up(live, &entry.value, &key).await {
        Lookup::Done(reply) => {
            journal.note(&mut entry, Progress::Done { reply }, now).await?;
            return Err(refusal(true));
        }
        Lookup::Pending(token) => {
            journal.note(&mut entry, Progress::Pending { token, expires_at: None }, now).await?;
            return Err(refusal(false));
        }
        Lookup::Absent => "the CA says itself that it has done nothing".to_owned(),
        Lookup::NotAsked(why) => format!("the CA was not asked: {why}"),
    };
    journal.note(&mut entry, Progress::NotDone, now).await?;
    info!(key = key.as_str(), adapter, user, lookup, "operation settled as not done");
    Ok(json!({
        "key": key.as_str(),
        "adapter": adapter,
        "operation": operation.to_string(),
        "progress": "not done",
        "lookup": lookup,
        "next": "it is over, unless the same request comes again: then it is submitted anew",
    }))
}

fn settled_already(progress: &Progress) -> Option<&'static str> {
    match progress {
        Progress::Submitted => None,
        Progress::NotDone | Progress::Abandoned => Some("known not to be done"),
        Progress::Pending { .. } => Some("pending at the CA"),
        Progress::Done { .. } | Progress::Concluded => Some("done"),
    }
}

async fn look_up(live: Option<&Authorities>, entry: &JournalEntry, key: &IdempotencyKey) -> Lookup {
    let Some(live) = live else { return Lookup::NotAsked("no broker runs".to_owned()) };
    let handle = match live.get(&entry.adapter).and_then(|authority| authority.handle()) {
        Ok(handle) => handle,
        Err(reason) => return Lookup::NotAsked(reason.to_string()),
    };
    if handle.capabilities() & CA_CAN_LOOKUP == 0 {
        return Lookup::NotAsked("its plugin cannot look operations up".to_owned());
    }
    let query = LookupQuery::IdempotencyKey(key.clone());
    match handle.lookup(&query, &CallOptions::within(LOOK_UP_WITHIN)).await {
        Ok(LookupReply::Absent) => Lookup::Absent,
        Ok(LookupReply::Pending { token }) => Lookup::Pending(token),
        Ok(LookupReply::Done { operation, reply }) if operation == entry.operation => {
            match Reply::parse(operation, reply.get().as_bytes()) {
                Ok(_) => Lookup::Done(reply.get().to_owned()),
                Err(reason) => Lookup::NotAsked(format!(
                    "its plugin says that it has done it, in a reply that cannot be ({reason}): tell its vendor"
                )),
            }
        }
        Ok(LookupReply::Done { operation, .. }) => Lookup::NotAsked(format!(
            "its plugin answers for another operation, {operation}: tell its vendor"
        )),
        Err(reason) => Lookup::NotAsked(format!("it gives no answer ({reason})")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yinqiao_ca_sdk::Operation;
    use yinqiao_protocol::Sm3Hex;

    use super::*;
    use crate::event::EventHub;
    use crate::store::Records;
    use crate::store::sled::SledStore;

    fn key() -> IdempotencyKey {
        "key-1".to_owned().try_into().unwrap()
    }

    async fn journal_with(folder: &std::path::Path, progress: Progress) -> Journal {
        let store = SledStore::open(folder, Arc::new(EventHub::default())).unwrap();
        let records: Arc<dyn Records> = Arc::new(store);
        let journal = Journal::new(&records);
        let now = Timestamp::from_millis(1);
        let mut entry =
            journal.open(&key(), "ca", Operation::Issue, Sm3Hex::of(b"request"), now).await.unwrap();
        journal.note(&mut entry, progress, now).await.unwrap();
        journal
    }

    async fn rows(journal: &Journal) -> usize {
        list(journal).await.unwrap()["operations"].as_array().unwrap().len()
    }

    #[actix_rt::test]
    async fn what_was_settled_without_a_broker_is_gone_and_says_that_the_ca_was_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal_with(folder.path(), Progress::Submitted).await;
        assert_eq!(rows(&journal).await, 1);
        let now = Timestamp::from_millis(2);
        let answer = settle(&journal, None, "key-1".into(), "li", now).await.unwrap();
        assert!(answer["lookup"].as_str().unwrap().contains("not asked"), "{answer}");
        assert_eq!(rows(&journal).await, 0);
        let again = settle(&journal, None, "key-1".into(), "li", now).await.unwrap_err();
        assert!(again.to_string().contains("known not to be done"), "{again}");
    }

    #[actix_rt::test]
    async fn what_the_ca_has_finished_or_is_at_is_not_for_a_person_to_say() {
        let done = Progress::Done { reply: "{}".into() };
        let pending = Progress::Pending { token: "t".into(), expires_at: None };
        for (progress, word) in [(done, "done"), (pending, "pending")] {
            let folder = tempfile::tempdir().unwrap();
            let journal = journal_with(folder.path(), progress).await;
            let now = Timestamp::from_millis(2);
            let error = settle(&journal, None, "key-1".into(), "li", now).await.unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(rows(&journal).await, 1);
        }
    }
}
