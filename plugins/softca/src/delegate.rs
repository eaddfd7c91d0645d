//! Who answers for the CA with a key of its own: the OCSP responder and the timestamp authority.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::messages::Serial;
use yinqiao_ca_sdk::{AdapterError, Call};
use yinqiao_gm::x509::{Profile, SerialNumber};

use crate::adapter::Instance;
use crate::authority::{Authority, own};
use crate::configuration::Configuration;
use crate::issue::serial_of;
use crate::key_pair::{KeyPair, SealedPair};
use crate::store::Store;
use crate::vault::Vault;

const DAY: i64 = 86_400;
/// How much earlier than made a certificate is valid, for clients whose clocks are behind.
const HOUR: i64 = 3600;

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delegate {
    /// Nobody checks whether its certificate is revoked, so it is short-lived and replaced in time.
    OcspResponder,
    /// Replaced while its tokens can still be verified for years.
    TimestampAuthority,
}

/// Both, opened. Locks of the standard library: each guards one pointer, and nothing waits under it.
pub(crate) struct Delegates {
    responder: RwLock<Arc<OpenDelegate>>,
    timestamp: RwLock<Arc<OpenDelegate>>,
}

/// One, opened.
pub(crate) struct OpenDelegate {
    pair: KeyPair,
    /// Numbers of certificates that it had before.
    before: Vec<SerialNumber>,
}

/// `ocsp.json` or `timestamp.json`.
#[derive(Deserialize, Serialize)]
pub(crate) struct DelegateRecord {
    pub(crate) pair: SealedPair,
    /// Numbers of certificates that it had before: they are this CA's, and good.
    before: Vec<Serial>,
}

impl std::ops::Deref for OpenDelegate {
    type Target = KeyPair;

    fn deref(&self) -> &KeyPair {
        &self.pair
    }
}

impl Delegate {
    pub(crate) const ALL: [Self; 2] = [Self::OcspResponder, Self::TimestampAuthority];

    /// The file at the top, the lock, and the name that its key is encrypted under.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::OcspResponder => "ocsp",
            Self::TimestampAuthority => "timestamp",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::OcspResponder => "OCSP Responder",
            Self::TimestampAuthority => "Timestamp Authority",
        }
    }

    const fn profile(self) -> Profile {
        match self {
            Self::OcspResponder => Profile::OcspSigner,
            Self::TimestampAuthority => Profile::TimeStamping,
        }
    }

    /// How long a certificate is valid, in days.
    const fn days(self) -> i64 {
        match self {
            Self::OcspResponder => 90,
            Self::TimestampAuthority => 10 * 365,
        }
    }

    /// How many days before its end another takes its place.
    const fn renewed_before(self) -> i64 {
        match self {
            Self::OcspResponder => 30,
            Self::TimestampAuthority => 5 * 365,
        }
    }

    /// Whether another pair is due. The last one of a CA that ends itself stays.
    fn is_due(self, pair: &KeyPair, authority: &Authority, now: i64) -> bool {
        let end = pair.certificate.not_after();
        now >= end - self.renewed_before() * DAY && end < authority.issuing.certificate.not_after()
    }

    /// The pair of the directory. One that is missing, as in directories of the version before, or due is made.
    fn open(
        self,
        configuration: &Configuration,
        store: &Store,
        authority: &Authority,
        vault: &Vault,
        now: i64,
    ) -> Result<OpenDelegate, AdapterError> {
        let _lock = store.lock(self.file())?;
        let mut before = Vec::new();
        if let Some(record) = store.read_top::<DelegateRecord>(self.file())? {
            let pair = record.pair.open(self.file(), vault)?;
            before = record.before;
            if !self.is_due(&pair, authority, now) {
                return Ok(OpenDelegate { pair, before: numbers(&before)? });
            }
            before.push(serial_of(&pair.certificate)?);
        }
        let issuing = &authority.issuing;
        let from = (now - HOUR).max(issuing.certificate.not_before());
        let (profile, title) = (self.profile(), self.title());
        let pair = KeyPair::generate(profile, title, self.days(), from, Some(issuing), configuration)?;
        let opened = numbers(&before)?;
        let record = DelegateRecord { pair: SealedPair::new(self.file(), &pair, vault)?, before };
        store.replace_top(self.file(), &record)?;
        Ok(OpenDelegate { pair, before: opened })
    }
}

fn numbers(serials: &[Serial]) -> Result<Vec<SerialNumber>, AdapterError> {
    serials.iter().map(|serial| serial.as_str().parse().map_err(own)).collect()
}

impl Delegates {
    pub(crate) fn open(
        configuration: &Configuration,
        store: &Store,
        authority: &Authority,
        vault: &Vault,
        now: i64,
    ) -> Result<Self, AdapterError> {
        let open = |delegate: Delegate| {
            let pair = delegate.open(configuration, store, authority, vault, now)?;
            Ok::<_, AdapterError>(RwLock::new(Arc::new(pair)))
        };
        Ok(Self { responder: open(Delegate::OcspResponder)?, timestamp: open(Delegate::TimestampAuthority)? })
    }

    const fn slot(&self, delegate: Delegate) -> &RwLock<Arc<OpenDelegate>> {
        match delegate {
            Delegate::OcspResponder => &self.responder,
            Delegate::TimestampAuthority => &self.timestamp,
        }
    }

    /// The numbers of all their certificates, also of those before.
    pub(crate) fn serials(&self) -> Vec<SerialNumber> {
        let of = |delegate| {
            let present = self.present(delegate);
            present.before.iter().copied().chain([*present.certificate.serial()]).collect::<Vec<_>>()
        };
        Delegate::ALL.into_iter().flat_map(of).collect()
    }

    fn present(&self, delegate: Delegate) -> Arc<OpenDelegate> {
        self.slot(delegate).read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Instance {
    /// The pair to answer with now.
    ///
    /// # Errors
    /// When it is not valid, and no other can be made.
    pub(crate) fn delegate(
        &self,
        call: &Call<'_>,
        delegate: Delegate,
    ) -> Result<Arc<OpenDelegate>, AdapterError> {
        let now = (call.host().now_ms() / 1000) as i64;
        let present = self.delegates.present(delegate);
        if !delegate.is_due(&present, &self.authority, now) && present.certificate.is_valid_at(now) {
            return Ok(present);
        }
        let another = self
            .vault(call)
            .and_then(|vault| delegate.open(&self.configuration, &self.store, &self.authority, &vault, now));
        match another {
            Ok(pair) => {
                let pair = Arc::new(pair);
                *self.delegates.slot(delegate).write().unwrap_or_else(PoisonError::into_inner) = pair.clone();
                Ok(pair)
            }
            // The old one will do for a while yet.
            Err(_) if present.certificate.is_valid_at(now) => Ok(present),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn the_responder_is_replaced_in_time_and_the_timestamp_authority_after_years() {
        let folder = tempfile::tempdir().unwrap();
        let configuration =
            Configuration::read(&json!({"directory": folder.path(), "name": "测试"})).unwrap();
        let vault = Vault::new(Zeroizing::new(vec![7; 16])).unwrap();
        let store = Store::open(folder.path()).unwrap();
        let now = 1_800_000_000;
        let authority = Authority::open(&configuration, &store, &vault, now).unwrap();
        let open = |delegate: Delegate, days: i64| {
            delegate.open(&configuration, &store, &authority, &vault, now + days * DAY).unwrap()
        };
        for (delegate, kept, replaced) in
            [(Delegate::OcspResponder, 59, 61), (Delegate::TimestampAuthority, 4 * 365, 6 * 365)]
        {
            let first = *open(delegate, 0).certificate.serial();
            assert_eq!(*open(delegate, kept).certificate.serial(), first);
            let second = open(delegate, replaced);
            assert_ne!(*second.certificate.serial(), first);
            assert_eq!(second.before, [first]);
            assert!(second.certificate.is_valid_at(now + replaced * DAY - HOUR));
        }
        // At the CA's own end nothing that is valid for longer can be made.
        let end = authority.issuing.certificate.not_after();
        let last = open(Delegate::OcspResponder, 15 * 365 - 1);
        assert_eq!(last.certificate.not_after(), end);
        let again = open(Delegate::OcspResponder, 15 * 365 - 1);
        assert_eq!(again.certificate.serial(), last.certificate.serial());
    }
}
