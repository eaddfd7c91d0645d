use proptest::prelude::*;

use yinqiao_protocol::{OperatorId, PaymentId};

use super::*;
use crate::actor::{OperatorRole, UserActor};
use crate::identity::AssuranceLevel;
use crate::job::JobKind;
use crate::money::Fen;

mod model;

use model::Model;

const CODE: &str = "91350100M000100Y43";

fn code() -> CreditCode {
    CODE.parse().unwrap()
}

fn applicant() -> Actor {
    let id = UserId::from_bytes([2; 16]);
    Actor::User(UserActor { id, kind: HolderKind::Person, enterprise: None, level: AssuranceLevel::L4 })
}

fn legal_person() -> Actor {
    let id = UserId::from_bytes([1; 16]);
    let kind = HolderKind::LegalPerson;
    Actor::User(UserActor { id, kind, enterprise: Some(code()), level: AssuranceLevel::L4 })
}

fn operator() -> Actor {
    Actor::Operator { id: OperatorId::from_bytes([9; 16]), role: OperatorRole::Operator }
}

fn stranger() -> Actor {
    let id = UserId::from_bytes([7; 16]);
    Actor::User(UserActor { id, kind: HolderKind::Person, enterprise: None, level: AssuranceLevel::L4 })
}

fn start() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn wish() -> Wish {
    Wish {
        reason: Reason::New,
        platform: "city".into(),
        certificate_authority: "softca".into(),
        product: None,
        days: 365,
        signing_only: false,
    }
}

fn order(amount: u64) -> Order {
    let quote = Quote { amount: Fen(amount), free_by: None };
    let actor = applicant();
    let who = Applicant { actor: &actor, belongs: true, enterprise: Some(code()) };
    let (id, payment) = (OrderId::from_bytes([5; 16]), PaymentId::from_bytes([6; 16]));
    Order::apply(id, wish(), quote, &Policy::default(), &who, payment, start()).unwrap().next
}

fn paid(reference: &str, amount: u64) -> PaymentWord {
    PaymentWord::Paid { reference: reference.into(), amount: Fen(amount) }
}

fn ready() -> Order {
    let approved = order(100).approve(&legal_person(), start()).unwrap().next;
    approved.hear_of_payment(&paid("r1", 100), &Actor::PaymentProvider, start()).unwrap().next
}

#[test]
fn an_order_goes_from_application_to_certificate() {
    let applied = order(100);
    assert_eq!(applied.state_name(), "applied");
    let approved = applied.approve(&legal_person(), start()).unwrap().next;
    assert_eq!(approved.state_name(), "awaiting_payment");
    let ready = ready();
    assert_eq!(ready.state_name(), "paid");
    let issuing = ready.begin_issue(Sm3Hex::of(b"q"), &applicant(), start()).unwrap().next;
    let issued = issuing.issued(Sm3Hex::of(b"c"), start()).unwrap().next;
    assert_eq!((issuing.state_name(), issued.state_name()), ("issuing", "issued"));
    assert_eq!(order(0).approve(&legal_person(), start()).unwrap().next.state_name(), "ready");
}

#[test]
fn who_may_order_and_who_agrees() {
    let apply = |actor: &Actor, belongs, enterprise, policy: &Policy| {
        let quote = Quote { amount: Fen::ZERO, free_by: None };
        let who = Applicant { actor, belongs, enterprise };
        Order::apply(OrderId::random(), wish(), quote, policy, &who, PaymentId::random(), start())
            .map(|step| step.next.approver)
    };
    let (plain, strict) = (
        Policy::default(),
        Policy {
            operator_approves_persons: true,
            operator_approves_legal_persons: true,
            ..Policy::default()
        },
    );
    assert_eq!(apply(&applicant(), false, Some(code()), &plain), Err(OrderRefusal::NotAMember));
    assert_eq!(apply(&legal_person(), true, None, &plain), Err(OrderRefusal::LegalPersonWithoutCompany));
    assert_eq!(apply(&operator(), true, None, &plain), Err(OrderRefusal::NotAUser));
    assert_eq!(apply(&applicant(), true, Some(code()), &strict), Ok(Approver::LegalPerson));
    assert_eq!(apply(&applicant(), false, None, &plain), Ok(Approver::Nobody));
    assert_eq!(apply(&applicant(), false, None, &strict), Ok(Approver::Operator));
    assert_eq!(apply(&legal_person(), true, Some(code()), &plain), Ok(Approver::Nobody));
    assert_eq!(apply(&legal_person(), true, Some(code()), &strict), Ok(Approver::Operator));
    for actor in [applicant(), operator(), stranger(), Actor::System] {
        let refused = order(0).approve(&actor, start());
        assert_eq!(refused, Err(OrderRefusal::NotTheApprover("the company's legal person")));
    }
    assert_eq!(order(0).cancel(&stranger(), start()), Err(OrderRefusal::NotYours));
    let other = ready().begin_issue(Sm3Hex::of(b"q"), &legal_person(), start());
    assert_eq!(other, Err(OrderRefusal::NotYours));
}

#[test]
fn money_that_is_wrong_late_or_twice_is_not_kept() {
    let provider = Actor::PaymentProvider;
    let waiting = order(100).approve(&legal_person(), start()).unwrap().next;
    let wrong = waiting.hear_of_payment(&paid("r1", 99), &provider, start());
    assert_eq!(wrong, Err(OrderRefusal::WrongAmount { expected: Fen(100), given: Fen(99) }));
    let refund = PaymentWord::Refunded { reference: "r1".into() };
    let early = waiting.hear_of_payment(&refund, &provider, start());
    assert_eq!(early, Err(OrderRefusal::NoRefundDue("awaited")));

    let twice = ready().hear_of_payment(&paid("r1", 100), &provider, start()).unwrap();
    assert!(!twice.changed);
    let second = ready().hear_of_payment(&paid("r2", 100), &provider, start()).unwrap();
    assert_eq!(second.next.payment.as_ref().unwrap().refunds_due(), ["r2"]);
    assert_eq!(second.jobs[0].kind, JobKind::Refund(second.next.id));
    assert_eq!(second.next.state_name(), "paid");

    let cancelled = waiting.cancel(&applicant(), start()).unwrap().next;
    let late = cancelled.hear_of_payment(&paid("r1", 100), &provider, start()).unwrap();
    assert_eq!(late.next.payment.as_ref().unwrap().refunds_due(), ["r1"]);
    let back = late.next.hear_of_payment(&refund, &provider, start()).unwrap().next;
    assert_eq!(back.payment.as_ref().unwrap().state_name(), "refunded");
    assert!(!back.hear_of_payment(&refund, &provider, start()).unwrap().changed);
    assert_eq!(
        waiting.hear_of_payment(&paid("r1", 100), &legal_person(), start()),
        Err(OrderRefusal::NotYours)
    );
}

#[test]
fn an_invoice_is_for_what_was_paid() {
    let request = InvoiceRequest {
        title: "某公司".into(),
        tax_number: Some(CODE.into()),
        mail: "caiwu@example.cn".into(),
    };
    let ask = |order: &Order, request: &InvoiceRequest| {
        order.request_invoice(request.clone(), &applicant(), start())
    };
    assert_eq!(ask(&order(100), &request), Err(OrderRefusal::NotPaid));
    assert_eq!(ask(&order(0), &request), Err(OrderRefusal::NotPaid));
    let asked = ask(&ready(), &request).unwrap();
    assert_eq!(asked.jobs[0].kind, JobKind::Invoice(asked.next.id));
    let failed = asked.next.invoice_failed("税号不存在", start()).unwrap().next;
    let again = ask(&failed, &request).unwrap().next;
    let issued = again.invoice_issued("24352000000012345678", Sm3Hex::of(b"f"), start()).unwrap().next;
    assert_eq!(ask(&issued, &request), Err(OrderRefusal::InvoiceThere("issued")));
    for request in [
        InvoiceRequest { title: String::new(), ..request.clone() },
        InvoiceRequest { tax_number: Some("123".into()), ..request.clone() },
        InvoiceRequest { mail: "a@b".into(), ..request.clone() },
        InvoiceRequest { mail: "a b@c.cn".into(), ..request.clone() },
        InvoiceRequest { mail: "@c.cn".into(), ..request },
    ] {
        assert!(matches!(ask(&ready(), &request), Err(OrderRefusal::Text(_))), "{request:?}");
    }
}

/// What may come, by whom.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Approve,
    Reject,
    CancelByApplicant,
    CancelByCompany,
    Paid { reference: u8, right: bool },
    Refunded { reference: u8 },
    Begin { request: u8 },
    Issued { certificate: u8 },
    Fail,
    BeginAgain,
    Pass { days: u32 },
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => Just(Ask::Approve),
        1 => Just(Ask::Reject),
        1 => Just(Ask::CancelByApplicant),
        1 => Just(Ask::CancelByCompany),
        4 => (1..4u8, prop::bool::weighted(0.8)).prop_map(|(reference, right)| Ask::Paid { reference, right }),
        2 => (1..4u8).prop_map(|reference| Ask::Refunded { reference }),
        4 => (1..3u8).prop_map(|request| Ask::Begin { request }),
        3 => (1..3u8).prop_map(|certificate| Ask::Issued { certificate }),
        1 => Just(Ask::Fail),
        1 => Just(Ask::BeginAgain),
        2 => (1..40u32).prop_map(|days| Ask::Pass { days }),
    ]
}

/// Applies it as the broker does: what is due expires first.
fn applied(order: &Order, ask: &Ask, now: Timestamp) -> Option<Step<Order>> {
    let provider = Actor::PaymentProvider;
    match ask {
        Ask::Approve => order.approve(&legal_person(), now).ok(),
        Ask::Reject => order.reject("不需要", &legal_person(), now).ok(),
        Ask::CancelByApplicant => order.cancel(&applicant(), now).ok(),
        Ask::CancelByCompany => order.cancel(&legal_person(), now).ok(),
        Ask::Paid { reference, right } => {
            let word = paid(&format!("r{reference}"), if *right { order.quote.amount.0 } else { 1 });
            order.hear_of_payment(&word, &provider, now).ok()
        }
        Ask::Refunded { reference } => {
            let word = PaymentWord::Refunded { reference: format!("r{reference}") };
            order.hear_of_payment(&word, &provider, now).ok()
        }
        Ask::Begin { request } => order.begin_issue(Sm3Hex::of(&[*request]), &applicant(), now).ok(),
        Ask::Issued { certificate } => order.issued(Sm3Hex::of(&[*certificate]), now).ok(),
        Ask::Fail => order.fail("CA拒绝", &Actor::System, now).ok(),
        Ask::BeginAgain => order.begin_again(now).ok(),
        Ask::Pass { .. } => Some(order.expire(now)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_history_goes_as_the_model_says(
        amount in prop_oneof![Just(0u64), Just(100)], asks in prop::collection::vec(ask(), 0..20),
    ) {
        let (mut order, mut now) = (order(amount), start());
        let mut model = Model::new(amount > 0);
        let (mut certificates, mut approved) = (Vec::new(), false);
        for ask in &asks {
            if let Ask::Pass { days } = ask {
                now = now.plus_seconds(days * DAY_SECONDS);
            }
            if let Some(step) = applied(&order, ask, now) {
                let repeated = applied(&step.next, ask, now);
                prop_assert!(repeated.is_none_or(|repeated| !repeated.changed), "{ask:?}");
                if step.changed && let State::Issued { certificate, .. } = &step.next.state && !order.is_over() {
                    certificates.push(*certificate);
                }
                order = step.next;
            }
            approved |= matches!(ask, Ask::Approve) && order.approved_at.is_some();
            model.take(ask, now);
            prop_assert_eq!(Model::view(&order), model.seen(), "after {:?}", ask);
            // What must hold whatever happens.
            prop_assert!(certificates.len() <= 1);
            prop_assert!(order.approved_at.is_none() || approved);
            let payment = order.payment.as_ref();
            if matches!(order.state, State::Ready { .. } | State::Issuing { .. } | State::Issued { .. }) {
                prop_assert!(order.approved_at.is_some());
                prop_assert!(payment.is_none_or(|payment| matches!(payment.state, PaymentState::Paid(_))));
            }
            if order.is_over() && !matches!(order.state, State::Issued { .. }) {
                prop_assert!(payment.is_none_or(|payment| !matches!(payment.state, PaymentState::Paid(_))));
            }
        }
    }

    #[test]
    fn two_that_decide_at_once_end_as_one_after_the_other(
        before in prop::collection::vec(ask(), 0..8), first in ask(), second in ask(),
    ) {
        let now = start().plus_seconds(60);
        let run = |order: &Order, ask: &Ask| applied(order, ask, now).map_or(order.clone(), |step| step.next);
        let order = before.iter().fold(order(100), |order, ask| run(&order, ask));
        // Both decide from the same version; the store takes the first one's change, the second decides anew.
        let end = match applied(&order, &first, now) {
            Some(step) if step.changed => run(&step.next, &second),
            _ => run(&order, &second),
        };
        let serial = [run(&run(&order, &first), &second), run(&run(&order, &second), &first)];
        prop_assert!(serial.contains(&end));
    }
}
