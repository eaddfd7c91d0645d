//! Times in which the broker or a CA was out of reach. A session that expires in such a time does so through no fault of
//! its bidder.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tracing::warn;

use yinqiao_protocol::Timestamp;

use crate::directory::Table;
use crate::session::actor::OutageLog;
use crate::session::machine::Outage;
use crate::store::{Collection, Records, StoreError};

/// Outages older than this touch no session any more.
const KEEP_SECONDS: i64 = 86_400;
/// A sign of life comes each two seconds; after this many milliseconds without one the broker stood still.
const STALLED_MILLIS: u64 = 10_000;
/// The setting that says when the broker was last alive.
const ALIVE: &[u8] = b"alive";

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OutageRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate_authority: Option<String>,
    from: Timestamp,
    until: Timestamp,
}

/// Past outages from the store, and those that go on.
pub struct Outages {
    stored: Table<OutageRecord>,
    alive: Table<Timestamp>,
    /// Held for a look or an insertion, never across an await.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The broker's last sign of life.
    alive_at: Timestamp,
    past: Vec<Outage>,
    /// Name of the adapter and start.
    going_on: Vec<(String, Timestamp)>,
}

impl Outages {
    /// Reads what is stored, and notes the time since the broker was last alive as an outage.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(records: &Arc<dyn Records>, now: Timestamp) -> Result<Self, StoreError> {
        let outages = Self {
            stored: Table::new(records, Collection::Outage),
            alive: Table::new(records, Collection::Setting),
            known: Mutex::default(),
        };
        let old = |until: Timestamp| until.seconds() < now.seconds() - KEEP_SECONDS;
        let past = outages.stored.list(&[]).await?;
        outages.known().past = past
            .into_iter()
            .filter(|outage| !old(outage.until))
            .map(|outage| Outage {
                certificate_authority: outage.certificate_authority,
                from: outage.from,
                until: outage.until,
            })
            .collect();
        if let Some(last) = outages.alive.get(ALIVE).await? {
            outages.note(Outage { certificate_authority: None, from: last.value, until: now }).await?;
        }
        outages.still_alive(now).await?;
        Ok(outages)
    }

    /// Notes that the broker is alive: called every few seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn still_alive(&self, now: Timestamp) -> Result<(), StoreError> {
        let last = self.known().alive_at;
        if last.millis() > 0 && last.millis_until(now) > STALLED_MILLIS {
            self.note(Outage { certificate_authority: None, from: last, until: now }).await?;
        }
        self.known().alive_at = now;
        let version = self.alive.get(ALIVE).await?.map_or(0, |alive| alive.version);
        self.alive.put(ALIVE, version, &now).await
    }

    /// A CA's status service does not answer since `from`.
    pub fn begins(&self, certificate_authority: &str, from: Timestamp) {
        let mut known = self.known();
        if !known.going_on.iter().any(|(name, _)| name == certificate_authority) {
            warn!(
                certificate_authority,
                "no fresh revocation list: certificates of this CA answer no session"
            );
            known.going_on.push((certificate_authority.to_owned(), from));
        }
    }

    /// It answers again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ends(&self, certificate_authority: &str, now: Timestamp) -> Result<(), StoreError> {
        let begun = {
            let mut known = self.known();
            let index = known.going_on.iter().position(|(name, _)| name == certificate_authority);
            index.map(|index| known.going_on.swap_remove(index).1)
        };
        if let Some(from) = begun {
            let name = Some(certificate_authority.to_owned());
            self.note(Outage { certificate_authority: name, from, until: now }).await?;
        }
        Ok(())
    }

    async fn note(&self, outage: Outage) -> Result<(), StoreError> {
        let mut key = outage.from.millis().to_be_bytes().to_vec();
        key.extend(outage.certificate_authority.as_deref().unwrap_or_default().as_bytes());
        let record = OutageRecord {
            certificate_authority: outage.certificate_authority.clone(),
            from: outage.from,
            until: outage.until,
        };
        self.known().past.push(outage);
        let version = self.stored.get(&key).await?.map_or(0, |stored| stored.version);
        self.stored.put(&key, version, &record).await
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each access leaves the lists whole, so a panic elsewhere harms nothing.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutageLog for Outages {
    fn between(&self, from: Timestamp, until: Timestamp) -> Vec<Outage> {
        let known = self.known();
        let going_on = known.going_on.iter().map(|(name, start)| Outage {
            certificate_authority: Some(name.clone()),
            from: *start,
            until,
        });
        // A broker that stands still, by a stopped machine or disk, is out of reach as one that is down.
        let stalled = (known.alive_at.millis_until(until) > STALLED_MILLIS).then_some(Outage {
            certificate_authority: None,
            from: known.alive_at,
            until,
        });
        known
            .past
            .iter()
            .cloned()
            .chain(going_on)
            .chain(stalled)
            .filter(|outage| outage.from < until && outage.until > from)
            .collect()
    }
}
