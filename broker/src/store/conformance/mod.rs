//! What every store must do, as checks that run against any of them.
//!
//! A new store implements [`Subject`] in its tests and calls [`store_conformance!`](crate::store_conformance), which
//! makes one test of each check. Each needs a subject of its own, that is, an empty store.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use yinqiao_protocol::event::Event;
use yinqiao_protocol::{IdentifierError, RelyingPartyId};

use super::{EventSink, Records, SessionStore, StoreError};

pub mod events;
pub mod fixture;
pub mod records;
pub mod sessions;

/// A store under test.
pub trait Subject: Send + Sync {
    /// The store.
    type Store: Records + SessionStore + 'static;

    /// Opens it: empty at first, later, when the one opened before is dropped, with what it held.
    fn open(
        &self,
        sink: Arc<dyn EventSink>,
    ) -> impl Future<Output = Result<Arc<Self::Store>, StoreError>> + Send;
}

/// A promise that a store does not keep.
#[derive(Debug, thiserror::Error)]
pub enum Breach {
    /// An error where there should be none.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The subject could not be made.
    #[error("the store under test cannot be made: {0}")]
    Subject(#[from] std::io::Error),
    /// A name in a fixture is none.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Something else than was promised.
    #[error("{promise}: expected {expected}, found {found}")]
    Promise {
        /// What was promised.
        promise: &'static str,
        /// What should be.
        expected: String,
        /// What is.
        found: String,
    },
}

/// Remembers what was published.
#[derive(Default)]
pub struct Heard(Mutex<Vec<(RelyingPartyId, Arc<Event>)>>);

impl Heard {
    /// What one relying party's subscribers would have heard, in order.
    pub fn of(&self, relying_party: &RelyingPartyId) -> Vec<Event> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|(of, _)| of == relying_party).map(|(_, event)| Event::clone(event)).collect()
    }
}

impl EventSink for Heard {
    fn publish(&self, relying_party: &RelyingPartyId, event: Arc<Event>) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((relying_party.clone(), event));
    }
}

/// Opens a subject whose events nobody looks at.
async fn opened<S: Subject>(subject: &S) -> Result<Arc<S::Store>, Breach> {
    Ok(subject.open(Arc::new(Heard::default())).await?)
}

fn same<T: PartialEq + std::fmt::Debug>(promise: &'static str, expected: T, found: T) -> Result<(), Breach> {
    if expected == found {
        return Ok(());
    }
    Err(Breach::Promise { promise, expected: format!("{expected:?}"), found: format!("{found:?}") })
}

fn conflict<T: std::fmt::Debug>(promise: &'static str, outcome: Result<T, StoreError>) -> Result<(), Breach> {
    match outcome {
        Err(StoreError::Conflict) => Ok(()),
        other => {
            Err(Breach::Promise { promise, expected: "a conflict".to_owned(), found: format!("{other:?}") })
        }
    }
}

/// One test of each check, against a fresh subject each: `store_conformance!(MySubject::new());`
#[macro_export]
macro_rules! store_conformance {
    ($subject:expr) => {
        $crate::store_conformance!($subject;
            sessions::a_session_is_read_as_it_was_stored,
            sessions::a_change_from_another_version_is_a_conflict_and_changes_nothing,
            sessions::one_of_sixty_four_writers_wins,
            sessions::all_changes_are_stored_or_none,
            sessions::an_opening_is_stored_with_its_sessions,
            sessions::a_session_with_a_thousand_results_is_stored,
            sessions::deadlines_are_those_of_the_last_change,
            sessions::only_ended_sessions_at_the_named_version_are_removed,
            sessions::an_opening_goes_with_its_last_session,
            sessions::a_store_opened_again_holds_everything,
            events::an_event_is_published_before_its_change_is_acknowledged,
            events::numbers_have_no_gaps_and_are_published_in_order,
            events::a_replay_begins_after_the_number_and_ends_at_the_limit,
            events::a_session_and_an_opening_have_their_own_events_only,
            events::a_result_stands_in_the_events_until_it_is_acknowledged,
            events::a_page_says_when_earlier_events_were_removed,
            events::numbers_go_on_after_removal_and_reopening,
            records::a_record_is_changed_from_its_version_only,
            records::all_records_of_a_change_are_stored_or_none,
            records::a_change_is_refused_when_what_it_rests_on_has_changed,
            records::records_are_listed_by_prefix_and_page_by_page,
            records::a_long_record_comes_back_whole_and_can_shrink,
        );
    };
    ($subject:expr; $($module:ident::$check:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $check() -> Result<(), $crate::store::conformance::Breach> {
                $crate::store::conformance::$module::$check(&$subject).await
            }
        )+
    };
}
