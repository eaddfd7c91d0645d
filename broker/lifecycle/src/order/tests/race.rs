//! Two that decide at once, from the same version: the outcome is that of one after the other.

use proptest::prelude::*;

use super::super::*;
use super::event::{Answer, Ask, Event, Orderer, Start, Who, event, start};
use super::model::{Model, Seen};
use super::start_time;

/// What may happen to an order, by whoever usually brings it.
const USUAL: [Event; 20] = [
    (Who::LegalPerson, Ask::Approve),
    (Who::Operator, Ask::Approve),
    (Who::LegalPerson, Ask::Reject { reason: 1 }),
    (Who::Operator, Ask::Reject { reason: 1 }),
    (Who::Orderer, Ask::Cancel),
    (Who::System, Ask::Cancel),
    PAID,
    (Who::Operator, Ask::Paid { reference: 2, right: true }),
    (Who::Provider, Ask::Paid { reference: 1, right: false }),
    (Who::Provider, Ask::Refunded { reference: 1, right: true }),
    (Who::Provider, Ask::Refunded { reference: 2, right: true }),
    BEGIN,
    (Who::Orderer, Ask::Begin { request: 2 }),
    ISSUED,
    (Who::System, Ask::Issued { certificate: 2 }),
    (Who::System, Ask::Fail),
    (Who::System, Ask::BeginAgain),
    (Who::Orderer, Ask::RequestInvoice { title: 1 }),
    (Who::System, Ask::InvoiceIssued { number: 1 }),
    (Who::System, Ask::Pass { days: 0 }),
];
/// In which order both read and write: true is the second one's turn.
const TURNS: [[bool; 4]; 6] = [
    [false, false, true, true],
    [false, true, false, true],
    [false, true, true, false],
    [true, false, false, true],
    [true, false, true, false],
    [true, true, false, false],
];
const APPROVE: Event = (Who::LegalPerson, Ask::Approve);
const PAID: Event = (Who::Provider, Ask::Paid { reference: 1, right: true });
const BEGIN: Event = (Who::Orderer, Ask::Begin { request: 1 });
const ISSUED: Event = (Who::System, Ask::Issued { certificate: 1 });
const CANCEL: Event = (Who::Orderer, Ask::Cancel);

/// How an order of one of the staff comes to each of its states, the money among them.
fn ways() -> Vec<Vec<Event>> {
    let begun = vec![APPROVE, PAID, BEGIN];
    let and = |way: &[Event], last: Event| [way, &[last]].concat();
    vec![
        vec![],
        vec![PAID],
        vec![APPROVE],
        vec![APPROVE, PAID],
        vec![APPROVE, PAID, (Who::Operator, Ask::Paid { reference: 2, right: true })],
        vec![APPROVE, PAID, (Who::Orderer, Ask::RequestInvoice { title: 1 })],
        begun.clone(),
        and(&begun, ISSUED),
        and(&begun, (Who::System, Ask::Fail)),
        and(&begun, (Who::System, Ask::BeginAgain)),
        vec![(Who::LegalPerson, Ask::Reject { reason: 1 })],
        vec![APPROVE, CANCEL],
        vec![APPROVE, PAID, CANCEL],
        vec![APPROVE, PAID, CANCEL, (Who::Provider, Ask::Refunded { reference: 1, right: true })],
        vec![PAID, (Who::System, Ask::Pass { days: 30 })],
    ]
}

#[test]
fn any_two_at_once_in_any_state_end_as_one_after_the_other() {
    for (way, amount) in ways().iter().flat_map(|way| [(way, 0), (way, 100)]) {
        let start = Start { amount, by: Orderer::Staff, strict: false };
        // Before any deadline, when a payment's is over, and when all are.
        for days in [0, 8, 31] {
            let after = History::of(start, way).later(days);
            for pair in USUAL.iter().flat_map(|first| USUAL.map(|second| [*first, second])) {
                for schedule in TURNS {
                    after.race(pair, schedule).unwrap_or_else(|end| panic!("{pair:?} after {way:?}: {end}"));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_by_anybody_at_once_after_any_history_end_as_one_after_the_other(
        start in start(),
        before in prop::collection::vec(event(), 0..12),
        days in prop_oneof![Just(0u32), 0..40u32],
        pair in (event(), event()),
        schedule in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let after = History::of(start, &before).later(days);
        let outcome = after.race([pair.0, pair.1], schedule);
        prop_assert!(outcome.is_ok(), "{:?} of {:?}", outcome, pair);
    }
}

/// An order after some events, and the model of it.
struct History {
    start: Start,
    order: Order,
    model: Model,
    now: Timestamp,
}

impl History {
    fn of(start: Start, events: &[Event]) -> Self {
        let mut history = Self {
            start,
            order: start.order(),
            model: Model::new(start),
            now: start_time().plus_seconds(60),
        };
        for event in events {
            if let Ask::Pass { days } = event.1 {
                history = history.later(days);
            }
            history.model.take(*event, history.now);
            if let Ok(step) = start.decided(&history.order, *event, history.now) {
                history.order = step.next;
            }
        }
        history
    }

    fn later(self, days: u32) -> Self {
        Self { now: self.now.plus_seconds(days * DAY_SECONDS), ..self }
    }

    /// Two that take turns: false is the first one's, and at last both come to their end. Gives the outcome where it is that
    /// of neither order.
    fn race(&self, pair: [Event; 2], schedule: impl IntoIterator<Item = bool>) -> Result<(), String> {
        let mut store = (0, self.order.clone());
        let mut clients = pair.map(Client::new);
        for second in schedule.into_iter().map(usize::from).chain([0; 8]).chain([1; 8]) {
            clients[second].go_on(self.start, &mut store, self.now);
        }
        let end = (clients.map(|client| client.answer.unwrap()), Seen::of(&store.1));
        let is_serial = [[0, 1], [1, 0]].into_iter().any(|order| {
            let (mut model, mut answers) = (self.model.clone(), [Answer::Same; 2]);
            for which in order {
                answers[which] = model.take(pair[which], self.now);
            }
            (answers, model.seen()) == end
        });
        if is_serial { Ok(()) } else { Err(format!("{end:?}")) }
    }
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
