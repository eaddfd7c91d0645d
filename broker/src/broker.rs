//! The broker put together: stores, sessions, directory, CAs.

use std::sync::Arc;

use actix::Actor;
use tracing::{error, info};

use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::sm3;
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::x509::chain::Usage;
use yinqiao_lifecycle::offer::Catalogue as Offers;
use yinqiao_protocol::{SessionId, Sm3Hex, Timestamp, Token};
use zeroize::Zeroizing;

use crate::adapter::catalogue::carry_out::CarryOutError;
use crate::adapter::catalogue::{Catalogue, Entry, Site, State};
use crate::adapter::outage::Outages;
use crate::adapter::supervisor::AdapterSupervisor;
use crate::adapter::{Authorities, Checked, InstallError, TrustError};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::crypto_pool::CryptoPool;
use crate::directory::{Directory, KnownCertificate, SealRecord};
use crate::event::EventHub;
use crate::identity::{IdentityError, IdentityProvider, SeenProofs};
use crate::invoice::{InvoiceError, InvoiceIssuer};
use crate::lifecycle::certificate;
use crate::lifecycle::job::JobBoard;
use crate::message::{self, SendError, Sender};
use crate::payment::{PaymentError, PaymentProvider};
use crate::records::Repository;
use crate::secrets::{self, SecretsError};
use crate::session::supervisor::{SessionRegistry, SessionSupervisor};
use crate::store::sled::SledStore;
use crate::store::{EventSink, Records, SessionStore, StoreError};

/// Uploaded pictures that may wait to be drawn.
const MOST_PICTURES_WAITING: usize = 4;

/// Why the broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker's own secrets cannot be made or read.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The identity provider's settings do not fit.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The settings for payments do not fit.
    #[error(transparent)]
    Payments(#[from] PaymentError),
    /// The settings for invoices do not fit.
    #[error(transparent)]
    Invoices(#[from] InvoiceError),
    /// The settings for messages do not fit.
    #[error(transparent)]
    Messages(#[from] SendError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalogue of adapters is wrong.
    #[error(transparent)]
    Catalogue(#[from] CarryOutError),
    /// No adapter runs.
    #[error("no adapter runs: {0}")]
    Adapter(InstallError),
}

/// All parts. Handlers and sockets share one.
pub struct Broker {
    /// The broker's address as phones reach it.
    pub public_url: String,
    /// Sessions, openings, events.
    pub store: Arc<dyn SessionStore>,
    /// Live sessions.
    pub sessions: SessionRegistry,
    /// Who is known.
    pub directory: Directory,
    /// Where the catalogue of adapters is.
    pub site: Site,
    /// What is read, decided and stored whole: the life of certificates.
    pub repository: Repository,
    /// Which jobs have changed.
    pub jobs: Arc<JobBoard>,
    /// Takes messages to persons.
    pub sender: Arc<dyn Sender>,
    /// Says who signs in.
    pub identity: IdentityProvider,
    /// What can be ordered, what it costs, and who agrees.
    pub offers: Offers,
    /// Who takes payments.
    pub payments: PaymentProvider,
    /// Who makes invoices.
    pub invoices: InvoiceIssuer,
    /// Proofs of phones' keys that were used.
    pub seen_proofs: SeenProofs,
    /// CAs.
    pub authorities: Arc<Authorities>,
    /// Who hears of events.
    pub hub: Arc<EventHub>,
    /// Where signatures are verified.
    pub pool: CryptoPool,
    /// Where uploaded pictures are drawn, one after the other: they must not keep signatures waiting.
    pub drawing: CryptoPool,
    /// When something was out of reach.
    pub outages: Arc<Outages>,
    /// Signs opening records.
    pub signing_key: Arc<PrivateKey>,
    token_key: Zeroizing<Vec<u8>>,
    sled: SledStore,
}

impl Broker {
    /// Opens the store, starts the adapters and begins to keep the sessions' time. Must run on an actix system.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: &Config, public_url: String) -> Result<Self, StartError> {
        secrets::prepare(&config.data_directory)?;
        let signing_key = secrets::signing_key(&config.data_directory)?;
        let token_key = secrets::token_key(&config.data_directory)?;
        let identity = IdentityProvider::new(config, &public_url)?;
        let hub = Arc::new(EventHub::default());
        let sink: Arc<dyn EventSink> = hub.clone();
        let sled = SledStore::open(&config.data_directory.join("store"), sink)?;
        let store: Arc<dyn SessionStore> = Arc::new(sled.clone());
        let records: Arc<dyn Records> = Arc::new(sled.clone());
        let outages = Arc::new(Outages::load(&records, clock::now()).await?);
        let authorities = Arc::new(Authorities::new(&records, Arc::clone(&outages)));
        let site = Site::of(config);
        let catalogue = Catalogue::open(&site, clock::now()).await?;
        install(&authorities, &catalogue.entries).await?;
        let sessions = SessionRegistry::new(Arc::clone(&store), outages.clone());
        SessionSupervisor::start(sessions.clone()).await?;
        AdapterSupervisor::new(Arc::clone(&authorities), Arc::clone(&outages)).start();
        let jobs = Arc::new(JobBoard::default());
        let directory = Directory::new(Arc::clone(&records));
        directory.renew_stored_certificates(clock::now()).await?;
        let repository = Repository::new(Arc::clone(&records), Clock::System)
            .observed_by(directory.observer())
            .observed_by(jobs.clone());
        info!(adapters = authorities.all().len(), "broker started");
        Ok(Self {
            site,
            store,
            sessions,
            directory,
            repository,
            jobs,
            sender: message::configured(&config.messages)?,
            identity,
            offers: config.lifecycle.clone(),
            payments: PaymentProvider::new(&config.payment, &public_url)?,
            invoices: InvoiceIssuer::new(&config.invoice)?,
            public_url,
            seen_proofs: SeenProofs::default(),
            authorities,
            hub,
            pool: CryptoPool::default(),
            drawing: CryptoPool::of(1, MOST_PICTURES_WAITING),
            outages,
            signing_key: Arc::new(signing_key),
            token_key,
            sled,
        })
    }

    /// Ends the adapters' workers and closes the store, once nothing uses the broker any more.
    pub async fn stop(&self) {
        self.authorities.shut_down().await;
        self.sled.close();
    }

    /// The token that a claim is answered with. It follows from the claim, so that the same claim sent again gets the same
    /// token though only its digest is stored; the key for it is not in the store.
    pub fn claim_token(&self, session: &SessionId, claim_sm3: Sm3Hex) -> Token {
        Token::from_bytes(self.derive(&[b"claim token", session.as_bytes(), claim_sm3.as_bytes()]).as_bytes())
    }

    /// HMAC-SM3 over the parts under a key that only this broker has.
    pub fn derive(&self, parts: &[&[u8]]) -> sm3::Digest {
        sm3::hmac(&self.token_key, parts)
    }

    /// Why nothing can be stored any more, where that is so.
    pub fn failure(&self) -> Option<String> {
        self.sled.failure().map(str::to_owned)
    }

    /// Whether a holder's certificates answer sessions now.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub async fn check_certificate(&self, known: &KnownCertificate) -> Result<Checked, TrustError> {
        let record = &known.record;
        certificate::check_standing(record, clock::now())?;
        let authority = self
            .authorities
            .get(&record.certificate_authority)
            .map_err(|_| TrustError::UnknownAuthority(record.certificate_authority.clone()))?;
        let now = clock::now();
        let mut checked = authority.check(&known.signing, Usage::Signing, now).await;
        if matches!(checked, Err(TrustError::StatusUnavailable { .. })) {
            self.outages.begins(authority.name(), authority.trust().without_list_since(now));
        }
        if checked.is_ok()
            && let Some(encryption) = &known.encryption
            && let Err(error) = authority.check(encryption, Usage::Encryption, now).await
        {
            checked = Err(error);
        }
        if let Err(TrustError::Revoked { reason, .. }) = &checked
            && let Err(error) = certificate::found_revoked(&self.repository, &known.sm3, *reason).await
        {
            error!(certificate = %known.sm3, %error, "a revocation by its CA could not be noted");
        }
        checked
    }

    /// Whether a seal is valid now and names this certificate among its users.
    pub fn may_use_seal(&self, seal: &SealRecord, signer: &Certificate) -> bool {
        let now: Timestamp = clock::now();
        SesSeal::from_der(seal.der.as_slice()).is_ok_and(|seal| {
            seal.signers().contains(signer)
                && (seal.valid_from()..=seal.valid_until()).contains(&now.seconds())
        })
    }
}

/// Starts all enabled adapters. One that does not start keeps no other from serving; where none starts, the broker does not either.
async fn install(authorities: &Authorities, entries: &[Entry]) -> Result<(), StartError> {
    let mut first_failure = None;
    let mut running = 0;
    for entry in entries.iter().filter(|entry| entry.state == State::Enabled && entry.refusal.is_none()) {
        match authorities.install(entry).await {
            Ok(()) => running += 1,
            Err(reason) => {
                error!(adapter = %entry.name, %reason, "the adapter does not run; the broker tries again");
                first_failure.get_or_insert(reason);
            }
        }
    }
    match first_failure {
        Some(reason) if running == 0 => {
            authorities.shut_down().await;
            Err(StartError::Adapter(reason))
        }
        _ => Ok(()),
    }
}
