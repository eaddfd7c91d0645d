//! Applications for seals, their CA, and what becomes of both.

mod history;

use yinqiao_lifecycle::cascade::CascadeKind;
use yinqiao_lifecycle::enterprise::{Data, Enterprise, State};
use yinqiao_lifecycle::seal::{SealApplicationState, SealRevocationReason, SealState, Usage};
use yinqiao_lifecycle::{Actor, Job, JobKind};
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{SealApplicationId, SealId, Sm3Hex, UserId};

use super::fixture::{Mood, SealCa};
use super::revocation::revoke_with_company;
use super::*;
use crate::directory::SealRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::cascade::inventory;
use crate::lifecycle::certificate::fixture::{COMPANY, DAY, Desk, legal_person, staff};
use crate::lifecycle::job::attempt_with;
use crate::message::Notice;
use crate::records::Repository;
use crate::records::seals::{SealApplicationRecord, SealPictureRecord};

/// A company with a certificate and a picture, and the CA.
struct Office {
    desk: Desk,
    ca: SealCa,
    chief: Actor,
    applications: Vec<SealApplicationId>,
}

impl Office {
    async fn open() -> Self {
        let (desk, chief) = (Desk::new(), legal_person());
        let user = chief.user().unwrap().id;
        desk.issue(user, 365).await;
        let company = Enterprise {
            code: COMPANY.parse().unwrap(),
            data: Data { name: "某某公司".to_owned(), ..Data::default() },
            legal_person: user,
            successor: None,
            decided: None,
            state: State::Active,
            since: desk.now(),
        };
        let picture = SealPictureRecord {
            enterprise: company.code.clone(),
            sm3: Sm3Hex::of(b"png"),
            png: b"png".as_slice().into(),
            width: 8,
            height: 8,
            width_mm: 40,
            height_mm: 40,
            uploaded_at: desk.now(),
            in_use: false,
        };
        let stored: Result<(), ApiError> = desk
            .repository
            .transact(async |transaction| {
                transaction.put(None, &company)?;
                Ok(transaction.put(None, &picture)?)
            })
            .await;
        stored.unwrap();
        Self { desk, ca: SealCa::new(), chief, applications: Vec::new() }
    }

    fn repository(&self) -> &Repository {
        &self.desk.repository
    }

    async fn apply(&mut self, name: &str, replaces: Option<SealId>) -> Result<SealApplicationId, ApiError> {
        let new = NewSealApplication {
            enterprise: COMPANY.parse().unwrap(),
            kind: SealKind::Official,
            name: name.to_owned(),
            picture: Some(Sm3Hex::of(b"png")),
            certificate_authority: None,
            usage: Usage::Company,
            replaces,
        };
        let id = SealApplicationId::random();
        let (ca, chief) = (&self.ca, &self.chief);
        let applied = self
            .desk
            .repository
            .transact(async |transaction| apply(transaction, ca, id, &new, chief).await.map(drop))
            .await;
        applied?;
        self.applications.push(id);
        Ok(id)
    }

    /// The company was registered again now.
    async fn registered_anew(&self) {
        let since = self.desk.now();
        let changed: Result<(), ApiError> = self
            .repository()
            .transact(async |transaction| {
                let found = transaction.get::<Enterprise>(COMPANY.as_bytes()).await?.unwrap();
                Ok(transaction.put(Some(&found), &Enterprise { since, ..found.value.clone() })?)
            })
            .await;
        changed.unwrap();
    }

    /// The company has another legal person from now on.
    async fn change_chief(&mut self) {
        self.chief = legal_person();
        let user = self.chief.user().unwrap().id;
        self.desk.issue(user, 365).await;
        let changed: Result<(), ApiError> = self
            .repository()
            .transact(async |transaction| {
                let found = transaction.get::<Enterprise>(COMPANY.as_bytes()).await?.unwrap();
                let next = Enterprise { legal_person: user, ..found.value.clone() };
                Ok(transaction.put(Some(&found), &next)?)
            })
            .await;
        changed.unwrap();
    }

    async fn cancel(&self, id: SealApplicationId) -> Result<(), ApiError> {
        let decided = self
            .repository()
            .transact(async |transaction| cancel(transaction, id, &self.chief).await.map(drop));
        decided.await
    }

    async fn revoke(&self, id: &SealId, by: &Actor) -> Result<(), ApiError> {
        let (code, reason) = (COMPANY.parse().unwrap(), SealRevocationReason::Misused);
        let decided = self
            .repository()
            .transact(async |transaction| revoke(transaction, &code, id, reason, by).await.map(drop));
        decided.await
    }

    async fn application(&self, id: SealApplicationId) -> SealApplicationRecord {
        self.repository().get::<SealApplicationRecord>(id.as_bytes()).await.unwrap().unwrap().value
    }

    async fn seals(&self) -> Vec<SealRecord> {
        self.desk.directory.seals(Some(COMPANY)).await.unwrap()
    }

    /// Attempts each job that is due, once.
    async fn attempt_due(&self) {
        let due: Vec<_> =
            self.desk.jobs().await.into_iter().filter(|job| job.due <= self.desk.now()).collect();
        for job in &due {
            let run = async |job: &Job| match &job.kind {
                JobKind::MakeSeal(id) => make(self.repository(), &self.ca, *id).await,
                JobKind::RevokeSeal(id) => revoke_at_authority(self.repository(), &self.ca, *id).await,
                other => panic!("{}", other.name()),
            };
            attempt_with(self.repository(), job.kind.name().as_bytes(), run).await.unwrap();
        }
    }

    /// The CA hears of what was applied for, decides, and nothing is left to do.
    async fn reviewed(&self) {
        self.attempt_due().await;
        self.ca.decide();
        self.settle().await;
    }

    /// Until nothing is left to do.
    async fn settle(&self) {
        for _ in 0..40 {
            if self.desk.jobs().await.is_empty() {
                return;
            }
            self.desk.pass(400);
            self.attempt_due().await;
        }
        panic!("there is still something to do: {:?}", self.desk.jobs().await);
    }

    /// What people count on and what the CA has is the same.
    async fn agrees(&self) {
        let seals = self.seals().await;
        let id_of = |seal: &SealRecord| format!("ES-seal-{}", seal.standing.application.unwrap());
        for id in &self.applications {
            let application = self.application(*id).await.application;
            assert_eq!(application.awaits(), None, "{application:?}");
            let of_application: Vec<_> =
                seals.iter().filter(|seal| seal.standing.application == Some(*id)).collect();
            assert!(of_application.len() <= 1, "{application:?}");
            if let (SealApplicationState::Made { .. }, Some(old)) = (&application.state, application.replaces)
            {
                let old = seals.iter().find(|seal| seal.id == old);
                assert!(old.is_some_and(|old| !old.standing.is_active()), "{application:?}");
            }
            if of_application.iter().any(|seal| seal.standing.is_active()) {
                assert!(matches!(application.state, SealApplicationState::Made { .. }), "{application:?}");
            }
        }
        let good: std::collections::BTreeSet<_> =
            seals.iter().filter(|seal| seal.standing.is_active()).map(id_of).collect();
        let good_at_ca = self.ca.made.borrow().difference(&self.ca.revoked.borrow()).cloned().collect();
        assert_eq!(good, good_at_ca);
        let asked = self.ca.asked.borrow();
        let open: Vec<_> = asked.difference(&self.ca.concluded.borrow()).cloned().collect();
        assert!(open.is_empty(), "not concluded: {open:?}");
    }
}

fn run(test: impl AsyncFnOnce()) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
}

#[test]
fn a_seal_that_comes_after_its_application_was_cancelled_is_revoked_and_was_never_of_use() {
    run(async || {
        let mut office = Office::open().await;
        office.ca.cancels.set(false);
        let id = office.apply("公章", None).await.unwrap();
        office.attempt_due().await;
        office.cancel(id).await.unwrap();
        office.reviewed().await;
        let seals = office.seals().await;
        let [seal] = seals.as_slice() else { panic!("{seals:?}") };
        assert!(matches!(seal.standing.state, SealState::Revoked { .. }), "{seal:?}");
        assert_eq!(office.ca.revoked.borrow().len(), 1);
        office.agrees().await;
        assert!(office.desk.messages().await.is_empty(), "nobody waits for word of it");
    });
}

#[test]
fn a_seal_that_is_not_what_was_asked_for_is_revoked_and_the_legal_person_is_told() {
    run(async || {
        let mut office = Office::open().await;
        office.ca.mood.set(Mood::MakesAnother);
        let id = office.apply("公章", None).await.unwrap();
        office.attempt_due().await;
        office.ca.decide();
        office.ca.loses_answers.set(true);
        for _ in 0..3 {
            office.desk.pass(10);
            office.attempt_due().await;
        }
        office.ca.loses_answers.set(false);
        office.settle().await;
        assert!(office.seals().await.is_empty());
        assert_eq!(*office.ca.made.borrow(), *office.ca.revoked.borrow());
        let state = office.application(id).await.application.state;
        assert!(
            matches!(&state, SealApplicationState::Rejected { reason, .. } if reason.contains("another name"))
        );
        let messages = office.desk.messages().await;
        assert!(
            matches!(&messages[..], [message] if matches!(message.notice, Notice::SealDecided { made: false, .. }))
        );
    });
}

#[test]
fn what_was_found_unfit_stays_so_whatever_is_trusted_later() {
    run(async || {
        let mut office = Office::open().await;
        office.ca.mood.set(Mood::MakesAnother);
        let id = office.apply("公章", None).await.unwrap();
        office.attempt_due().await;
        office.ca.decide();
        let find_out = async || {
            office.desk.pass(10);
            office.attempt_due().await;
            office.application(id).await.unfit.is_some()
        };
        assert!(find_out().await);
        office.ca.fits_now();
        office.settle().await;
        assert!(office.seals().await.is_empty());
        office.agrees().await;
    });
}

#[test]
fn a_seal_that_the_ca_has_given_out_before_is_taken_for_nothing_new() {
    run(async || {
        let mut office = Office::open().await;
        office.ca.repeats_itself.set(true);
        let mut ids = Vec::new();
        for name in ["公章", "合同章"] {
            ids.push(office.apply(name, None).await.unwrap());
            office.attempt_due().await;
            office.ca.decide();
            office.settle().await;
        }
        let seals = office.seals().await;
        assert!(matches!(&seals[..], [seal] if seal.standing.is_active()), "{seals:?}");
        assert!(office.ca.revoked.borrow().is_empty(), "it is in use");
        let state = office.application(ids[1]).await.application.state;
        assert!(matches!(&state, SealApplicationState::Rejected { reason, .. } if reason.contains("before")));
    });
}

#[test]
fn a_ca_that_revokes_nothing_has_its_word_shown_and_the_seal_is_of_no_use_here() {
    run(async || {
        let mut office = Office::open().await;
        office.apply("公章", None).await.unwrap();
        office.reviewed().await;
        office.ca.refuses.set(true);
        let id = office.seals().await[0].id;
        office.revoke(&id, &office.chief.clone()).await.unwrap();
        office.settle().await;
        let state = office.seals().await.remove(0).standing.state;
        assert!(
            matches!(&state, SealState::Revoked { declined: Some(text), .. } if text == "not by this way")
        );
    });
}

#[test]
fn a_company_applies_for_twenty_seals_a_day_at_most() {
    run(async || {
        let mut office = Office::open().await;
        for number in 0..20 {
            office.apply(&format!("印章{number}"), None).await.unwrap();
        }
        let refused = office.apply("印章二十", None).await.unwrap_err();
        assert!(refused.to_string().contains("20 seals a day"), "{refused}");
        office.desk.pass(DAY);
        office.apply("印章二十", None).await.unwrap();
    });
}

#[test]
fn with_a_legal_person_goes_what_that_one_applied_for_and_nothing_of_the_next_one() {
    run(async || {
        let mut office = Office::open().await;
        let before = office.apply("公章", None).await.unwrap();
        let former = office.chief.user().unwrap().id;
        let since = office.desk.now();
        office.desk.pass(1);
        office.change_chief().await;
        office.apply("合同章", None).await.unwrap();
        let made = office.apply("财务章", None).await.unwrap();
        office.reviewed().await;
        assert!(!office.application(made).await.application.is_pending());
        let kind = CascadeKind::ChangeLegalPerson { enterprise: COMPANY.parse().unwrap(), former };
        let there = inventory(office.repository(), &kind, since).await.unwrap();
        assert!(there.seal_applications.is_empty(), "{there:?}");
        let seals: Vec<_> = there.seals.iter().map(|seal| seal.id).collect();
        let of = |id: SealApplicationId| SealId::from_bytes(*id.as_bytes());
        assert_eq!(seals, [of(before)]);
        let all = CascadeKind::DeleteEnterprise { enterprise: COMPANY.parse().unwrap() };
        assert_eq!(inventory(office.repository(), &all, since).await.unwrap().seals.len(), 3);
        // Deleted, and registered anew: the deletion is over for what came since.
        office.desk.pass(1);
        office.registered_anew().await;
        let there = inventory(office.repository(), &all, since).await.unwrap();
        assert!(
            !there.subject_present && there.certificates.len() == 2 && there.seals.len() == 3,
            "{there:?}"
        );
        office.desk.pass(1);
        office.desk.issue(UserId::random(), 365).await;
        office.apply("新章", None).await.unwrap();
        assert_eq!(inventory(office.repository(), &all, since).await.unwrap(), there);
    });
}

#[test]
fn a_ca_that_is_down_for_an_hour_is_asked_until_it_answers_and_the_seal_is_blocked_meanwhile() {
    run(async || {
        let mut office = Office::open().await;
        office.apply("公章", None).await.unwrap();
        office.reviewed().await;
        let seal = office.seals().await.remove(0);
        office.ca.down.set(true);
        office.revoke(&seal.id, &office.chief.clone()).await.unwrap();
        let open = office.apply("合同章", None).await.unwrap();
        for _ in 0..3600 {
            office.attempt_due().await;
            office.desk.pass(1);
            if let [first, ..] = &office.desk.jobs().await[..] {
                assert!(office.desk.now().millis_until(first.due) <= 300_000);
            }
        }
        assert!(!office.seals().await[0].standing.is_active() && office.ca.revoked.borrow().is_empty());
        assert!(office.application(open).await.application.is_pending());
        office.ca.down.set(false);
        for _ in 0..3 {
            office.desk.pass(300);
            office.attempt_due().await;
            office.ca.decide();
        }
        office.settle().await;
        assert_eq!(office.ca.made.borrow().len(), 2);
        office.agrees().await;
    });
}

#[test]
fn a_seal_is_revoked_with_its_company_once() {
    run(async || {
        let mut office = Office::open().await;
        office.apply("公章", None).await.unwrap();
        office.reviewed().await;
        let id = office.seals().await[0].id;
        assert!(revoke_with_company(office.repository(), &id).await.unwrap(), "the CA has still to answer");
        office.settle().await;
        assert!(!revoke_with_company(office.repository(), &id).await.unwrap());
        assert!(office.desk.jobs().await.is_empty());
        assert!(!revoke_with_company(office.repository(), &SealId::from_bytes([9; 16])).await.unwrap());
    });
}

#[test]
fn only_people_of_the_company_and_its_certificates_can_be_listed() {
    run(async || {
        let office = Office::open().await;
        let company = office.repository().get::<Enterprise>(COMPANY.as_bytes()).await.unwrap().unwrap().value;
        let check =
            async |usage| application::check_usage(office.repository(), &company, &usage).await.is_ok();
        assert!(check(Usage::listed([company.legal_person], vec![])).await);
        assert!(!check(Usage::listed([UserId::random()], vec![])).await);
        assert!(!check(Usage::listed([], vec![Sm3Hex::of(b"elsewhere")])).await);
    });
}
