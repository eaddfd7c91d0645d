//! The provider: what is registered, who is signed in, which codes and tokens are open.
//!
//! Its methods block (hashing, `fsync`, registers that are asked); the HTTP side calls them on threads for that.

mod accounts;
mod enrolment;
mod grants;
mod session;
mod verification;

pub use enrolment::{CodeSent, Credentials};
pub use grants::Tokens;
pub use session::{SignedIn, Visitor};

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::ServiceConfig;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;
use url::Url;
use zeroize::Zeroizing;

use self::accounts::Accounts;
use self::session::Sessions;
use crate::account::{Password, PasswordHash, UserName};
use crate::check::{Credulous, FaceCheck, RealNameCheck};
use crate::clock::{Clock, SystemClock};
use crate::oidc::{Endpoints, Grants, KeyError, SigningKey};
use crate::refusal::Refusal;
use crate::settings::{Settings, SettingsError};
use crate::sms::{CodeBook, CodeSender, ShownCodes};
use crate::store::{AccountStore, FileStore, StoreError};
use crate::throttle::{Origin, Throttle};

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// A setting cannot be.
    #[error("identity provider: {0}")]
    Settings(#[from] SettingsError),
    /// The accounts cannot be read or written.
    #[error("identity provider: {0}")]
    Store(#[from] StoreError),
    /// There is no key to sign with.
    #[error("identity provider: {0}")]
    Key(#[from] KeyError),
    /// No randomness, or no hash.
    #[error("identity provider: {0}")]
    Start(#[from] Refusal),
}

/// Who does what the provider does not do itself.
pub struct Services {
    /// Sends codes.
    pub sender: Arc<dyn CodeSender>,
    /// Confirms names.
    pub real_name: Arc<dyn RealNameCheck>,
    /// Compares faces.
    pub face: Arc<dyn FaceCheck>,
    /// Has the time.
    pub clock: Arc<dyn Clock>,
}

impl Services {
    /// Those of a demonstration: codes are shown, everybody is confirmed. Also gives the codes, for a test to read.
    #[must_use]
    pub fn of_demonstration() -> (Self, Arc<ShownCodes>) {
        let shown = Arc::new(ShownCodes::default());
        let services = Self {
            sender: Arc::clone(&shown) as _,
            real_name: Arc::new(Credulous),
            face: Arc::new(Credulous),
            clock: Arc::new(SystemClock),
        };
        (services, shown)
    }
}

/// An OpenID provider.
pub struct Provider {
    settings: Settings,
    issuer: Url,
    endpoints: Endpoints,
    services: Services,
    key: SigningKey,
    /// What binds a form to the browser that it was given to.
    form_mac: Hmac<Sha256>,
    /// What an unknown user's password is compared with, so that the answer takes as long as a known one's.
    nobody: PasswordHash,
    /// Held while the file is written, so that changes happen one after the other.
    accounts: Mutex<Accounts>,
    /// Held for look-ups and small changes.
    passing: Mutex<Passing>,
    /// How many blocking calls run at once: each hash takes its memory.
    slots: Arc<Semaphore>,
}

/// What a restart forgets.
struct Passing {
    codes: CodeBook,
    sessions: Sessions,
    grants: Grants,
    wrong_passwords: Throttle<UserName>,
    wrong_from: Throttle<Origin>,
    registrations_from: Throttle<Origin>,
    checks: Throttle<String>,
}

impl Provider {
    /// With accounts in `store`; the first start makes the signing key.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub fn new(
        settings: Settings,
        store: impl AccountStore + 'static,
        services: Services,
    ) -> Result<Self, ProviderError> {
        let issuer = settings.check()?;
        let accounts = Accounts::load(Box::new(store))?;
        let key = SigningKey::from_pem(accounts.signing_key())?;
        let mut form_key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *form_key).map_err(Refusal::from)?;
        let form_mac = Hmac::<Sha256>::new_from_slice(&*form_key)
            .map_err(|error| Refusal::Internal(format!("HMAC: {error}")))?;
        let nobody =
            PasswordHash::new(&Password::given(Zeroizing::new(hex::encode(*form_key))), settings.hash_cost)?;
        let limits = settings.limits;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            endpoints: Endpoints::new(&settings.issuer),
            issuer,
            services,
            key,
            form_mac,
            nobody,
            accounts: Mutex::new(accounts),
            passing: Mutex::new(Passing {
                codes: CodeBook::new(limits.codes),
                sessions: Sessions::default(),
                grants: Grants::default(),
                wrong_passwords: Throttle::new(limits.wrong_passwords),
                wrong_from: Throttle::new(limits.wrong_per_address),
                registrations_from: Throttle::new(limits.registrations_per_address),
                checks: Throttle::new(limits.checks),
            }),
            slots: Arc::new(Semaphore::new(2 * processors)),
            settings,
        })
    }

    /// For a demonstration: accounts in a file in `directory`, codes shown, everybody confirmed.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub fn for_demonstration(settings: Settings, directory: &Path) -> Result<Self, ProviderError> {
        Self::new(settings, FileStore::open(directory)?, Services::of_demonstration().0)
    }

    /// Mounts pages, endpoints and JSON API at the path of the issuer URL.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        crate::http::configure(self, config);
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn issuer(&self) -> &Url {
        &self.issuer
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn slots(&self) -> &Arc<Semaphore> {
        &self.slots
    }

    /// What forms carry that are given to a browser with these cookies.
    pub(crate) fn form_token(&self, cookies: &str) -> Zeroizing<String> {
        let mut mac = self.form_mac.clone();
        mac.update(cookies.as_bytes());
        Zeroizing::new(hex::encode(mac.finalize().into_bytes()))
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passing(&self) -> MutexGuard<'_, Passing> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
