//! Thousands of histories made at random, against the model.

use proptest::prelude::*;

use super::super::*;
use super::event::{Answer, Ask, Event, Start, event, start};
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
                follows(&order, &step, event)?;
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

    #[test]
    fn two_that_decide_at_once_end_as_one_after_the_other(
        start in start(),
        before in prop::collection::vec(event(), 0..12),
        pair in (event(), event()),
        schedule in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let now = start_time().plus_seconds(60);
        let (mut store, mut model) = ((0, start.order()), Model::new(start));
        for event in before {
            model.take(event, now);
            if let Ok(step) = start.decided(&store.1, event, now) {
                store.1 = step.next;
            }
        }
        let mut clients = [Client::new(pair.0), Client::new(pair.1)];
        for second in schedule.into_iter().map(usize::from).chain([0; 8]).chain([1; 8]) {
            clients[second].go_on(start, &mut store, now);
        }
        let end = (clients[0].answer.unwrap(), clients[1].answer.unwrap(), Seen::of(&store.1));
        let serial = |first_before_second: bool| {
            let mut model = model.clone();
            let mut take = |event| model.take(event, now);
            let (first, second) = if first_before_second {
                let first = take(pair.0);
                (first, take(pair.1))
            } else {
                let second = take(pair.1);
                (take(pair.0), second)
            };
            (first, second, model.seen())
        };
        prop_assert!([serial(true), serial(false)].contains(&end), "{:?} of {:?}", end, pair);
    }
}

/// What has to come with a change: a note of who did it, and the work that it makes due.
fn follows(before: &Order, step: &Step<Order>, (_, ask): Event) -> Result<(), TestCaseError> {
    let has = |kind: JobKind| step.jobs.iter().any(|job| job.kind == kind);
    let after = &step.next;
    if !step.changed {
        prop_assert!(after == before && step.jobs.is_empty() && step.audit.is_empty());
        return Ok(());
    }
    prop_assert_eq!(step.audit.len(), 1);
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

/// Somebody who reads the order, decides, and writes it back where its version is still the one that was read.
struct Client {
    event: Event,
    read: Option<(u32, Order)>,
    answer: Option<Answer>,
}

impl Client {
    fn new(event: Event) -> Self {
        Self { event, read: None, answer: None }
    }

    /// Reads; or decides and writes, or learns that it has to read again.
    fn go_on(&mut self, start: Start, store: &mut (u32, Order), now: Timestamp) {
        if self.answer.is_some() {
            return;
        }
        let Some((version, order)) = self.read.take() else {
            self.read = Some(store.clone());
            return;
        };
        let decided = start.decided(&order, self.event, now);
        match decided {
            Ok(ref step) if step.changed && version != store.0 => {}
            decided => {
                self.answer = Some(Answer::of(&decided));
                if let Ok(step) = decided
                    && step.changed
                {
                    *store = (version + 1, step.next);
                }
            }
        }
    }
}
