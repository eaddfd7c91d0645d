//! Answers workers' requests for secrets, at a cost that no worker can raise.
//!
//! A worker that keeps its contract has one request for each of its threads under way. More of them end the worker. What
//! was read is good for a second, and beyond that only so many are read a second, one after the other, off the
//! runtime's threads: where secrets lie may be slow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::connection::Connection;
use super::output::Output;

/// How long a secret is not read again; an exchanged one takes effect after this at the latest.
const FRESH: Duration = Duration::from_secs(1);
/// Names that are remembered, with the values that are no longer than so many octets.
const REMEMBERED: usize = 64;
const REMEMBERED_OCTETS: usize = 16 << 10;
/// So many are read at once when there was a pause, and then one after each interval.
const BURST: u32 = 32;
const INTERVAL: Duration = Duration::from_millis(50);
/// Requests under way beyond one for each thread of a worker.
const SPARE: usize = 16;

type Secret = Option<Zeroizing<Vec<u8>>>;

/// Of one adapter, for all its workers.
#[derive(Default)]
pub(super) struct Secrets {
    /// Held for a copy. Absent secrets are remembered too.
    known: Mutex<HashMap<String, (Instant, Secret)>>,
    /// Held while one is read, and while the next must not be.
    reading: AsyncMutex<Readings>,
}

/// When the next reading is due; it may lie back by the burst.
#[derive(Default)]
struct Readings {
    due: Option<Instant>,
}

impl Readings {
    /// How long to wait before the next one, which is counted.
    fn next(&mut self, now: Instant) -> Duration {
        let earliest = now.checked_sub(INTERVAL * (BURST - 1)).unwrap_or(now);
        let due = self.due.map_or(earliest, |due| due.max(earliest));
        self.due = Some(due + INTERVAL);
        due.saturating_duration_since(now)
    }
}

impl Secrets {
    /// A secret that was read a moment ago; it may be known that there is none.
    pub(super) fn known(&self, name: &str, now: Instant) -> Option<Secret> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(name)
            .filter(|(read, _)| now.duration_since(*read) < FRESH)
            .map(|(_, secret)| secret.clone())
    }

    fn remember(&self, name: String, secret: &Secret, now: Instant) {
        if secret.as_ref().is_some_and(|secret| secret.len() > REMEMBERED_OCTETS) {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (read, _)| now.duration_since(*read) < FRESH);
        if known.len() < REMEMBERED {
            known.insert(name, (now, secret.clone()));
        }
    }
}

/// Answers the request `id`, now or soon; gives back what is wrong with a worker that asks for too many.
pub(super) fn answer(
    output: &Arc<Output>,
    connection: &Arc<Connection>,
    threads: u32,
    id: u64,
    name: String,
) -> Result<(), String> {
    let limit = threads.max(1) as usize + SPARE;
    if let Some(secret) = output.secrets.known(&name, Instant::now()) {
        return connection.answer(id, secret, limit);
    }
    let asked = connection.ask(limit)?;
    let (output, connection) = (output.clone(), connection.clone());
    tokio::spawn(async move {
        let secret = read(output, name).await;
        if let Err(reason) = connection.answer(id, secret, limit) {
            connection.kill(reason);
        }
        drop(asked);
    });
    Ok(())
}

async fn read(output: Arc<Output>, name: String) -> Secret {
    let mut readings = output.secrets.reading.lock().await;
    // Another request for it may have been first.
    if let Some(secret) = output.secrets.known(&name, Instant::now()) {
        return secret;
    }
    tokio::time::sleep(readings.next(Instant::now())).await;
    let reader = output.clone();
    // What was broken off, when the runtime ends, is nobody's any more.
    let read = spawn_blocking(move || (reader.read_secret(&name), name)).await;
    let (secret, name) = read.ok()?;
    output.secrets.remember(name, &secret, Instant::now());
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_one_secret_is_read_for_each_interval() {
        let (start, mut readings) = (Instant::now() + Duration::from_secs(60), Readings::default());
        assert!((0..BURST).all(|_| readings.next(start).is_zero()));
        assert_eq!(readings.next(start), INTERVAL);
        assert_eq!(readings.next(start + INTERVAL), INTERVAL);
        // A long pause allows a burst and no more.
        let later = start + Duration::from_secs(3600);
        assert!((0..BURST).all(|_| readings.next(later).is_zero()));
        assert_eq!(readings.next(later), INTERVAL);
    }

    #[test]
    fn a_secret_is_known_for_a_second_and_only_so_many_are() {
        let (secrets, now) = (Secrets::default(), Instant::now());
        secrets.remember("a".into(), &Some(Zeroizing::new(b"one".to_vec())), now);
        secrets.remember("b".into(), &None, now);
        secrets.remember("long".into(), &Some(Zeroizing::new(vec![0; REMEMBERED_OCTETS + 1])), now);
        assert_eq!(secrets.known("a", now), Some(Some(Zeroizing::new(b"one".to_vec()))));
        assert_eq!(secrets.known("b", now), Some(None));
        assert_eq!(secrets.known("long", now), None);
        assert_eq!(secrets.known("a", now + FRESH), None);
        for number in 0..1000 {
            secrets.remember(format!("name {number}"), &None, now);
        }
        assert_eq!(secrets.known.lock().unwrap().len(), REMEMBERED);
        secrets.remember("later".into(), &None, now + FRESH);
        assert_eq!(secrets.known.lock().unwrap().len(), 1);
    }
}
