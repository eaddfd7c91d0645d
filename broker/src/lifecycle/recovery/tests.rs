use futures_util::future::join;

use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateRequest, DistinguishedName};
use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::actor::OperatorRole;
use yinqiao_lifecycle::recovery::{Recovery, RecoveryState};
use yinqiao_protocol::{Base64, RecoveryId, Sm3Hex, UserId};

use super::*;
use crate::http::problem::ApiError;
use crate::lifecycle::certificate::fixture::{DAY, Desk, holder, legal_person, staff};

/// A new phone.
struct Phone {
    key: PrivateKey,
    request: Base64,
}

impl Phone {
    fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let name = DistinguishedName::builder().common_name("王小明").build().unwrap();
        let request = Base64(CertificateRequest::build(&name, &key).unwrap().der().to_vec());
        Self { key, request }
    }

    fn device_key(&self) -> Base64 {
        Base64(self.key.public_key().to_sec1().to_vec())
    }

    async fn ask(&self, desk: &Desk, sm3: &Sm3Hex, by: &Actor) -> Result<RecoveryId, ApiError> {
        let (id, device_key) = (RecoveryId::random(), self.device_key());
        desk.repository
            .transact(async |transaction| {
                request(transaction, id, sm3, (&device_key, &self.request), by).await.map(|_| id)
            })
            .await
    }
}

async fn consent(desk: &Desk, id: RecoveryId, officer: &Actor) -> Result<(), ApiError> {
    desk.repository
        .transact(async |transaction| {
            let now = transaction.now();
            decide(transaction, id, |recovery| recovery.consent(officer, now)).await.map(drop)
        })
        .await
}

async fn recovery(desk: &Desk, id: RecoveryId) -> Recovery {
    desk.repository.get::<RecoveryRecord>(id.as_bytes()).await.unwrap().unwrap().value.recovery
}

#[actix_rt::test]
async fn two_officers_consent_and_the_new_phone_opens_the_old_key() {
    let desk = Desk::new();
    let (user, phone) = (UserId::random(), Phone::new());
    let sm3 = desk.issue(user, 365).await;
    let id = phone.ask(&desk, &sm3, &holder(user)).await.unwrap();
    let officer = staff(OperatorRole::SecurityOfficer);
    consent(&desk, id, &officer).await.unwrap();
    consent(&desk, id, &officer).await.unwrap();
    assert_eq!(desk.attempt_due().await, 0, "the same officer twice is one consent");
    consent(&desk, id, &staff(OperatorRole::SecurityOfficer)).await.unwrap();
    desk.authority.down.set(true);
    desk.attempt_due().await;
    desk.authority.down.set(false);
    desk.pass(1);
    assert_eq!(desk.attempt_due().await, 1);
    assert!(desk.jobs().await.is_empty());
    let done = recovery(&desk, id).await;
    let envelope = done.reply(&holder(user), &phone.device_key()).unwrap();
    let key = EnvelopedKey::from_der(envelope.as_slice()).unwrap().open(&phone.key).unwrap();
    let escrow = desk.authority.escrow.borrow();
    assert_eq!(key.public_key(), escrow[&sm3].public_key());
    assert!(done.reply(&holder(user), &Phone::new().device_key()).is_err());
    assert!(done.reply(&legal_person(), &phone.device_key()).is_err());
}

#[actix_rt::test]
async fn a_reply_with_another_key_reaches_no_phone() {
    let desk = Desk::new();
    let (user, phone) = (UserId::random(), Phone::new());
    let sm3 = desk.issue(user, 365).await;
    let id = phone.ask(&desk, &sm3, &holder(user)).await.unwrap();
    for _ in 0..2 {
        consent(&desk, id, &staff(OperatorRole::SecurityOfficer)).await.unwrap();
    }
    let right = desk.authority.escrow.borrow_mut().insert(sm3, PrivateKey::generate().unwrap()).unwrap();
    desk.attempt_due().await;
    assert!(matches!(recovery(&desk, id).await.state, RecoveryState::Recovering { .. }));
    assert!(desk.jobs().await[0].last_error.as_ref().unwrap().contains("not that of the certificate"));
    desk.authority.escrow.borrow_mut().insert(sm3, right);
    desk.pass(1);
    desk.attempt_due().await;
    assert!(matches!(recovery(&desk, id).await.state, RecoveryState::Done { .. }));
}

#[actix_rt::test]
async fn of_two_requests_for_the_same_key_at_once_one_is_taken() {
    for _ in 0..10 {
        let desk = Desk::new();
        let (user, phone) = (UserId::random(), Phone::new());
        let sm3 = desk.issue(user, 365).await;
        let by = holder(user);
        let (first, second) = join(phone.ask(&desk, &sm3, &by), phone.ask(&desk, &sm3, &by)).await;
        assert!(first.is_ok() != second.is_ok());
    }
}

#[actix_rt::test]
async fn a_request_without_consents_ends_after_a_week_and_another_may_follow() {
    let desk = Desk::new();
    let (user, phone) = (UserId::random(), Phone::new());
    let sm3 = desk.issue(user, 365).await;
    let id = phone.ask(&desk, &sm3, &holder(user)).await.unwrap();
    desk.pass(7 * DAY - 1);
    assert_eq!(expire_late(&desk.repository).await.unwrap(), 0);
    assert!(phone.ask(&desk, &sm3, &holder(user)).await.is_err());
    desk.pass(1);
    assert_eq!(expire_late(&desk.repository).await.unwrap(), 1);
    assert!(matches!(recovery(&desk, id).await.state, RecoveryState::Expired { .. }));
    assert!(consent(&desk, id, &staff(OperatorRole::SecurityOfficer)).await.is_err());
    phone.ask(&desk, &sm3, &holder(user)).await.unwrap();
}
