//! Revocation lists: complete ones, and deltas to a base.
//!
//! A list is new when something changed since the last, or half of its time is over. Where deltas are made, each complete
//! list comes with a delta of the same number. The base of the deltas stays until half of its own time is over, so that
//! whoever holds any complete list since then needs the small delta only.

use std::collections::{BTreeMap, BTreeSet};

use yinqiao_ca_sdk::messages::Crl;
use yinqiao_ca_sdk::{AdapterError, Call};
use yinqiao_gm::sm3;
use yinqiao_gm::x509::{
    AnyRevocationList, RevocationListBuilder, RevocationReason, RevokedEntry, SerialNumber,
};

use crate::adapter::Instance;
use crate::authority::own;
use crate::record::{CrlRecord, DeltaRecord, RevocationRecord};
use crate::revocation::{LOCK, listed};
use crate::store::Folder;

/// The file.
pub(crate) const FILE: &str = "crl";

const HOUR_MS: u64 = 3_600_000;

type Entries = [(SerialNumber, RevokedEntry)];

impl Instance {
    /// The present list, made if it is due.
    pub(crate) fn crl(&self, call: &Call<'_>) -> Result<Crl, AdapterError> {
        let now_ms = call.host().now_ms();
        let _lock = self.store.lock(LOCK)?;
        let entries = self.entries()?;
        let entries_digest = digest(&entries);
        let last: Option<CrlRecord> = self.store.read_top(FILE)?;
        let present =
            last.as_ref().filter(|last| last.entries_digest == entries_digest && now_ms < self.due(last));
        if let Some(present) = present {
            return Ok(to_reply(present));
        }
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        // Seconds are what a list can say.
        let this_update_ms = now_ms / 1000 * 1000;
        let next_update_ms = this_update_ms + u64::from(self.configuration.crl_hours) * HOUR_MS;
        let mut builder = list(this_update_ms, next_update_ms, number).entries(&entries);
        if let Some(url) = &self.configuration.delta_crl_url {
            builder = builder.freshest_crl(url);
        }
        let complete = self.sign(&builder)?;
        let delta = match self.configuration.delta_crl_hours {
            None => None,
            Some(hours) => {
                let next_update_ms = this_update_ms + u64::from(hours) * HOUR_MS;
                Some(self.delta(last.as_ref(), &complete, this_update_ms, next_update_ms, number)?)
            }
        };
        let crl = complete.der().to_vec().into();
        let record = CrlRecord { number, crl, this_update_ms, next_update_ms, entries_digest, delta };
        self.store.replace_top(FILE, &record)?;
        Ok(to_reply(&record))
    }

    /// From when on another list is made although nothing changed.
    fn due(&self, last: &CrlRecord) -> u64 {
        let half = |next_update_ms| last.this_update_ms.midpoint(next_update_ms);
        match (&last.delta, self.configuration.delta_crl_hours) {
            (Some(delta), Some(_)) => half(last.next_update_ms).min(half(delta.next_update_ms)),
            (None, Some(_)) => 0,
            (_, None) => half(last.next_update_ms),
        }
    }

    fn delta(
        &self,
        last: Option<&CrlRecord>,
        complete: &AnyRevocationList,
        this_update_ms: u64,
        next_update_ms: u64,
        number: u64,
    ) -> Result<DeltaRecord, AdapterError> {
        let before = last.and_then(|last| Some((last, last.delta.as_ref()?)));
        let (base, listed_since) = match before {
            Some((last, delta)) => {
                let base = AnyRevocationList::from_der(delta.base.as_bytes()).map_err(own)?;
                let mut listed_since = delta.listed_since.clone();
                let last = AnyRevocationList::from_der(last.crl.as_bytes()).map_err(own)?;
                let listed = last.entries().iter().filter(|(serial, _)| base.entry(serial).is_none());
                listed_since.extend(listed.map(|(serial, _)| serial.to_string()));
                (base, listed_since)
            }
            None => (complete.clone(), BTreeSet::new()),
        };
        let half = base.this_update().midpoint(base.next_update());
        let (base, listed_since) = match complete.this_update() < half {
            true => (base, listed_since),
            false => (complete.clone(), BTreeSet::new()),
        };
        let since = listed_since.iter().map(|serial| serial.parse().map_err(own));
        let since: BTreeSet<SerialNumber> = since.collect::<Result<_, AdapterError>>()?;
        let changes = changes(base.entries(), &since, complete.entries(), complete.this_update());
        let base_number = base.number().map_or(Ok(1), to_u64)?;
        let builder = list(this_update_ms, next_update_ms, number).delta_of(base_number).entries(&changes);
        Ok(DeltaRecord {
            crl: self.sign(&builder)?.der().to_vec().into(),
            next_update_ms,
            base: base.der().to_vec().into(),
            listed_since,
        })
    }

    fn sign(&self, builder: &RevocationListBuilder) -> Result<AnyRevocationList, AdapterError> {
        let issuing = &self.authority.issuing;
        builder.sign(&issuing.certificate, &issuing.key).map_err(own)
    }

    fn entries(&self) -> Result<Vec<(SerialNumber, RevokedEntry)>, AdapterError> {
        let mut entries = Vec::new();
        for name in self.store.names(Folder::Revocations)? {
            let serial: SerialNumber = name.parse().map_err(own)?;
            if let Some(record) = self.store.read::<RevocationRecord>(Folder::Revocations, &name)? {
                let entry =
                    RevokedEntry { revoked_at: (record.at_ms / 1000) as i64, reason: listed(record.reason) };
                entries.push((serial, entry));
            }
        }
        Ok(entries)
    }
}

/// What a delta says that leads from the base, or any complete list since then, to the present entries (RFC 5280,
/// 5.2.4). `listed_since` has the certificates that were on a complete list after the base.
fn changes(
    base: &Entries,
    listed_since: &BTreeSet<SerialNumber>,
    present: &Entries,
    this_update: i64,
) -> Vec<(SerialNumber, RevokedEntry)> {
    let base: BTreeMap<SerialNumber, RevokedEntry> = base.iter().copied().collect();
    let present: BTreeMap<SerialNumber, RevokedEntry> = present.iter().copied().collect();
    // Also what is as on the base, if a list in between may say otherwise of it.
    let changed = present
        .iter()
        .filter(|(serial, entry)| base.get(serial) != Some(entry) || listed_since.contains(serial));
    let mut changes: Vec<_> = changed.map(|(serial, entry)| (*serial, *entry)).collect();
    let known: BTreeSet<_> = base.keys().chain(listed_since).collect();
    let released = known.into_iter().filter(|serial| !present.contains_key(serial));
    changes.extend(released.map(|serial| {
        let revoked_at = base.get(serial).map_or(this_update, |entry| entry.revoked_at);
        (*serial, RevokedEntry { revoked_at, reason: RevocationReason::RemoveFromCrl })
    }));
    changes
}

fn list(this_update_ms: u64, next_update_ms: u64, number: u64) -> RevocationListBuilder {
    let seconds = |milliseconds: u64| (milliseconds / 1000) as i64;
    RevocationListBuilder::new(seconds(this_update_ms), seconds(next_update_ms), number)
}

fn to_reply(record: &CrlRecord) -> Crl {
    Crl {
        crl: record.crl.clone(),
        number: hex::encode(record.number.to_be_bytes()),
        this_update_ms: record.this_update_ms,
        next_update_ms: record.next_update_ms,
        delta: record.delta.as_ref().map(|delta| delta.crl.clone()),
    }
}

fn to_u64(octets: &[u8]) -> Result<u64, AdapterError> {
    let mut number = [0; 8];
    let start = number.len().checked_sub(octets.len());
    let start = start.ok_or_else(|| own("the number of the revocation list is too large"))?;
    number[start..].copy_from_slice(octets);
    Ok(u64::from_be_bytes(number))
}

fn digest(entries: &Entries) -> String {
    let mut hasher = sm3::Hasher::new();
    for (serial, entry) in entries {
        hasher.update(format!("{serial} {} {}\n", entry.revoked_at, entry.reason.code()).as_bytes());
    }
    hasher.finalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(serial: u64, revoked_at: i64, reason: RevocationReason) -> (SerialNumber, RevokedEntry) {
        (SerialNumber::from(serial), RevokedEntry { revoked_at, reason })
    }

    /// What a client makes of a complete list and the changes.
    fn applied(list: &Entries, changes: &Entries) -> BTreeMap<SerialNumber, RevokedEntry> {
        let mut state: BTreeMap<_, _> = list.iter().copied().collect();
        for (serial, entry) in changes {
            match entry.reason {
                RevocationReason::RemoveFromCrl => drop(state.remove(serial)),
                _ => drop(state.insert(*serial, *entry)),
            }
        }
        state
    }

    #[test]
    fn a_delta_leads_from_the_base_and_from_every_list_since_to_the_present() {
        use RevocationReason::{CertificateHold, KeyCompromise};
        // Held, released, held again, revoked, in lists that follow one another.
        let lists: [&Entries; 6] = [
            &[entry(1, 10, CertificateHold), entry(2, 10, KeyCompromise)],
            &[entry(2, 10, KeyCompromise), entry(3, 20, CertificateHold)],
            &[entry(1, 30, KeyCompromise), entry(2, 10, KeyCompromise)],
            &[entry(1, 30, KeyCompromise), entry(2, 10, KeyCompromise), entry(3, 40, CertificateHold)],
            &[entry(1, 30, KeyCompromise), entry(2, 10, KeyCompromise), entry(4, 50, CertificateHold)],
            &[entry(1, 30, KeyCompromise), entry(2, 10, KeyCompromise)],
        ];
        let mut listed_since = BTreeSet::new();
        for (position, present) in lists.iter().enumerate() {
            let delta = changes(lists[0], &listed_since, present, 99);
            let expected: BTreeMap<_, _> = present.iter().copied().collect();
            for earlier in &lists[..=position] {
                assert_eq!(applied(earlier, &delta), expected, "list {position}");
            }
            listed_since.extend(present.iter().map(|(serial, _)| *serial));
        }
    }

    #[test]
    fn a_list_number_of_any_length_up_to_eight_octets_is_read() {
        assert_eq!(to_u64(&[1, 2]).unwrap(), 258);
        assert_eq!(to_u64(&[0; 8]).unwrap(), 0);
        assert!(to_u64(&[1; 9]).is_err());
    }
}
