//! Random histories: the CA goes down and up, actions are not written down, drivers run twice, and all the while new things
//! come in. At the end nothing is left, and what belongs to others was not touched.

use proptest::prelude::*;
use yinqiao_protocol::Timestamp;

use super::fixture::{Thing, ThingState, World, kinds};
use super::*;
use crate::actor::OperatorRole;
use crate::certificate::fixture::{day, staff};

#[derive(Clone, Debug)]
enum Event {
    /// One turn of the driver, which dies after so many actions, between the action and its note.
    Turn {
        dies_after: Option<usize>,
    },
    /// Two drivers at once: both act, both write down.
    Twice,
    /// A restart takes the inventory at any time.
    Inventory,
    Add {
        which: u8,
        owner: u8,
        between: bool,
    },
    Issue,
    Switch,
    Retry,
    Sleep(u32),
}

struct History {
    kind: CascadeKind,
    world: World,
    cascade: Cascade,
    now: Timestamp,
}

impl History {
    fn write(&mut self, what: &What, result: &Result<(), String>) {
        let step = match result {
            Ok(()) => self.cascade.step_done(what, self.now),
            Err(reason) => self.cascade.step_failed(what, reason, self.now),
        };
        self.cascade = step.unwrap().next;
        if result.is_ok() {
            assert!(!self.cascade.step_done(what, self.now).unwrap().changed, "{what} again");
        }
        let stored = serde_json::to_string(&self.cascade).unwrap();
        assert_eq!(serde_json::from_str::<Cascade>(&stored).unwrap(), self.cascade);
    }

    fn act(&mut self, what: &What) -> Result<(), String> {
        let blocks = matches!(what, What::EndSessions(_) | What::RevokeCertificate(_));
        for step in &self.cascade.steps {
            if let What::RevokeCertificate(sm3) = &step.what
                && !blocks
            {
                let found = self.world.certificates.iter().find(|thing| Sm3Hex::of(&[thing.number]) == *sm3);
                assert_ne!(found.unwrap().state, ThingState::Open, "{what} before {sm3} was blocked");
            }
        }
        if matches!(what, What::DeleteEnterprise(_) | What::DeleteUser(_)) {
            let others = self.cascade.steps.iter().filter(|step| step.what != *what);
            assert!(others.into_iter().all(|step| step.done_at.is_some()), "{what} before all else");
        }
        self.world.run(what)
    }

    fn inventory(&mut self) {
        if let Ok(step) = self.cascade.replan(&self.world.inventory(&self.kind), self.now) {
            assert_eq!(step.changed, step.next != self.cascade);
            self.cascade = step.next;
        }
    }

    fn turn(&mut self, dies_after: Option<usize>, twice: bool) {
        match self.cascade.next(self.now) {
            Next::Run(steps) => {
                for (index, what) in steps.iter().enumerate() {
                    let result = self.act(what);
                    if dies_after == Some(index) {
                        return;
                    }
                    if twice {
                        let second = self.world.run(what);
                        self.write(what, &second);
                    }
                    self.write(what, &result);
                }
            }
            Next::Wait(until) => {
                assert!(self.now < until);
                self.now = until;
            }
            Next::TakeInventory => self.inventory(),
            Next::Finished => {}
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Turn { dies_after } => self.turn(dies_after, false),
            Event::Twice => self.turn(None, true),
            Event::Inventory => self.inventory(),
            // What is gone takes nothing in any more.
            Event::Add { .. } if self.cascade.is_finished() => {}
            Event::Add { which, owner, between } => {
                let state = if which == 1 && between { ThingState::Between } else { ThingState::Open };
                self.world.add(which, owner, state);
            }
            Event::Issue if !self.cascade.is_finished() => self.world.issue(),
            Event::Issue => {}
            Event::Switch => self.world.ca_down = !self.world.ca_down,
            Event::Retry => {
                if let Ok(step) = self.cascade.retry(&staff(OperatorRole::Operator), self.now) {
                    self.cascade = step.next;
                }
            }
            Event::Sleep(seconds) => self.now = self.now.plus_seconds(seconds),
        }
        let progress = self.cascade.progress();
        assert_eq!(progress.planned - progress.done, progress.open.len());
        assert!(!progress.finished || progress.open.is_empty());
    }

    fn come_to_rest(&mut self) {
        self.world.ca_down = false;
        for _ in 0..500 {
            if self.cascade.is_finished() {
                return;
            }
            self.world.issue();
            self.turn(None, false);
        }
        panic!("it does not end: {:?}", self.cascade.progress());
    }
}

/// Whether a thing of that sort and person has to be gone, said without the plan.
fn must_be_gone(kind: &CascadeKind, which: &str, thing: &Thing) -> bool {
    let persons = thing.owner == 0;
    match kind {
        CascadeKind::DeleteEnterprise { .. } => true,
        CascadeKind::RemoveMember { .. } | CascadeKind::DeleteUser { .. } => {
            persons && !["seal", "application"].contains(&which)
        }
        CascadeKind::ChangeLegalPerson { .. } => match which {
            "application" => true,
            "seal" => thing.number % 2 == 1,
            "membership" => false,
            _ => persons,
        },
    }
}

fn must_be_as_wanted(kind: &CascadeKind, world: &World) {
    let lists = [
        ("certificate", &world.certificates),
        ("order", &world.orders),
        ("recovery", &world.recoveries),
        ("seal", &world.seals),
        ("application", &world.applications),
        ("membership", &world.memberships),
        ("session", &world.sessions),
    ];
    for (which, things) in lists {
        for thing in things {
            let wanted: &[ThingState] = match (must_be_gone(kind, which, thing), which) {
                (true, "certificate") if matches!(kind, CascadeKind::ChangeLegalPerson { .. }) => {
                    &[ThingState::Revoked]
                }
                (true, _) => &[ThingState::Gone],
                // An order of somebody else goes its own way.
                (false, "order") => &[ThingState::Open, ThingState::Between, ThingState::Gone],
                (false, _) => &[ThingState::Open],
            };
            assert!(wanted.contains(&thing.state), "{}: {which} {thing:?}", kind.name());
        }
    }
    let stays = matches!(kind, CascadeKind::RemoveMember { .. } | CascadeKind::ChangeLegalPerson { .. });
    assert_eq!(world.subject_present, stays);
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => prop::option::weighted(0.3, 0..3usize).prop_map(|dies_after| Event::Turn { dies_after }),
        1 => Just(Event::Twice),
        1 => Just(Event::Inventory),
        3 => (0..7u8, 0..2u8, any::<bool>())
            .prop_map(|(which, owner, between)| Event::Add { which, owner, between }),
        1 => Just(Event::Issue),
        1 => Just(Event::Switch),
        1 => Just(Event::Retry),
        1 => (0..400u32).prop_map(Event::Sleep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_the_end_nothing_is_left_whatever_came_in_between(
        which in 0..4usize,
        events in prop::collection::vec(an_event(), 0..60),
    ) {
        let kind = kinds()[which].clone();
        let world = World::with_one_of_each();
        let cascade = world.start(&kind, day(1));
        let mut history = History { kind: kind.clone(), world, cascade, now: day(1) };
        for event in events {
            history.happens(event);
        }
        history.come_to_rest();
        must_be_as_wanted(&kind, &history.world);
        let again = history.cascade.replan(&history.world.inventory(&kind), history.now);
        prop_assert_eq!(again, Err(CascadeRefusal::Finished));
    }
}
