//! What is kept, and the promises that every store gives.
//!
//! A store decides: a change names the version that it was made from, and is taken only while that version is the
//! current one. An `Ok` means that the change is on disk and survives a power cut. Events get their sequence numbers in
//! the store, in the order of the changes, and are published in that order before the change is acknowledged.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::event::{Event, EventPage, Happening};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId, Timestamp};

use crate::session::record::SessionRecord;

pub mod conformance;
pub mod sled;

/// An answer to come.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The named version is not the current one: read again and decide anew. Nothing was changed.
    #[error("the record was changed by someone else in the meantime")]
    Conflict,
    /// The store cannot be reached or its disk is in trouble. The change may or may not have happened.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What was read does not make sense.
    #[error("the store holds a record that cannot be read: {0}")]
    Corrupt(String),
}

/// A session as read.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// Rises with each change, from 1.
    pub version: u64,
    /// Sequence number of its last event.
    pub sequence: u64,
    /// What is stored.
    pub record: Arc<SessionRecord>,
}

/// A change of one session.
#[derive(Clone, Debug)]
pub struct SessionChange {
    /// The version that the change was made from; 0 for a new session.
    pub expected: u64,
    /// What is to be stored.
    pub record: Arc<SessionRecord>,
    /// What happened, in order. `Completed` carries its result here; the log keeps it without.
    pub happenings: Vec<Happening>,
    /// When it was decided.
    pub at: Timestamp,
}

/// An opening as stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OpeningRecord {
    /// Its name.
    pub id: OpeningId,
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// As given.
    pub title: String,
    /// When its window ends.
    pub until: Timestamp,
    /// In the order given.
    pub sessions: Vec<SessionId>,
}

/// Sessions, openings and events.
pub trait SessionStore: Send + Sync {
    /// Applies all changes or none, in one step, and answers with the new versions.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when any expected version is not the current one.
    fn commit(&self, changes: Vec<SessionChange>) -> StoreFuture<'_, Vec<StoredSession>>;

    /// As [`SessionStore::commit`], together with a new or changed opening.
    ///
    /// # Errors
    /// As there; and [`StoreError::Conflict`] when none of the opening's sessions would be stored afterwards, since it
    /// was removed with the last of them.
    fn commit_opening(
        &self,
        opening: OpeningRecord,
        changes: Vec<SessionChange>,
    ) -> StoreFuture<'_, Vec<StoredSession>>;

    /// Reads a session.
    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<StoredSession>>;

    /// Reads an opening.
    fn opening(&self, id: OpeningId) -> StoreFuture<'_, Option<OpeningRecord>>;

    /// All sessions with their deadlines (expiry, or removal of ended ones): read once at start.
    fn deadlines(&self) -> StoreFuture<'_, Vec<SessionDeadline>>;

    /// At most `limit` events of a relying party after a sequence number, in order; only of one session or opening
    /// where `of` says so. `Completed` carries its result as long as the session still holds it.
    fn events(
        &self,
        relying_party: RelyingPartyId,
        of: EventsOf,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, EventPage>;

    /// Removes ended sessions with their events; those that are not at the given version stay. Openings without
    /// sessions go too. `EventPage::complete` is false from then on for numbers before the removed events.
    fn remove(&self, sessions: Vec<(SessionId, u64)>) -> StoreFuture<'_, usize>;
}

/// When something is due for a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionDeadline {
    /// Which.
    pub id: SessionId,
    /// Its version.
    pub version: u64,
    /// See `SessionRecord::deadline`.
    pub deadline: Timestamp,
    /// Whether it has ended, so that the deadline is its removal.
    pub ended: bool,
}

/// Which of a relying party's events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventsOf {
    /// All.
    RelyingParty,
    /// One session's.
    Session(SessionId),
    /// One opening's.
    Opening(OpeningId),
}

/// Hears of every event, in order of sequence numbers per relying party, after it is on disk. Must not block.
pub trait EventSink: Send + Sync {
    /// Called by the store's writer.
    fn publish(&self, relying_party: &RelyingPartyId, event: Arc<Event>);
}

/// A kind of record other than sessions. The number is part of the stored key and never changes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Collection {
    /// Relying parties by id.
    RelyingParty = 1,
    /// Relying parties' ids by SM3 of an API key.
    ApiKey = 2,
    /// Certificates by SM3 of their DER.
    Certificate = 4,
    /// Enrolments by SM3 of their code.
    Enrolment = 5,
    /// Seals by enterprise and id.
    Seal = 6,
    /// Calls to adapters that have begun and not been concluded, by idempotency key.
    AdapterJournal = 7,
    /// Times in which something was not to be had, by start.
    Outage = 8,
    /// Single values of the broker itself.
    Setting = 9,
    /// Seals that a CA was asked for and has not made yet, by id.
    SealRequest = 10,
    /// Persons who sign in, by id.
    User = 11,
    /// Attempts to sign in, by id.
    SignIn = 12,
    /// Phones that are signed in, by id.
    DeviceSession = 13,
    /// Companies by unified social credit code.
    Enterprise = 14,
    /// Who belongs to which company, by credit code and user.
    Membership = 15,
    /// Applications for certificates, by id.
    Order = 16,
    /// Applications for seals, by id.
    SealApplication = 17,
    /// Invoices, by SM3 of their bytes.
    InvoiceFile = 18,
    /// Removals with what follows from them, by id.
    Cascade = 19,
    /// Requests to get an encryption key back, by id.
    Recovery = 20,
    /// Staff of the trading centre, by id.
    Operator = 21,
    /// Work to be done outside, by name.
    Job = 22,
    /// Messages to persons, by id.
    Message = 23,
    /// Notes of what was done, by time.
    Audit = 24,
    /// Answers to requests with an idempotency key, by digest of caller, path and key.
    IdempotentAnswer = 25,
    /// Keys of records by something else than their own key.
    Index = 26,
    /// What CAs have issued and the broker has refused, until it is revoked, by the key of its issue.
    RefusedPair = 27,
    /// Pictures that were uploaded for seals, by company and SM3 of their bytes.
    SealPicture = 28,
    /// Places of applications for seals that are under review, by company, kind and name.
    PendingSeal = 29,
}

/// A record as read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRecord {
    /// Of the entry, in its collection.
    pub key: Vec<u8>,
    /// Rises with each change, from 1.
    pub version: u64,
    /// What is stored.
    pub value: Vec<u8>,
}

/// A change of one record.
#[derive(Clone, Debug)]
pub struct RecordChange {
    /// Where.
    pub collection: Collection,
    /// Which.
    pub key: Vec<u8>,
    /// The version that the change was made from; 0 where there is none yet.
    pub expected: u64,
    /// What becomes of it.
    pub write: Write,
}

/// What a change does to a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Write {
    /// Stores this.
    Put(Vec<u8>),
    /// Removes it.
    Remove,
    /// Nothing; the whole change is refused when the record is at another version. So a decision can rest on a record
    /// that it does not change.
    Keep,
}

impl Write {
    /// Octets to be stored.
    pub fn len(&self) -> usize {
        if let Self::Put(value) = self { value.len() } else { 0 }
    }

    /// Whether no octets are to be stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Option<Vec<u8>>> for Write {
    fn from(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::Remove, Self::Put)
    }
}

/// Everything that is no session.
pub trait Records: Send + Sync {
    /// Reads one.
    fn record(&self, collection: Collection, key: Vec<u8>) -> StoreFuture<'_, Option<StoredRecord>>;

    /// Reads those whose key begins with `prefix`, in the order of their keys, after `after` where given.
    fn records(
        &self,
        collection: Collection,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRecord>>;

    /// Applies all changes or none, in one step.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when any expected version is not the current one.
    fn change(&self, changes: Vec<RecordChange>) -> StoreFuture<'_, ()>;
}
