//! The keys for one session. Each key file opens with its own PIN only: the session's PIN is tried on no other, where it
//! would use up tries, or be tried for nothing.

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_protocol::task::{Task, WrappedKey};

use super::ClaimedSession;
use crate::clock;
use crate::error::PhoneError;
use crate::holdings::Place;
use crate::pin::Pin;
use crate::store::UnlockedKeys;

/// The keys that one session needs, open. Drop them as soon as it is answered.
#[derive(Debug)]
pub struct SessionKeys {
    own: UnlockedKeys,
    older: Vec<UnlockedKeys>,
}

impl SessionKeys {
    pub(super) fn signing(&self) -> &PrivateKey {
        self.own.signing()
    }

    pub(super) fn encryption(&self, item: &WrappedKey) -> Result<Option<&PrivateKey>, PhoneError> {
        for keys in std::iter::once(&self.own).chain(&self.older) {
            if let Some(key) = keys.encryption(&item.certificate_serial)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

impl ClaimedSession {
    /// Opens the keys of the session's own certificate pair; a wrong PIN counts.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`]; [`PhoneError::Store`] for a wrong PIN.
    pub fn unlock(&self, pin: &Pin) -> Result<SessionKeys, PhoneError> {
        self.checked()?;
        let own = self.phone.store.unlock(&self.key, pin, clock::now())?;
        Ok(SessionKeys { own, older: Vec::new() })
    }

    /// Serial numbers of the older signing certificates whose keys the session's items need: each is to be opened with
    /// its own PIN by [`ClaimedSession::unlock_older`]. It can be asked before any PIN.
    ///
    /// # Errors
    /// As [`ClaimedSession::review`]; [`PhoneError::KeyNotUsable`] for the first item that cannot be opened here.
    pub fn older_certificates(&self) -> Result<Vec<String>, PhoneError> {
        let checked = self.checked()?;
        let Task::Decrypt { items, .. } = &checked.statement.task else { return Ok(Vec::new()) };
        let holdings = self.phone.holdings(&self.key)?;
        let mut certificates = Vec::new();
        for item in items {
            match holdings.place(&item.certificate_serial) {
                Place::Own(_) => {}
                Place::Older(certificate) if certificates.contains(&certificate) => {}
                Place::Older(certificate) => certificates.push(certificate),
                Place::Missing(_) => return Err(self.lack_of(item)),
            }
        }
        Ok(certificates)
    }

    /// Opens the keys of an older certificate of the same holder with that certificate's own PIN; a wrong one counts
    /// there.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchCertificate`]; [`PhoneError::Store`] for a wrong PIN or a locked key, neither of which is a
    /// reason to decline.
    pub fn unlock_older(
        &self,
        keys: &mut SessionKeys,
        certificate: &str,
        pin: &Pin,
    ) -> Result<(), PhoneError> {
        let (entry, pair) = self.phone.pair_of(certificate)?;
        if pair.holder.id != self.pair.holder.id {
            return Err(PhoneError::NoSuchCertificate(certificate.to_owned()));
        }
        keys.older.push(self.phone.store.unlock(&entry.name, pin, clock::now())?);
        Ok(())
    }

    /// Why there is no key for an item among those that are open.
    pub(super) fn lack_of(&self, item: &WrappedKey) -> PhoneError {
        let (item_id, serial) = (item.id.clone(), item.certificate_serial.clone());
        match self.phone.holdings(&self.key).map(|holdings| holdings.place(&serial)) {
            Err(error) => error,
            Ok(Place::Missing(missing)) => PhoneError::KeyNotUsable { item: item_id, serial, missing },
            // Its own where the key was carried over after the keys were opened.
            Ok(Place::Own(certificate) | Place::Older(certificate)) => {
                PhoneError::OlderPinNeeded { item: item_id, serial, certificate }
            }
        }
    }
}
