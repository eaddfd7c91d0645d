use futures_util::future::{join, join4};

use yinqiao_lifecycle::actor::OperatorRole;
use yinqiao_lifecycle::certificate::{CaOperation, Confirmed, HoldReason, RevocationReason, Status};
use yinqiao_lifecycle::reminder::Reminder;
use yinqiao_protocol::UserId;

use super::fixture::{COMPANY, DAY, Desk, holder, legal_person, pair, staff};
use super::*;
use crate::adapter::{Patience, TrustError};
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::job::Attempt;
use crate::lifecycle::reminder::remind;
use crate::message::Notice;
use crate::records::{Aggregate, Index, IndexPrefix};
use crate::store::{Collection, RecordChange, Records, Write};

use CertificateCommand::{AskAgain, Hide, Resume, Revoke, Suspend};
use RevocationReason::{AffiliationChanged, KeyCompromise};

const LOST: CertificateCommand = Suspend(HoldReason::PhoneLost);

#[actix_rt::test]
async fn a_ca_that_is_down_for_an_hour_revokes_when_it_is_back_and_the_broker_blocks_at_once() {
    let desk = Desk::new();
    let user = UserId::random();
    let sm3 = desk.issue(user, 365).await;
    assert_eq!(desk.status(&sm3).await, Status::Active);
    desk.authority.down.set(true);
    desk.ask(&sm3, &legal_person(), Revoke(AffiliationChanged)).await.unwrap();
    assert_eq!(desk.status(&sm3).await, Status::Revoked, "through the cache, before the CA was asked");
    let refused = check_standing(&desk.record(&sm3).await, desk.now()).unwrap_err();
    assert!(matches!(refused, TrustError::Revoked { .. }));
    for _ in 0..3600 {
        desk.attempt_due().await;
        desk.pass(1);
    }
    let attempts = desk.authority.calls.borrow().len();
    assert!((15..40).contains(&attempts), "{attempts}: neither given up nor in a hurry");
    assert_eq!(desk.record(&sm3).await.standing.confirmed, Confirmed::Active);
    assert!(desk.jobs().await[0].last_error.as_ref().unwrap().contains("connection refused"));
    desk.authority.down.set(false);
    desk.pass(300);
    assert_eq!(desk.attempt_due().await, 1);
    assert_eq!(desk.authority.state(&sm3), Some(CaOperation::Revoke(AffiliationChanged)));
    assert_eq!(desk.record(&sm3).await.standing.confirmed, Confirmed::Revoked);
    assert!(desk.jobs().await.is_empty());
    let told: Vec<_> =
        desk.messages().await.into_iter().map(|message| (message.to.user, message.notice)).collect();
    assert_eq!(told, [(user, Notice::CertificateBlocked { certificate: sm3, revoked: true })]);
}

#[actix_rt::test]
async fn an_answer_that_is_lost_is_asked_for_again_under_the_same_key() {
    let desk = Desk::new();
    let sm3 = desk.issue(UserId::random(), 365).await;
    desk.ask(&sm3, &legal_person(), LOST).await.unwrap();
    desk.authority.loses_answers.set(true);
    desk.attempt_due().await;
    assert_eq!(desk.authority.state(&sm3), Some(CaOperation::Hold));
    assert_eq!(desk.record(&sm3).await.standing.confirmed, Confirmed::Active);
    // Resumed before the answer is known: the hold is asked to its end first.
    desk.ask(&sm3, &legal_person(), Resume).await.unwrap();
    desk.authority.loses_answers.set(false);
    assert_eq!(desk.status(&sm3).await, Status::Held);
    let refused = check_standing(&desk.record(&sm3).await, desk.now()).unwrap_err();
    assert!(matches!(refused, TrustError::Held { .. }));
    assert_eq!(ApiError::from(refused).problem().name(), "certificate-suspended");
    desk.pass(1);
    desk.attempt_due().await;
    let hold = format!("hold-{sm3}-0");
    assert_eq!(*desk.authority.calls.borrow(), [hold.clone(), hold, format!("unhold-{sm3}-1")]);
    assert_eq!(desk.authority.state(&sm3), Some(CaOperation::Unhold));
    assert_eq!(desk.status(&sm3).await, Status::Active);
}

#[actix_rt::test]
async fn a_revocation_overtakes_a_suspension_that_the_ca_has_not_heard_of() {
    let desk = Desk::new();
    let user = UserId::random();
    let sm3 = desk.issue(user, 365).await;
    desk.authority.down.set(true);
    desk.ask(&sm3, &holder(user), LOST).await.unwrap();
    desk.attempt_due().await;
    desk.ask(&sm3, &holder(user), Revoke(KeyCompromise)).await.unwrap();
    assert!(desk.ask(&sm3, &holder(user), Resume).await.is_err());
    desk.authority.down.set(false);
    desk.pass(1);
    desk.attempt_due().await;
    assert_eq!(desk.authority.state(&sm3), Some(CaOperation::Revoke(KeyCompromise)));
    assert!(!desk.authority.done.borrow().contains_key(&format!("hold-{sm3}-0")));
    assert!(desk.authority.concluded.borrow().contains(&format!("hold-{sm3}-0")), "left open in the journal");
    assert!(desk.jobs().await.is_empty());
}

#[actix_rt::test]
async fn suspensions_and_revocations_at_once_come_out_as_one_after_the_other() {
    for _ in 0..20 {
        let desk = Desk::new();
        let (user, chief) = (UserId::random(), legal_person());
        let sm3 = desk.issue(user, 365).await;
        let owner = holder(user);
        let (held, resumed, revoked, again) = join4(
            desk.ask(&sm3, &owner, LOST),
            desk.ask(&sm3, &owner, Resume),
            desk.ask(&sm3, &chief, Revoke(AffiliationChanged)),
            desk.ask(&sm3, &owner, Revoke(KeyCompromise)),
        )
        .await;
        drop((held, resumed));
        assert!(revoked.is_ok() != again.is_ok(), "one reason stands");
        let both = join(
            reconcile(&desk.repository, &*desk.authority, sm3, Patience::NONE),
            reconcile(&desk.repository, &*desk.authority, sm3, Patience::NONE),
        )
        .await;
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (Attempt::Finished, Attempt::Finished));
        let wanted = desk.record(&sm3).await.standing.revocation().unwrap().reason;
        assert_eq!(desk.authority.state(&sm3), Some(CaOperation::Revoke(wanted)));
        assert_eq!(desk.status(&sm3).await, Status::Revoked);
        assert!(desk.jobs().await.is_empty());
    }
}

#[actix_rt::test]
async fn a_ca_that_refuses_is_not_asked_on_and_an_operator_has_it_asked_again() {
    let desk = Desk::new();
    let sm3 = desk.issue(UserId::random(), 365).await;
    desk.authority.refuses.set(true);
    desk.ask(&sm3, &legal_person(), Revoke(AffiliationChanged)).await.unwrap();
    desk.attempt_due().await;
    assert!(desk.jobs().await.is_empty());
    assert_eq!(desk.status(&sm3).await, Status::Revoked);
    desk.authority.refuses.set(false);
    assert!(desk.ask(&sm3, &staff(OperatorRole::Auditor), AskAgain).await.is_err());
    desk.ask(&sm3, &staff(OperatorRole::Operator), AskAgain).await.unwrap();
    desk.attempt_due().await;
    assert_eq!(desk.record(&sm3).await.standing.confirmed, Confirmed::Revoked);
}

#[actix_rt::test]
async fn what_the_ca_revoked_by_itself_is_noted_once_and_asked_of_nobody() {
    let desk = Desk::new();
    let sm3 = desk.issue(UserId::random(), 365).await;
    for _ in 0..2 {
        found_revoked(&desk.repository, &sm3, yinqiao_gm::x509::RevocationReason::Superseded).await.unwrap();
    }
    let standing = desk.record(&sm3).await.standing;
    assert_eq!(standing.revocation().unwrap().reason, RevocationReason::Superseded);
    assert!(desk.jobs().await.is_empty());
    assert_eq!(desk.messages().await.len(), 1);
}

#[actix_rt::test]
async fn reminders_come_30_7_and_1_days_before_and_never_for_what_is_suspended() {
    let desk = Desk::new();
    let user = UserId::random();
    let sm3 = desk.issue(user, 365).await;
    let suspended = desk.issue(user, 365).await;
    desk.ask(&suspended, &holder(user), LOST).await.unwrap();
    let mut came = Vec::new();
    for day in 0..366 {
        for _ in 0..remind(&desk.repository).await.unwrap() {
            came.push(365 - day);
        }
        assert_eq!(remind(&desk.repository).await.unwrap(), 0);
        desk.pass(DAY);
    }
    assert_eq!(came, [30, 7, 1]);
    let of = |certificate| move |notice: &Notice| matches!(notice, Notice::CertificateExpires { certificate: c, .. } if *c == certificate);
    let notices: Vec<_> = desk.messages().await.into_iter().map(|message| message.notice).collect();
    assert_eq!(notices.iter().filter(|notice| of(sm3)(notice)).count(), 3);
    assert_eq!(desk.record(&sm3).await.standing.reminders.last(), Some(Reminder::OneDay));
    assert_eq!(desk.status(&sm3).await, Status::Expired);
    let refused = check_standing(&desk.record(&sm3).await, desk.now()).unwrap_err();
    assert!(matches!(refused, TrustError::NotValidNow { .. }));
}

#[actix_rt::test]
async fn one_that_is_deleted_is_found_by_nobody_but_its_serial_numbers() {
    let desk = Desk::new();
    let user = UserId::random();
    let sm3 = desk.issue(user, 365).await;
    let lists = [
        IndexPrefix::new(Index::CertificateByUser, user.as_bytes()),
        IndexPrefix::new(Index::CertificateByEnterprise, COMPANY.as_bytes()),
        IndexPrefix::new(Index::CertificateByEnterprise, &of_member(COMPANY, user.as_bytes())),
    ];
    for list in &lists {
        assert_eq!(desk.repository.all::<CertificateRecord>(list).await.unwrap().len(), 1);
    }
    desk.ask(&sm3, &legal_person(), Revoke(AffiliationChanged)).await.unwrap();
    desk.attempt_due().await;
    let hidden = desk.ask(&sm3, &yinqiao_lifecycle::Actor::System, Hide).await.unwrap();
    for list in &lists {
        assert!(desk.repository.all::<CertificateRecord>(list).await.unwrap().is_empty());
    }
    let by_serial = IndexPrefix::new(Index::CertificateBySerial, hidden.facts.encryption_serial.as_bytes());
    assert_eq!(desk.repository.all::<CertificateRecord>(&by_serial).await.unwrap().len(), 1);
}

#[actix_rt::test]
async fn records_from_before_standings_are_read_found_and_their_revocation_goes_on() {
    let desk = Desk::new();
    let (record, _) = pair(None, desk.now(), 365);
    let old = serde_json::json!({
        "holder": record.holder,
        "certificate_authority": "fake",
        "signing_certificate": record.signing_certificate,
        "encryption_certificate": record.encryption_certificate,
        "device_key": record.device_key,
        "issued_at": desk.now(),
        "revocation": { "at": desk.now(), "reason": "KeyCompromise", "confirmed": false },
    });
    let write = Write::Put(serde_json::to_vec(&old).unwrap());
    let put = RecordChange { collection: Collection::Certificate, key: record.key(), expected: 0, write };
    desk.store.change(vec![put]).await.unwrap();
    let sm3 = record.facts.sm3;
    let read = desk.record(&sm3).await;
    assert_eq!((&read.facts, read.standing.revocation().unwrap().reason), (&record.facts, KeyCompromise));
    for _ in 0..2 {
        desk.directory.renew_stored_certificates(desk.now()).await.unwrap();
    }
    let of_company = IndexPrefix::new(Index::CertificateByEnterprise, COMPANY.as_bytes());
    assert_eq!(desk.repository.all::<CertificateRecord>(&of_company).await.unwrap().len(), 1);
    assert_eq!(desk.attempt_due().await, 1);
    assert_eq!(desk.record(&sm3).await.standing.confirmed, Confirmed::Revoked);
    assert_eq!(*desk.authority.calls.borrow(), [format!("revoke-{sm3}")]);
}
