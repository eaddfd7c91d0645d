//! Random histories of applications, cancellations, revocations and a CA that thinks, forgets nothing, loses answers and is
//! down, against a model that knows which seals people count on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{SealApplicationId, SealId};

use super::tests::new;
use super::*;
use crate::actor::{Actor, OperatorRole};
use crate::certificate::fixture::{chief, company, day, holder, staff};

#[derive(Clone, Debug)]
enum Event {
    Submit {
        official: bool,
        name: bool,
        replaces: Option<usize>,
    },
    Cancel {
        who: Who,
        application: usize,
    },
    /// The job asks the CA, whose answer is on its way.
    Ask {
        application: usize,
        mood: Mood,
    },
    Answer {
        answer: usize,
        repeats: bool,
    },
    /// A cancellation and an answer are decided from the same version: the first is stored, the other is decided anew.
    Race {
        answer: usize,
        answer_first: bool,
    },
    Lose(usize),
    Revoke {
        who: Who,
        seal: usize,
    },
    /// The job has the CA revoke; the answer may be lost.
    RevokeAtCa {
        seal: usize,
        lost: bool,
    },
    Switch,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Chief,
    Holder,
    Operator,
    System,
}

#[derive(Clone, Copy, Debug)]
enum Mood {
    Thinks,
    Makes,
    Rejects,
}

#[derive(Default)]
struct Ca {
    down: bool,
    verdicts: HashMap<String, Review>,
    /// Seals that it made; whether they are good.
    seals: BTreeMap<SealId, bool>,
}

impl Ca {
    fn take(&mut self, application: &SealApplication, mood: Mood) -> Option<Review> {
        let asked = application.awaits()?;
        if self.down {
            return None;
        }
        if let Some(verdict) = self.verdicts.get(&application.key()) {
            return Some(verdict.clone());
        }
        let verdict = match (asked, mood) {
            (Awaited::Withdrawal, _) => Review::Withdrawn,
            (Awaited::Review, Mood::Thinks) => return None,
            (Awaited::Review, Mood::Makes) => {
                let seal = SealId::from_bytes([self.seals.len() as u8 + 1; 16]);
                self.seals.insert(seal, true);
                Review::Made(seal)
            }
            (Awaited::Review, Mood::Rejects) => Review::Rejected("not legible".to_owned()),
        };
        self.verdicts.insert(application.key(), verdict.clone());
        Some(verdict)
    }
}

/// What people were told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Waiting,
    Cancelled,
    Made(SealId),
    Rejected,
}

#[derive(Default)]
struct World {
    applications: Vec<SealApplication>,
    seals: BTreeMap<SealId, (SealKind, SealStanding)>,
    ca: Ca,
    answers: Vec<(usize, Review)>,
    told: Vec<Told>,
    good: BTreeSet<SealId>,
    revoked_by_people: BTreeSet<SealId>,
}

fn actor(who: Who) -> Actor {
    match who {
        Who::Chief => chief(),
        Who::Holder => holder(),
        Who::Operator => staff(OperatorRole::Operator),
        Who::System => Actor::System,
    }
}

impl World {
    fn submit(&mut self, official: bool, name: bool, replaces: Option<usize>) {
        let kind = if official { SealKind::Official } else { SealKind::Signature };
        let new = new(kind, if name { "合同章" } else { "公章" });
        let ours = company();
        let key = |a: &SealApplication| SealApplication::pending_key(&a.enterprise, a.kind, &a.name);
        let wanted_key = SealApplication::pending_key(&ours, kind, &new.name);
        let pending = self
            .applications
            .iter()
            .find(|application| application.is_pending() && key(application) == wanted_key);
        let old = replaces.filter(|_| !self.seals.is_empty()).map(|index| {
            let (id, (kind, standing)) = self.seals.iter().nth(index % self.seals.len()).unwrap();
            ReplacedSeal { id: *id, enterprise: &ours, kind: *kind, standing }
        });
        let same_waits = self.told.iter().zip(&self.applications).any(|(told, application)| {
            *told == Told::Waiting && application.kind == kind && application.name == new.name
        });
        let expected = !same_waits && old.is_none_or(|old| old.kind == kind && self.good.contains(&old.id));
        let id = SealApplicationId::from_bytes([self.applications.len() as u8 + 1; 16]);
        let surroundings = Surroundings {
            pending: pending.map(|pending| pending.id),
            replaces: old,
            ..Surroundings::default()
        };
        let result = SealApplication::submit(id, new, surroundings, &chief(), day(1));
        assert_eq!(result.is_ok(), expected, "{result:?}");
        if let Ok(step) = result {
            self.applications.push(step.next);
            self.told.push(Told::Waiting);
        }
    }

    fn cancel(&mut self, who: Who, index: usize) {
        let allowed = matches!(who, Who::Chief | Who::System);
        let expected = match self.told[index] {
            Told::Waiting if allowed => Some(true),
            Told::Cancelled if allowed => Some(false),
            _ => None,
        };
        let result = self.applications[index].cancel(&actor(who), day(2));
        assert_eq!(result.as_ref().ok().map(|step| step.changed), expected, "{result:?}");
        if let Ok(step) = result {
            self.applications[index] = step.next;
            self.told[index] = Told::Cancelled;
        }
    }

    /// As the service stores it.
    fn answer(&mut self, index: usize, review: Review) {
        let application = &self.applications[index];
        let kind = application.kind;
        let replaces = application.replaces;
        let Ok(reviewed) = application.reviewed(review.clone(), &Actor::System, day(3)) else {
            assert_eq!(review, Review::Withdrawn, "only a stale answer is refused");
            return;
        };
        if let Some((seal, standing)) = reviewed.seal {
            self.seals.insert(seal, (kind, standing));
        }
        if let Some(old) = reviewed.superseded {
            self.revoke(old, &Actor::System, SealRevocationReason::Superseded);
        }
        self.applications[index] = reviewed.step.next;
        let again = self.applications[index].reviewed(review.clone(), &Actor::System, day(3)).unwrap();
        assert!(!again.step.changed && again.seal.is_none() && again.superseded.is_none());
        if self.told[index] == Told::Waiting {
            self.told[index] = match review {
                Review::Made(seal) => {
                    self.good.insert(seal);
                    if let Some(old) = replaces {
                        self.good.remove(&old);
                    }
                    Told::Made(seal)
                }
                _ => Told::Rejected,
            };
        }
    }

    fn revoke(&mut self, seal: SealId, by: &Actor, reason: SealRevocationReason) -> Option<bool> {
        let ours = company();
        let (_, standing) = self.seals.get_mut(&seal).unwrap();
        let step = standing.revoke(SealFacts { id: seal, enterprise: &ours }, reason, by, day(4)).ok()?;
        *standing = step.next;
        Some(step.changed)
    }

    fn nth_seal(&self, index: usize) -> Option<SealId> {
        (!self.seals.is_empty()).then(|| *self.seals.keys().nth(index % self.seals.len()).unwrap())
    }

    fn revoke_at_ca(&mut self, seal: SealId, lost: bool) {
        let ours = company();
        let (_, standing) = self.seals.get_mut(&seal).unwrap();
        if !standing.is_revoking() || self.ca.down {
            return;
        }
        self.ca.seals.insert(seal, false);
        if !lost {
            *standing =
                standing.confirm_revocation(SealFacts { id: seal, enterprise: &ours }, None, day(5)).next;
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Submit { official, name, replaces } => self.submit(official, name, replaces),
            Event::Cancel { who, application } if !self.told.is_empty() => {
                self.cancel(who, application % self.told.len());
            }
            Event::Ask { application, mood } if !self.told.is_empty() => {
                let index = application % self.told.len();
                let answer = self.ca.take(&self.applications[index], mood);
                self.answers.extend(answer.map(|review| (index, review)));
            }
            Event::Answer { answer, repeats } if !self.answers.is_empty() => {
                let answer = answer % self.answers.len();
                let (index, review) = self.answers[answer].clone();
                if !repeats {
                    self.answers.remove(answer);
                }
                self.answer(index, review);
            }
            Event::Race { answer, answer_first } if !self.answers.is_empty() => {
                let (index, review) = self.answers.remove(answer % self.answers.len());
                if answer_first {
                    drop(self.applications[index].cancel(&chief(), day(2)));
                    self.answer(index, review);
                    self.cancel(Who::Chief, index);
                } else {
                    drop(self.applications[index].reviewed(review.clone(), &Actor::System, day(3)));
                    self.cancel(Who::Chief, index);
                    self.answer(index, review);
                }
            }
            Event::Lose(answer) if !self.answers.is_empty() => {
                self.answers.remove(answer % self.answers.len());
            }
            Event::Revoke { who, seal } => {
                let Some(seal) = self.nth_seal(seal) else { return };
                let result = self.revoke(seal, &actor(who), SealRevocationReason::NoLongerUsed);
                let expected = match who {
                    Who::Holder => None,
                    _ if self.good.contains(&seal) => Some(true),
                    Who::System => Some(false),
                    _ => self.revoked_by_people.contains(&seal).then_some(false),
                };
                assert_eq!(result, expected);
                if result == Some(true) {
                    self.good.remove(&seal);
                    self.revoked_by_people.insert(seal);
                }
            }
            Event::RevokeAtCa { seal, lost } => {
                if let Some(seal) = self.nth_seal(seal) {
                    self.revoke_at_ca(seal, lost);
                }
            }
            Event::Switch => self.ca.down = !self.ca.down,
            _ => {}
        }
    }

    fn must_agree(&self) {
        let active: BTreeSet<SealId> =
            self.seals.iter().filter(|(_, (_, standing))| standing.is_active()).map(|(id, _)| *id).collect();
        assert_eq!(active, self.good, "the seals in use are those that people count on");
        for seal in &self.good {
            assert_eq!(self.ca.seals.get(seal), Some(&true), "in use here, not at the CA");
        }
        for (application, told) in self.applications.iter().zip(&self.told) {
            let state = match &application.state {
                SealApplicationState::UnderReview => Told::Waiting,
                SealApplicationState::Made { seal, .. } => Told::Made(*seal),
                SealApplicationState::Rejected { .. } => Told::Rejected,
                SealApplicationState::Cancelled { .. } => Told::Cancelled,
            };
            assert_eq!(state, *told);
            let stored = serde_json::to_string(application).unwrap();
            assert_eq!(serde_json::from_str::<SealApplication>(&stored).unwrap(), *application);
        }
    }

    fn come_to_rest(&mut self) {
        self.ca.down = false;
        for index in 0..self.applications.len() {
            if let Some(review) = self.ca.take(&self.applications[index], Mood::Makes) {
                self.answer(index, review);
            }
            assert_eq!(self.applications[index].awaits(), None);
        }
        for (index, review) in std::mem::take(&mut self.answers) {
            self.answer(index, review);
        }
        for seal in self.seals.keys().copied().collect::<Vec<_>>() {
            self.revoke_at_ca(seal, false);
        }
        self.must_agree();
        let at_ca: BTreeSet<SealId> =
            self.ca.seals.iter().filter(|(_, good)| **good).map(|(id, _)| *id).collect();
        assert_eq!(at_ca, self.good, "the CA has neither an orphan nor one too few");
    }
}

fn an_event() -> impl Strategy<Value = Event> {
    let who = prop_oneof![4 => Just(Who::Chief), 1 => Just(Who::Holder), 1 => Just(Who::Operator), 1 => Just(Who::System)];
    let mood = prop_oneof![1 => Just(Mood::Thinks), 4 => Just(Mood::Makes), 1 => Just(Mood::Rejects)];
    let index = any::<usize>;
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), prop::option::of(index()))
            .prop_map(|(official, name, replaces)| Event::Submit { official, name, replaces }),
        2 => (who.clone(), index()).prop_map(|(who, application)| Event::Cancel { who, application }),
        6 => (index(), mood).prop_map(|(application, mood)| Event::Ask { application, mood }),
        5 => (index(), any::<bool>()).prop_map(|(answer, repeats)| Event::Answer { answer, repeats }),
        2 => (index(), any::<bool>()).prop_map(|(answer, answer_first)| Event::Race { answer, answer_first }),
        1 => index().prop_map(Event::Lose),
        1 => (who, index()).prop_map(|(who, seal)| Event::Revoke { who, seal }),
        2 => (index(), any::<bool>()).prop_map(|(seal, lost)| Event::RevokeAtCa { seal, lost }),
        1 => Just(Event::Switch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_seals_at_the_ca_are_those_that_people_count_on(events in prop::collection::vec(an_event(), 0..50)) {
        let mut world = World::default();
        for event in events {
            world.happens(event);
            world.must_agree();
        }
        world.come_to_rest();
    }
}
