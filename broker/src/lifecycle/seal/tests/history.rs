//! Random histories of applications, cancellations and revocations with a CA that thinks, is down and loses its answers.

use proptest::prelude::*;

use yinqiao_lifecycle::actor::OperatorRole;

use super::{Mood, Office, run, staff};

#[derive(Clone, Debug)]
enum Event {
    Apply { name: u8, replaces: Option<usize> },
    Cancel(usize),
    Revoke { seal: usize, by_operator: bool },
    Mood(Mood),
    Decide,
    Attempt,
    Pass,
    Down,
    LosesAnswers,
    Cancels,
}

fn event() -> impl Strategy<Value = Event> {
    let mood =
        prop_oneof![Just(Mood::Thinks), Just(Mood::Makes), Just(Mood::MakesAnother), Just(Mood::Rejects)];
    prop_oneof![
        4 => (0..3_u8, proptest::option::of(0..4_usize))
            .prop_map(|(name, replaces)| Event::Apply { name, replaces }),
        3 => (0..6_usize).prop_map(Event::Cancel),
        1 => (0..6_usize, any::<bool>()).prop_map(|(seal, by_operator)| Event::Revoke { seal, by_operator }),
        1 => mood.prop_map(Event::Mood),
        4 => Just(Event::Decide),
        6 => Just(Event::Attempt),
        2 => Just(Event::Pass),
        1 => Just(Event::Down),
        1 => Just(Event::LosesAnswers),
        1 => Just(Event::Cancels),
    ]
}

async fn happens(office: &mut Office, event: &Event) {
    match event {
        Event::Apply { name, replaces } => {
            let seals = office.seals().await;
            let replaces = replaces.and_then(|index| seals.get(index)).map(|seal| seal.id);
            let name = format!("印章{name}");
            let mut pending = false;
            for id in &office.applications {
                let application = office.application(*id).await.application;
                pending |= application.is_pending() && application.name == name;
            }
            let gone = replaces.is_some_and(|id| seals.iter().any(|s| s.id == id && !s.standing.is_active()));
            let room = office.applications.len() < 20;
            assert_eq!(office.apply(&name, replaces).await.is_ok(), !pending && !gone && room);
        }
        Event::Cancel(index) => {
            if let Some(id) = office.applications.get(*index).copied() {
                // One that is over is refused.
                let _ = office.cancel(id).await;
            }
        }
        Event::Revoke { seal, by_operator } => {
            if let Some(seal) = office.seals().await.get(*seal) {
                let by = if *by_operator { staff(OperatorRole::Operator) } else { office.chief.clone() };
                // One that was superseded is refused.
                let _ = office.revoke(&seal.id, &by).await;
            }
        }
        Event::Mood(mood) => office.ca.mood.set(*mood),
        Event::Decide => office.ca.decide(),
        Event::Attempt => office.attempt_due().await,
        Event::Pass => office.desk.pass(10),
        Event::Down => office.ca.down.set(!office.ca.down.get()),
        Event::LosesAnswers => office.ca.loses_answers.set(!office.ca.loses_answers.get()),
        Event::Cancels => office.ca.cancels.set(!office.ca.cancels.get()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_happens_in_the_end_broker_and_ca_agree(events in proptest::collection::vec(event(), 5..40)) {
        run(async || {
            let mut office = Office::open().await;
            for event in &events {
                happens(&mut office, event).await;
            }
            office.ca.down.set(false);
            office.ca.loses_answers.set(false);
            office.ca.mood.set(Mood::Rejects);
            for _ in 0..40 {
                office.attempt_due().await;
                office.ca.decide();
                office.desk.pass(400);
            }
            office.settle().await;
            office.agrees().await;
        });
    }
}
