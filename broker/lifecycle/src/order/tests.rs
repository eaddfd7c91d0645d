use yinqiao_protocol::{OperatorId, PaymentId};

use super::*;
use crate::actor::{OperatorRole, UserActor};
use crate::identity::AssuranceLevel;
use crate::job::JobKind;
use crate::money::Fen;

mod event;
mod history;
mod model;
mod race;
mod replacement;

const CODE: &str = "91350100M000100Y43";

fn code() -> CreditCode {
    CODE.parse().unwrap()
}

fn user(id: u8, kind: HolderKind, enterprise: Option<&str>) -> Actor {
    let enterprise = enterprise.map(|code| code.parse().unwrap());
    Actor::User(UserActor { id: UserId::from_bytes([id; 16]), kind, enterprise, level: AssuranceLevel::L4 })
}

fn legal_person() -> Actor {
    user(1, HolderKind::LegalPerson, Some(CODE))
}

fn applicant() -> Actor {
    user(2, HolderKind::Person, None)
}

fn stranger() -> Actor {
    user(7, HolderKind::Person, None)
}

fn operator() -> Actor {
    Actor::Operator { id: OperatorId::from_bytes([9; 16]), role: OperatorRole::Operator }
}

fn start_time() -> Timestamp {
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

fn applied_for(
    actor: &Actor,
    enterprise: Option<CreditCode>,
    amount: u64,
    policy: &Policy,
) -> Result<Step<Order>, OrderRefusal> {
    let quote = Quote { amount: Fen(amount), free_by: None };
    let who = Applicant { actor, belongs: enterprise.is_some(), enterprise };
    let (id, payment) = (OrderId::from_bytes([5; 16]), PaymentId::from_bytes([6; 16]));
    Order::apply(id, wish(), quote, policy, &who, payment, start_time())
}

fn order(amount: u64) -> Order {
    applied_for(&applicant(), Some(code()), amount, &Policy::default()).unwrap().next
}

fn paid(reference: &str, amount: u64) -> PaymentWord {
    PaymentWord::Paid { reference: reference.into(), amount: Fen(amount) }
}

fn ready() -> Order {
    let approved = order(100).approve(&legal_person(), start_time()).unwrap().next;
    approved.hear_of_payment(&paid("r1", 100), &Actor::PaymentProvider, start_time()).unwrap().next
}

#[test]
fn an_order_goes_from_application_to_certificate() {
    let applied = order(100);
    assert_eq!(applied.state_name(), "applied");
    let approved = applied.approve(&legal_person(), start_time()).unwrap().next;
    assert_eq!(approved.state_name(), "awaiting_payment");
    let ready = ready();
    assert_eq!((ready.state_name(), ready.paid_at()), ("paid", Some(start_time())));
    assert_eq!((ready.approved_at, &ready.approved_by), (Some(start_time()), &Some(legal_person())));
    let issuing = ready.begin_issue(Sm3Hex::of(b"q"), &applicant(), start_time()).unwrap().next;
    let issued = issuing.issued(Sm3Hex::of(b"c"), start_time()).unwrap().next;
    assert_eq!((issuing.state_name(), issued.state_name()), ("issuing", "issued"));
    assert_eq!((issuing.issued_at(), issued.issued_at()), (None, Some(start_time())));
    assert_eq!(order(0).approve(&legal_person(), start_time()).unwrap().next.state_name(), "ready");
}

#[test]
fn who_may_order_and_who_agrees() {
    let apply = |actor: &Actor, belongs, enterprise, policy: &Policy| {
        let quote = Quote { amount: Fen::ZERO, free_by: None };
        let who = Applicant { actor, belongs, enterprise };
        Order::apply(OrderId::random(), wish(), quote, policy, &who, PaymentId::random(), start_time())
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
        let refused = order(0).approve(&actor, start_time());
        assert_eq!(refused, Err(OrderRefusal::NotTheApprover("the company's legal person")));
    }
    assert_eq!(order(0).cancel(&stranger(), start_time()), Err(OrderRefusal::NotYours));
    let other = ready().begin_issue(Sm3Hex::of(b"q"), &legal_person(), start_time());
    assert_eq!(other, Err(OrderRefusal::NotYours));
}

#[test]
fn money_that_is_wrong_late_or_twice_is_not_kept() {
    let provider = Actor::PaymentProvider;
    let waiting = order(100).approve(&legal_person(), start_time()).unwrap().next;
    let wrong = waiting.hear_of_payment(&paid("r1", 99), &provider, start_time());
    assert_eq!(wrong, Err(OrderRefusal::WrongAmount { expected: Fen(100), given: Fen(99) }));
    let refund = PaymentWord::Refunded { reference: "r1".into(), amount: Fen(100) };
    let early = waiting.hear_of_payment(&refund, &provider, start_time());
    assert_eq!(early, Err(OrderRefusal::NoRefundDue("awaited")));

    let twice = ready().hear_of_payment(&paid("r1", 100), &provider, start_time()).unwrap();
    assert!(!twice.changed);
    let second = ready().hear_of_payment(&paid("r2", 100), &provider, start_time()).unwrap();
    assert_eq!(second.next.payment.as_ref().unwrap().refunds_due(), ["r2"]);
    assert_eq!(second.jobs[0].kind, JobKind::Refund(second.next.id));
    assert_eq!(second.next.state_name(), "paid");

    let cancelled = waiting.cancel(&applicant(), start_time()).unwrap().next;
    let late = cancelled.hear_of_payment(&paid("r1", 100), &provider, start_time()).unwrap();
    assert_eq!(late.next.payment.as_ref().unwrap().refunds_due(), ["r1"]);
    assert_eq!(late.next.payment.as_ref().unwrap().refund_due_since, Some(start_time()));
    let part = PaymentWord::Refunded { reference: "r1".into(), amount: Fen(99) };
    let part = late.next.hear_of_payment(&part, &provider, start_time());
    assert_eq!(part, Err(OrderRefusal::WrongRefund { due: Fen(100), given: Fen(99) }));
    let back = late.next.hear_of_payment(&refund, &provider, start_time()).unwrap().next;
    assert_eq!(back.payment.as_ref().unwrap().state_name(), "refunded");
    assert_eq!(back.payment.as_ref().unwrap().refund_due_since, None);
    assert!(!back.hear_of_payment(&refund, &provider, start_time()).unwrap().changed);
    assert_eq!(
        waiting.hear_of_payment(&paid("r1", 100), &legal_person(), start_time()),
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
        order.request_invoice(request.clone(), &applicant(), start_time())
    };
    assert_eq!(ask(&order(100), &request), Err(OrderRefusal::NotPaid));
    assert_eq!(ask(&order(0), &request), Err(OrderRefusal::NotPaid));
    let asked = ask(&ready(), &request).unwrap();
    assert_eq!(asked.jobs[0].kind, JobKind::Invoice(asked.next.id));
    let failed = asked.next.invoice_failed("税号不存在", start_time()).unwrap().next;
    let again = ask(&failed, &request).unwrap().next;
    let issued = again.invoice_issued("24352000000012345678", Sm3Hex::of(b"f"), start_time()).unwrap().next;
    assert_eq!(ask(&issued, &request), Err(OrderRefusal::InvoiceThere("issued")));
    let tax = |number: &str| InvoiceRequest { tax_number: Some(number.into()), ..request.clone() };
    for request in [
        InvoiceRequest { title: String::new(), ..request.clone() },
        tax("123"),
        tax("91350100M000100Y44"),
        InvoiceRequest { mail: "a@b".into(), ..request.clone() },
        InvoiceRequest { mail: "a b@c.cn".into(), ..request.clone() },
        InvoiceRequest { mail: "@c.cn".into(), ..request.clone() },
    ] {
        assert!(matches!(ask(&ready(), &request), Err(OrderRefusal::Text(_))), "{request:?}");
    }
    assert!(ask(&ready(), &tax("350100000000012")).is_ok());
    let alone = applied_for(&applicant(), None, 100, &Policy::default()).unwrap().next;
    let alone = alone.hear_of_payment(&paid("r1", 100), &Actor::PaymentProvider, start_time()).unwrap().next;
    assert!(matches!(ask(&alone, &request), Err(OrderRefusal::Text(_))));
    assert!(ask(&alone, &InvoiceRequest { tax_number: None, ..request }).is_ok());
}

#[test]
fn no_invoice_is_made_for_money_that_goes_back_and_one_that_is_there_is_to_be_reversed() {
    let mail = "caiwu@example.cn".to_owned();
    let request = InvoiceRequest { title: "某公司".into(), tax_number: Some(CODE.into()), mail };
    let asked = ready().request_invoice(request, &applicant(), start_time()).unwrap().next;
    let made = |order: &Order| order.invoice_issued("24352", Sm3Hex::of(b"f"), start_time());
    let state = |order: &Order| order.invoice.as_ref().unwrap().state.clone();

    let cancelled = asked.cancel(&applicant(), start_time()).unwrap().next;
    assert!(matches!(state(&cancelled), InvoiceState::Failed { .. }));
    let late = made(&cancelled).unwrap();
    assert!(matches!(state(&late.next), InvoiceState::Issued { .. }));
    assert_eq!(late.audit[0].details["invoice-to-reverse"], "24352");

    let there = made(&asked).unwrap();
    assert!(!there.audit[0].details.contains_key("invoice-to-reverse"));
    let ended = there.next.cancel(&applicant(), start_time()).unwrap();
    assert_eq!(ended.audit[0].details["invoice-to-reverse"], "24352");
    let other = there.next.invoice_issued("24353", Sm3Hex::of(b"g"), start_time());
    assert_eq!(other, Err(OrderRefusal::InvoiceThere("issued")));
}
