//! Which encryption keys lie in the store, and with whose PIN they open. Known without a PIN.

use yinqiao_protocol::task::serial_text;

use crate::error::PhoneError;
use crate::phone::Phone;
use crate::store::{KeyEntry, KeyName, Pair, StoreError};

/// The most serial numbers that a claim names.
const MOST_SERIALS: usize = 100;

/// The encryption keys as a session of one certificate pair sees them.
#[derive(Debug)]
pub(crate) struct Holdings {
    own: Holding,
    /// Other pairs of the same holder, the newest first.
    older: Vec<Holding>,
    /// Pairs of other holders.
    foreign: Vec<Holding>,
}

#[derive(Debug)]
struct Holding {
    /// Serial number of the signing certificate.
    certificate: String,
    not_before: i64,
    is_locked: bool,
    /// Serial numbers of the encryption certificates.
    serials: Vec<String>,
}

/// Where the key of an encryption certificate lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In the session's own pair, with this signing certificate.
    Own(String),
    /// In the pair with this signing certificate, which has a PIN of its own.
    Older(String),
    /// Nowhere that this session could use.
    Missing(Missing),
}

/// Why a session cannot use an encryption key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Missing {
    /// It is not on this phone.
    #[error(
        "it is not on this phone: use the phone whose `yinqiao-phone certificates` lists it under \"decrypts\""
    )]
    NotHere,
    /// It is of another holder.
    #[error("it is with this phone's certificate {0}: choose that one (--certificate {0})")]
    OtherHolder(String),
    /// Wrong PINs have locked it.
    #[error("it is with this phone's certificate {0}, which wrong PINs have locked: use a phone with a copy")]
    Locked(String),
}

impl Phone {
    /// As a session of the pair `key` sees them.
    pub(crate) fn holdings(&self, key: &KeyName) -> Result<Holdings, PhoneError> {
        let mut pairs = self.pairs()?;
        let at = pairs.iter().position(|(entry, _)| entry.name == *key);
        let (entry, own) = pairs.remove(at.ok_or_else(|| StoreError::NotFound(key.clone()))?);
        let (older, foreign): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(_, pair)| pair.holder.id == own.holder.id);
        let all = |pairs: Vec<(KeyEntry, Box<Pair>)>| -> Result<Vec<_>, StoreError> {
            pairs.iter().map(|(entry, pair)| Holding::of(entry, pair)).collect()
        };
        let mut holdings =
            Holdings { own: Holding::of(&entry, &own)?, older: all(older)?, foreign: all(foreign)? };
        holdings.older.sort_by_key(|holding| std::cmp::Reverse(holding.not_before));
        Ok(holdings)
    }
}

impl Holding {
    fn of(entry: &KeyEntry, pair: &Pair) -> Result<Self, StoreError> {
        let signing = pair.signing()?;
        Ok(Self {
            certificate: serial_text(&signing),
            not_before: signing.not_before(),
            is_locked: entry.tries_left == 0,
            serials: pair.encryption()?.iter().map(serial_text).collect(),
        })
    }

    fn has(&self, serial: &str) -> bool {
        self.serials.iter().any(|one| one == serial)
    }
}

impl Holdings {
    /// What a claim says that the phone decrypts: nothing that is locked, nothing twice, at most [`MOST_SERIALS`].
    pub(crate) fn decrypts(&self) -> Vec<String> {
        let older = self.older.iter().filter(|holding| !holding.is_locked);
        let mut serials: Vec<String> = Vec::new();
        for serial in std::iter::once(&self.own).chain(older).flat_map(|holding| &holding.serials) {
            if serials.len() < MOST_SERIALS && !serials.contains(serial) {
                serials.push(serial.clone());
            }
        }
        serials
    }

    /// Where the key of the encryption certificate with this serial number is.
    pub(crate) fn place(&self, serial: &str) -> Place {
        let among = |holdings: &[Holding], locked: bool| {
            let found = holdings.iter().find(|holding| holding.is_locked == locked && holding.has(serial));
            found.map(|holding| holding.certificate.clone())
        };
        if self.own.has(serial) {
            Place::Own(self.own.certificate.clone())
        } else if let Some(certificate) = among(&self.older, false) {
            Place::Older(certificate)
        } else if let Some(certificate) = among(&self.older, true) {
            Place::Missing(Missing::Locked(certificate))
        } else if let Some(certificate) = among(&self.foreign, false) {
            Place::Missing(Missing::OtherHolder(certificate))
        } else {
            Place::Missing(Missing::NotHere)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(certificate: &str, is_locked: bool, serials: &[&str]) -> Holding {
        let serials = serials.iter().map(|serial| (*serial).to_owned()).collect();
        Holding { certificate: certificate.into(), not_before: 0, is_locked, serials }
    }

    fn holdings() -> Holdings {
        Holdings {
            own: holding("a0", false, &["01", "02"]),
            older: vec![holding("a1", false, &["02", "03"]), holding("a2", true, &["03", "04"])],
            foreign: vec![holding("a3", false, &["05"])],
        }
    }

    #[test]
    fn a_claim_names_each_key_that_a_pin_can_still_open_once() {
        assert_eq!(holdings().decrypts(), ["01", "02", "03"]);
    }

    #[test]
    fn a_claim_names_at_most_a_hundred_keys_its_own_first() {
        let many: Vec<String> = (0..150).map(|number| format!("{number:04x}")).collect();
        let mut holdings = holdings();
        holdings.older[0].serials = many;
        let decrypts = holdings.decrypts();
        assert_eq!((decrypts.len(), &decrypts[..2]), (100, &["01".to_owned(), "02".to_owned()][..]));
    }

    #[test]
    fn a_key_is_found_where_it_can_be_used_before_where_it_cannot() {
        let holdings = holdings();
        let places = ["02", "03", "04", "05", "06"].map(|serial| holdings.place(serial));
        assert_eq!(
            places,
            [
                Place::Own("a0".into()),
                Place::Older("a1".into()),
                Place::Missing(Missing::Locked("a2".into())),
                Place::Missing(Missing::OtherHolder("a3".into())),
                Place::Missing(Missing::NotHere),
            ]
        );
    }
}
