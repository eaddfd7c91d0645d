//! The phone as a whole: its store, and which of its certificates fits.

use std::path::Path;

use serde::Serialize;

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::holder::Holder;

use crate::clock;
use crate::error::PhoneError;
use crate::http::{Broker, HttpError, Silence};
use crate::pin::Pin;
use crate::store::{KdfParameters, KeyEntry, KeyName, KeyState, KeyStore, Pair, StoreError, UnlockedKeys};

/// A phone. Cloning is cheap; clones share the store.
#[derive(Clone, Debug)]
pub struct Phone {
    pub(crate) store: KeyStore,
    silence: Option<Silence>,
}

/// A certificate pair as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateSummary {
    /// Of the signing certificate, lower-case hexadecimal: what chooses the pair.
    pub serial: String,
    /// Where it can be used.
    pub broker: String,
    /// Whom it names.
    pub holder: Holder,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Serial numbers of the encryption certificates whose keys are here, the pair's own first.
    pub encryption_serials: Vec<String>,
    /// Wrong PINs left before it is locked.
    pub tries_left: u32,
}

impl Phone {
    /// The phone whose keys lie in `folder`; makes it where there is none.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or others may write to it.
    pub fn open(folder: &Path) -> Result<Self, PhoneError> {
        Self::open_with(folder, KdfParameters::default())
    }

    /// As [`Phone::open`], with another cost of new PINs.
    ///
    /// # Errors
    /// As [`Phone::open`].
    pub fn open_with(folder: &Path, kdf: KdfParameters) -> Result<Self, PhoneError> {
        Ok(Self { store: KeyStore::open(folder, kdf)?, silence: None })
    }

    /// The same phone, which bears with a broker that does not answer as `silence` says.
    #[must_use]
    pub fn with_silence(self, silence: Silence) -> Self {
        Self { silence: Some(silence), ..self }
    }

    pub(crate) fn broker(&self, base: &str) -> Result<Broker, HttpError> {
        let broker = Broker::new(base)?;
        Ok(match self.silence {
            Some(silence) => broker.with_silence(silence),
            None => broker,
        })
    }

    /// The key store under it.
    pub fn store(&self) -> &KeyStore {
        &self.store
    }

    /// Its certificate pairs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn certificates(&self) -> Result<Vec<CertificateSummary>, PhoneError> {
        self.pairs()?.iter().map(|(entry, pair)| Ok(summary(entry, pair)?)).collect()
    }

    /// Opens the keys of the pair whose signing certificate has this serial number; a wrong PIN counts.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchCertificate`] and what the store says.
    pub fn unlock(&self, serial: &str, pin: &Pin) -> Result<UnlockedKeys, PhoneError> {
        let (entry, _) = self.pair_of(serial)?;
        Ok(self.store.unlock(&entry.name, pin, clock::now())?)
    }

    /// Takes the encryption keys of the pair `from` over into the pair `to`, so that what was encrypted for the older
    /// certificate opens with the newer one's PIN. Done twice it changes nothing more.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchCertificate`] and what the store says.
    pub fn carry(&self, from: (&str, &Pin), to: (&str, &Pin)) -> Result<CertificateSummary, PhoneError> {
        let (from_entry, from_pair) = self.pair_of(from.0)?;
        let (to_entry, mut to_pair) = self.pair_of(to.0)?;
        if from_pair.holder.id != to_pair.holder.id {
            return Err(PhoneError::WrongCertificates("the two certificates name different holders"));
        }
        let old = self.store.unlock(&from_entry.name, from.1, clock::now())?;
        let new = self.store.unlock(&to_entry.name, to.1, clock::now())?;
        let mut more = Vec::new();
        for certificate in from_pair.encryption()? {
            let serial = certificate.serial().to_string();
            if new.encryption(&serial)?.is_none()
                && let Some(key) = old.encryption(&serial)?
            {
                more.push(key.clone());
                to_pair.encryption_certificates.push(certificate.der().into());
            }
        }
        self.store.change(&to_entry.name, new, KeyState::Issued(to_pair), more, to.1)?;
        let (entry, pair) = self.pair_of(to.0)?;
        Ok(summary(&entry, &pair)?)
    }

    pub(crate) fn pairs(&self) -> Result<Vec<(KeyEntry, Box<Pair>)>, PhoneError> {
        let with_pair = |entry: KeyEntry| match &entry.state {
            KeyState::Issued(pair) => Some((entry.clone(), pair.clone())),
            KeyState::Requested { .. } => None,
        };
        Ok(self.store.keys()?.into_iter().filter_map(with_pair).collect())
    }

    pub(crate) fn pair_of(&self, serial: &str) -> Result<(KeyEntry, Box<Pair>), PhoneError> {
        for (entry, pair) in self.pairs()? {
            if pair.signing()?.serial().to_string() == serial {
                return Ok((entry, pair));
            }
        }
        Err(PhoneError::NoSuchCertificate(serial.to_owned()))
    }

    /// The one pair that fits the broker and, where one is named, the serial number. A locked pair is passed over: it
    /// could answer nothing, and a session that it claims is lost to the holder's other phones.
    pub(crate) fn chosen(
        &self,
        base: &str,
        serial: Option<&str>,
    ) -> Result<(KeyName, Box<Pair>), PhoneError> {
        let mut fitting: Vec<_> = self.pairs()?.into_iter().filter(|(_, pair)| pair.broker == base).collect();
        if fitting.is_empty() {
            return Err(PhoneError::OtherBroker { base: base.to_owned() });
        }
        if let Some(serial) = serial {
            let mut named = Vec::new();
            for (entry, pair) in fitting {
                if pair.signing()?.serial().to_string() == serial {
                    named.push((entry, pair));
                }
            }
            fitting = named;
        }
        let fitted = !fitting.is_empty();
        fitting.retain(|(entry, _)| entry.tries_left > 0);
        if fitted && fitting.is_empty() {
            return Err(StoreError::Locked.into());
        }
        if fitting.len() > 1 {
            let serials: Result<Vec<_>, StoreError> =
                fitting.iter().map(|(_, pair)| Ok(pair.signing()?.serial().to_string())).collect();
            return Err(PhoneError::ChooseCertificate(serials?));
        }
        let none = || PhoneError::NoSuchCertificate(serial.unwrap_or_default().to_owned());
        fitting.pop().map(|(entry, pair)| (entry.name, pair)).ok_or_else(none)
    }
}

pub(crate) fn summary(entry: &KeyEntry, pair: &Pair) -> Result<CertificateSummary, StoreError> {
    let signing = pair.signing()?;
    let seconds = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    Ok(CertificateSummary {
        serial: signing.serial().to_string(),
        broker: pair.broker.clone(),
        holder: pair.holder.clone(),
        certificate_authority: pair.certificate_authority.clone(),
        not_before: seconds(signing.not_before()),
        not_after: seconds(signing.not_after()),
        encryption_serials: pair.encryption()?.iter().map(|one| one.serial().to_string()).collect(),
        tries_left: entry.tries_left,
    })
}
