use std::collections::BTreeMap;

use yinqiao_lifecycle::money::Fen;
use yinqiao_lifecycle::offer::{Policy, Quote};
use yinqiao_lifecycle::order::{Applicant, Wish};
use yinqiao_lifecycle::user::{Claims, DeviceSession, Tokens};
use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{Base64, DeviceSessionId, HolderId, PaymentId, UserId};

use super::*;
use crate::adapter::journal::Journal;
use crate::lifecycle::certificate::fixture::{DAY, Desk};
use crate::records::Aggregate;

const ORDER: [u8; 16] = [5; 16];

/// An order that is ready to be downloaded, and its applicant's phones.
struct Counter {
    desk: Desk,
    journal: Journal,
    code: Sm3Hex,
}

impl Counter {
    async fn new() -> Self {
        let desk = Desk::new();
        let store: std::sync::Arc<dyn crate::store::Records> = desk.store.clone();
        let counter = Self { journal: Journal::new(&store), code: Sm3Hex::of(b"code"), desk };
        let claims = BTreeMap::from([
            ("user_kind", "person"),
            ("name", "王小明"),
            ("id_number", "11010519491231002X"),
            ("phone_number", "13812345678"),
            ("assurance_level", "L4"),
        ]);
        let claims =
            Claims::read("https://id.example", "wang", |name| claims.get(name).map(|v| (*v).to_owned()))
                .unwrap();
        let now = counter.desk.now();
        let user = User::register(UserId::random(), &claims, now).next;
        counter.put(&user).await;
        for phone in ["first", "second"] {
            let tokens = Tokens { access_sm3: Sm3Hex::of(phone.as_bytes()), renewal_sm3: Sm3Hex::of(b"r") };
            let device = (phone, Base64(phone.into()));
            let session = DeviceSession::begin(DeviceSessionId::random(), &user, device, tokens, now);
            counter.put(&session.next).await;
        }
        let actor = Actor::User(user.actor());
        let wish = Wish {
            reason: Reason::New,
            platform: "city".into(),
            certificate_authority: "ca".into(),
            product: None,
            days: 365,
            signing_only: false,
        };
        let order = Order::apply(
            OrderId::from_bytes(ORDER),
            wish,
            Quote { amount: Fen::ZERO, free_by: None },
            &Policy::default(),
            &Applicant { actor: &actor, belongs: false, enterprise: None },
            PaymentId::random(),
            now,
        );
        let order = order.unwrap().next;
        counter.put(&order).await;
        let record = EnrolmentRecord {
            holder: Holder {
                id: HolderId::random(),
                kind: HolderKind::Person,
                name: "王小明".into(),
                enterprise: None,
            },
            certificate_authority: "ca".into(),
            fallback: Vec::new(),
            product: None,
            signing_only: false,
            order: Some(order.id),
            user: Some(user.id),
            validity_days: 365,
            expires_at: order.deadline().unwrap(),
            state: EnrolmentState::Open,
        };
        counter.desk.directory.change_enrolment(&counter.code, 0, &record).await.unwrap();
        counter
    }

    async fn put<T: Aggregate>(&self, record: &T) {
        let stored: Result<(), ApiError> =
            self.desk.repository.transact(async |transaction| Ok(transaction.put(None, record)?)).await;
        stored.unwrap();
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { repository: &self.desk.repository, directory: &self.desk.directory, journal: &self.journal }
    }

    async fn begin(&self, phone: &str) -> Result<(), ApiError> {
        begin_download(self.shelf(), &self.code, request(phone), &enrolment(phone, &self.code)).await
    }

    async fn bind_code(&self, phone: &str) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        self.shelf().bind_code(&self.code, request(phone), &enrolment(phone, &self.code)).await
    }

    /// The job, after the phone has not been heard of.
    async fn begin_again(&self) -> Attempt {
        begin_again(self.shelf(), OrderId::from_bytes(ORDER), &self.code).await.unwrap()
    }

    async fn order(&self) -> Order {
        self.desk.repository.get::<Order>(&ORDER).await.unwrap().unwrap().value
    }

    async fn enrolment(&self) -> EnrolmentRecord {
        self.desk.directory.enrolment(&self.code).await.unwrap().value
    }
}

fn request(phone: &str) -> Sm3Hex {
    Sm3Hex::of(phone.as_bytes())
}

fn enrolment(phone: &str, code: &Sm3Hex) -> Enrolment {
    Enrolment {
        code_sm3: *code,
        certificate_request: Base64(b"request".to_vec()),
        device_key: Base64(phone.into()),
    }
}

#[actix_rt::test]
async fn a_phone_that_stalls_after_it_took_the_order_takes_it_once_more_where_it_was_set_free() {
    let counter = Counter::new().await;
    counter.begin("first").await.unwrap();
    assert_eq!(counter.begin_again().await, Attempt::Finished);
    assert_eq!(counter.order().await.state_name(), "ready");
    counter.bind_code("first").await.unwrap();
    let state = counter.order().await.state;
    assert!(matches!(state, State::Issuing { request_sm3, .. } if request_sm3 == request("first")));
    assert_eq!(counter.desk.jobs().await.len(), 1, "somebody goes on when the phone goes away");
}

#[actix_rt::test]
async fn a_phone_that_stalls_while_another_takes_the_order_leaves_the_code_to_that_one() {
    let counter = Counter::new().await;
    counter.begin("first").await.unwrap();
    counter.begin_again().await;
    counter.begin("second").await.unwrap();
    assert_eq!(counter.bind_code("first").await.unwrap_err().kind(), Kind::Conflict);
    assert!(matches!(counter.enrolment().await.state, EnrolmentState::Open));
    counter.bind_code("second").await.unwrap();
    let state = counter.enrolment().await.state;
    assert!(
        matches!(state, EnrolmentState::Requested { request_sm3, .. } if request_sm3 == request("second"))
    );
}

#[actix_rt::test]
async fn the_key_of_a_phone_that_came_too_late_is_void_and_found_so_after_a_death_in_between() {
    let counter = Counter::new().await;
    counter.begin("first").await.unwrap();
    let found = counter.bind_code("first").await.unwrap();
    let EnrolmentState::Requested { idempotency_key, .. } = &found.value.state else { panic!("{found:?}") };
    let key = idempotency_key.clone().try_into().unwrap();
    let same = counter.shelf().without_void_key(&counter.code, found.clone()).await.unwrap();
    assert_eq!(same.version, found.version);
    let issue = yinqiao_ca_sdk::Operation::Issue;
    assert!(counter.journal.abandon(&key, issue, counter.desk.now()).await.unwrap());
    counter.shelf().without_void_key(&counter.code, found).await.unwrap();
    assert!(matches!(counter.enrolment().await.state, EnrolmentState::Open));
}

#[actix_rt::test]
async fn a_request_whose_key_was_made_void_by_a_broker_that_died_goes_on_under_a_new_one() {
    let counter = Counter::new().await;
    counter.begin("first").await.unwrap();
    let key_of = |found: Versioned<EnrolmentRecord>| match found.value.state {
        EnrolmentState::Requested { idempotency_key, .. } => idempotency_key,
        state => panic!("{state:?}"),
    };
    let key = key_of(counter.bind_code("first").await.unwrap());
    assert_eq!(key_of(counter.bind_code("first").await.unwrap()), key);
    let issue = yinqiao_ca_sdk::Operation::Issue;
    let now = counter.desk.now();
    assert!(counter.journal.abandon(&key.clone().try_into().unwrap(), issue, now).await.unwrap());
    assert_ne!(key_of(counter.bind_code("first").await.unwrap()), key);
}

#[actix_rt::test]
async fn an_order_that_is_set_free_and_its_code_wait_equally_long() {
    let counter = Counter::new().await;
    let before = counter.enrolment().await.expires_at;
    counter.desk.pass(DAY);
    counter.begin("first").await.unwrap();
    counter.begin_again().await;
    let after = counter.order().await.deadline().unwrap();
    assert!(after > before);
    assert_eq!(counter.enrolment().await.expires_at, after);
}

#[actix_rt::test]
async fn an_order_whose_code_is_taken_is_not_set_free() {
    let counter = Counter::new().await;
    counter.begin("first").await.unwrap();
    counter.bind_code("first").await.unwrap();
    assert!(matches!(counter.begin_again().await, Attempt::Again(_)));
    assert_eq!(counter.order().await.state_name(), "issuing");
}

#[actix_rt::test]
async fn an_order_that_a_ca_refuses_keeps_its_job_until_nothing_can_be_sent_any_more() {
    for (noted, jobs) in [(Noted::EndedWithRequest, 1), (Noted::Ended, 0)] {
        let counter = Counter::new().await;
        counter.begin("first").await.unwrap();
        failed(&counter.desk.repository, OrderId::from_bytes(ORDER), "refused", noted).await.unwrap();
        assert_eq!(counter.order().await.state_name(), "failed");
        let left = counter.desk.jobs().await;
        assert_eq!(left.len(), jobs);
        assert!(left.iter().all(|job| job.due <= counter.desk.now()), "at once");
    }
}
