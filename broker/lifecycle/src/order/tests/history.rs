//! Thousands of histories made at random, against the model.

use proptest::prelude::*;

use super::super::*;
use super::event::{Answer, Ask, Event, event, start};
use super::model::{Model, Seen};
use super::start_time;
use crate::job::JobKind;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_goes_as_the_model_says(
        start in start(), events in prop::collection::vec(event(), 0..=20),
    ) {
        let (mut order, mut model, mut now) = (start.order(), Model::new(start), start_time());
        let (mut certificates, mut agreed) = (0, order.approver == Approver::Nobody);
        let fixed = (order.quote.clone(), order.approver, order.waits);
        prop_assert_eq!(Seen::of(&order), model.seen());
        for event in events {
            if let Ask::Pass { days } = event.1 {
                now = now.plus_seconds(days * DAY_SECONDS);
            }
            let decided = start.decided(&order, event, now);
            prop_assert_eq!(Answer::of(&decided), model.take(event, now), "{:?} to {:?}", event, order.state);
            if let Ok(step) = decided {
                follows(&order, &step, event, &start.actor(event.0), now)?;
                let again = start.decided(&step.next, event, now);
                prop_assert!(again.is_ok_and(|again| !again.changed && again.next == step.next), "{:?} again", event);
                certificates += u32::from(step.changed && matches!(event.1, Ask::Issued { .. }));
                agreed |= step.changed && matches!(event.1, Ask::Approve);
                order = step.next;
            }
            prop_assert_eq!(Seen::of(&order), model.seen(), "after {:?}", event);
            holds(&order, agreed)?;
            prop_assert!(certificates <= 1);
            prop_assert_eq!(&(order.quote.clone(), order.approver, order.waits), &fixed);
            let stored = serde_json::to_vec(&order).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Order>(&stored).unwrap(), &order);
        }
    }
}

/// What has to come with a change: a note of who did it, and the work that it makes due.
fn follows(
    before: &Order,
    step: &Step<Order>,
    (_, ask): Event,
    by: &Actor,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let has = |kind: JobKind| step.jobs.iter().any(|job| job.kind == kind);
    let after = &step.next;
    if !step.changed {
        prop_assert!(after == before && step.jobs.is_empty() && step.audit.is_empty());
        return Ok(());
    }
    prop_assert_eq!(step.audit.len(), 1);
    let (action, by_itself) = ask.noted();
    let (note, subject) = (&step.audit[0], format!("order/{}", before.id));
    let by = if by_itself { &Actor::System } else { by };
    prop_assert_eq!((note.action.as_str(), &note.subject, &note.by, note.at), (action, &subject, by, now));
    let owes_more = !Seen::of(after).owed().is_subset(Seen::of(before).owed());
    prop_assert!(!owes_more || has(JobKind::Refund(after.id)), "no refund after {:?}", ask);
    let begins =
        matches!(after.state, State::Issuing { .. }) && !matches!(before.state, State::Issuing { .. });
    prop_assert_eq!(begins, has(JobKind::Issue(after.id)));
    prop_assert_eq!(matches!(ask, Ask::RequestInvoice { .. }), has(JobKind::Invoice(after.id)));
    Ok(())
}

/// What holds at any time.
fn holds(order: &Order, agreed: bool) -> Result<(), TestCaseError> {
    let payment = order.payment.as_ref();
    let is_paid = payment.is_some_and(|payment| matches!(payment.state, PaymentState::Paid(_)));
    let downloads = matches!(order.state, State::Ready { .. } | State::Issuing { .. } | State::Issued { .. });
    prop_assert!(!downloads || (agreed && (order.quote.amount.is_zero() || is_paid)));
    prop_assert_eq!(order.approved_at.is_some(), agreed);
    prop_assert_eq!(order.approved_by.is_some(), agreed && order.approver != Approver::Nobody);
    prop_assert!(payment.is_none_or(|payment| payment.amount == order.quote.amount));
    prop_assert_eq!(payment.is_none(), order.quote.amount.is_zero());
    // Money is kept for a certificate that is there or on its way, and for no other reason.
    let goes_on = !order.is_over() || matches!(order.state, State::Issued { .. });
    prop_assert!(goes_on || !is_paid);
    let waits_for_invoice =
        order.invoice.as_ref().is_some_and(|invoice| invoice.state == InvoiceState::Requested);
    prop_assert!(!waits_for_invoice || is_paid);
    prop_assert_eq!(order.issued_at().is_some(), order.state_name() == "issued");
    prop_assert!(!is_paid || order.paid_at().is_some());
    prop_assert!(order.deadline().is_none() || !order.is_over());
    Ok(())
}
