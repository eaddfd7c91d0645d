//! A store, a clock that is moved by hand, certificates, and a CA that can be down or lose its answers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tempfile::TempDir;

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, RecoveredKey};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateBuilder, CertificateRequest, DistinguishedName, Profile, SerialNumber};
use yinqiao_lifecycle::actor::{OperatorRole, UserActor};
use yinqiao_lifecycle::certificate::{CaOperation, Status};
use yinqiao_lifecycle::identity::AssuranceLevel;
use yinqiao_lifecycle::{Actor, Job, JobKind};
use yinqiao_protocol::holder::{Enterprise, Holder, HolderKind};
use yinqiao_protocol::{Base64, HolderId, OperatorId, Sm3Hex, Timestamp, UserId};

use super::{CaFuture, CertificateAuthorities, CertificateCommand, change, reconcile};
use crate::adapter::{AuthorityError, Patience};
use crate::clock::{self, Clock};
use crate::directory::{CertificateRecord, Directory, NewCertificate};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::job::attempt_with;
use crate::lifecycle::recovery;
use crate::message::Message;
use crate::records::Repository;
use crate::store::conformance::Heard;
use crate::store::sled::SledStore;

pub(crate) const COMPANY: &str = "91350100M000100Y43";
pub(crate) const DAY: u32 = 86_400;

/// What a CA has of its certificates, and how it behaves.
#[derive(Default)]
pub(crate) struct FakeAuthority {
    pub(crate) states: RefCell<HashMap<Sm3Hex, CaOperation>>,
    pub(crate) done: RefCell<HashMap<String, CaOperation>>,
    /// Every call, in order.
    pub(crate) calls: RefCell<Vec<String>>,
    pub(crate) concluded: RefCell<Vec<String>>,
    pub(crate) down: Cell<bool>,
    /// Acts, and then says that it cannot be reached.
    pub(crate) loses_answers: Cell<bool>,
    pub(crate) refuses: Cell<bool>,
    pub(crate) escrow: RefCell<HashMap<Sm3Hex, PrivateKey>>,
}

impl FakeAuthority {
    fn begin(&self, key: &IdempotencyKey) -> Result<(), AuthorityError> {
        self.calls.borrow_mut().push(key.as_str().to_owned());
        let authority = "fake".to_owned();
        if self.down.get() {
            return Err(AuthorityError::Unavailable { authority, text: "connection refused".to_owned() });
        }
        if self.refuses.get() {
            return Err(AuthorityError::Refused { authority, text: "not by this rule".to_owned() });
        }
        Ok(())
    }

    fn answer<T>(&self, value: T) -> Result<T, AuthorityError> {
        if self.loses_answers.get() {
            let (authority, text) = ("fake".to_owned(), "time-out".to_owned());
            return Err(AuthorityError::UnknownOutcome { authority, text });
        }
        Ok(value)
    }

    pub(crate) fn state(&self, sm3: &Sm3Hex) -> Option<CaOperation> {
        self.states.borrow().get(sm3).copied()
    }
}

impl CertificateAuthorities for FakeAuthority {
    fn change<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        operation: CaOperation,
        _: Patience,
    ) -> CaFuture<'a, ()> {
        Box::pin(async move {
            self.begin(key)?;
            let first = self.done.borrow_mut().insert(key.as_str().to_owned(), operation).is_none();
            let revoked = matches!(self.state(&record.facts.sm3), Some(CaOperation::Revoke(_)));
            if first {
                assert!(!revoked, "{key:?} after the revocation");
                self.states.borrow_mut().insert(record.facts.sm3, operation);
            }
            self.answer(())
        })
    }

    fn recover_key<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        certificate_request: &'a [u8],
    ) -> CaFuture<'a, RecoveredKey> {
        Box::pin(async move {
            self.begin(key)?;
            let request = CertificateRequest::from_der(certificate_request).unwrap();
            let escrow = self.escrow.borrow();
            let kept = escrow.get(&record.facts.sm3).unwrap();
            let envelope = EnvelopedKey::wrap(kept, request.public_key()).unwrap();
            self.answer(RecoveredKey {
                encryption_certificate: Der(record.encryption_certificate.clone().unwrap().0),
                enveloped_key: Der(envelope.to_der().unwrap()),
            })
        })
    }

    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        self.concluded.borrow_mut().push(key.as_str().to_owned());
        Box::pin(async { Ok(()) })
    }

    fn forget<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        self.done.borrow_mut().remove(key.as_str());
        Box::pin(async { Ok(()) })
    }
}

/// A broker without its servers.
pub(crate) struct Desk {
    pub(crate) repository: Repository,
    pub(crate) directory: Directory,
    pub(crate) authority: Rc<FakeAuthority>,
    pub(crate) store: Arc<SledStore>,
    _folder: TempDir,
}

impl Desk {
    /// At the system's time, which from then on only moves by hand.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap());
        let directory = Directory::new(store.clone());
        let repository =
            Repository::new(store.clone(), Clock::simulated(clock::now())).observed_by(directory.observer());
        Self { repository, directory, authority: Rc::default(), store, _folder: folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.repository.clock().now()
    }

    pub(crate) fn pass(&self, seconds: u32) {
        self.repository.clock().advance(seconds);
    }

    /// A pair of a user of the company, issued now for so many days.
    pub(crate) async fn issue(&self, user: UserId, days: u32) -> Sm3Hex {
        let (record, kept) = pair(Some(user), self.now(), days);
        let sm3 = record.facts.sm3;
        self.authority.escrow.borrow_mut().insert(sm3, kept);
        let stored: Result<(), ApiError> =
            self.repository.transact(async |transaction| Ok(transaction.put(None, &record)?)).await;
        stored.unwrap();
        sm3
    }

    pub(crate) async fn ask(
        &self,
        sm3: &Sm3Hex,
        by: &Actor,
        command: CertificateCommand,
    ) -> Result<CertificateRecord, ApiError> {
        let decided =
            self.repository.transact(async |transaction| change(transaction, sm3, by, command).await);
        decided.await.map(|(_, next)| next)
    }

    pub(crate) async fn record(&self, sm3: &Sm3Hex) -> CertificateRecord {
        self.repository.get::<CertificateRecord>(sm3.as_bytes()).await.unwrap().unwrap().value
    }

    /// As sessions see it: through the directory's cache.
    pub(crate) async fn status(&self, sm3: &Sm3Hex) -> Status {
        self.directory.certificate(sm3).await.unwrap().record.status(self.now())
    }

    pub(crate) async fn jobs(&self) -> Vec<Job> {
        let jobs = self.repository.scan::<Job>(None, 100).await.unwrap();
        jobs.into_iter()
            .map(|found| found.value)
            .filter(|job| !matches!(job.kind, JobKind::Message(_)))
            .collect()
    }

    pub(crate) async fn messages(&self) -> Vec<Message> {
        let messages = self.repository.scan::<Message>(None, 100).await.unwrap();
        messages.into_iter().map(|found| found.value).collect()
    }

    /// Attempts each job that is due, once. Gives how many.
    pub(crate) async fn attempt_due(&self) -> usize {
        let due: Vec<_> = self.jobs().await.into_iter().filter(|job| job.due <= self.now()).collect();
        for job in &due {
            let run = async |job: &Job| match &job.kind {
                JobKind::Reconcile(sm3) => {
                    reconcile(&self.repository, &*self.authority, *sm3, Patience::NONE).await
                }
                JobKind::RecoverKey(id) => recovery::recover(&self.repository, &*self.authority, *id).await,
                other => Err(ApiError::new(Kind::Internal, other.name())),
            };
            attempt_with(&self.repository, job.kind.name().as_bytes(), run).await.unwrap();
        }
        due.len()
    }
}

/// The record of a pair, and its encryption key.
pub(crate) fn pair(user: Option<UserId>, now: Timestamp, days: u32) -> (CertificateRecord, PrivateKey) {
    let root_key = PrivateKey::generate().unwrap();
    let until = now.seconds() + i64::from(days) * i64::from(DAY);
    let builder = |profile, key: &PrivateKey| {
        let name = DistinguishedName::builder().country("CN").common_name("王小明").build().unwrap();
        let serial = SerialNumber::generate().unwrap();
        CertificateBuilder::new(profile, name, key.public_key().clone(), serial, now.seconds(), until)
    };
    let root = builder(Profile::RootCa, &root_key).self_sign(&root_key).unwrap();
    let (signing_key, encryption_key) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let sign = |profile, key| Base64(builder(profile, key).sign(&root, &root_key).unwrap().der().to_vec());
    let enterprise =
        Enterprise { name: "某某公司".to_owned(), unified_social_credit_code: COMPANY.to_owned() };
    let record = CertificateRecord::new(NewCertificate {
        holder: Holder {
            id: HolderId::random(),
            kind: HolderKind::Person,
            name: "王小明".to_owned(),
            enterprise: Some(enterprise),
        },
        user,
        order: None,
        certificate_authority: "fake".to_owned(),
        signing_certificate: sign(Profile::Signing, &signing_key),
        encryption_certificate: Some(sign(Profile::Encryption, &encryption_key)),
        device_key: Base64(signing_key.public_key().to_sec1().to_vec()),
        issued_at: now,
    });
    (record.unwrap(), encryption_key)
}

pub(crate) fn holder(id: UserId) -> Actor {
    Actor::User(UserActor { id, kind: HolderKind::Person, enterprise: None, level: AssuranceLevel::L4 })
}

pub(crate) fn legal_person() -> Actor {
    Actor::User(UserActor {
        id: UserId::random(),
        kind: HolderKind::LegalPerson,
        enterprise: Some(COMPANY.parse().unwrap()),
        level: AssuranceLevel::L4,
    })
}

pub(crate) fn staff(role: OperatorRole) -> Actor {
    Actor::Operator { id: OperatorId::random(), role }
}
