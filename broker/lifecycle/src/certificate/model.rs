//! Random histories of commands and of a CA that is down, loses answers, repeats and delays them, against a model that knows
//! only what people asked for.

use std::collections::HashMap;

use proptest::prelude::*;
use yinqiao_protocol::UserId;

use super::fixture::{chief, day, facts, holder, legal_person, other_company, staff, user};
use super::*;
use crate::actor::{Actor, OperatorRole};
use crate::job::JobKind;
use crate::refusal::RefusalKind;
use crate::step::Step;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Holder,
    Chief,
    Operator,
    Auditor,
    Stranger,
    OtherChief,
    System,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Suspend,
    Resume,
    Revoke(RevocationReason),
    Hide,
}

#[derive(Clone, Debug)]
enum Event {
    Command(Who, Wish),
    /// Two decided from the same version: the first is stored, the second is decided anew.
    Race((Who, Wish), (Who, Wish)),
    /// The job sends what is next; its answer is on its way back.
    Ask,
    /// The job sends what is next, which hangs in the network.
    AskSlowly,
    /// A request that hung arrives.
    Arrive(usize),
    /// An answer arrives, and may come again.
    Answer(usize, bool),
    /// An answer is lost.
    Lose(usize),
    /// The CA goes down or comes up.
    Switch,
    /// Days pass.
    Sleep(i64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum AtCa {
    Good,
    OnHold,
    Gone,
}

struct Ca {
    up: bool,
    offers_hold: bool,
    certificate: AtCa,
    answered: HashMap<String, Answer>,
}

impl Ca {
    fn take(&mut self, asked: PendingOperation) -> Option<Answer> {
        if !self.up {
            return None;
        }
        let key = asked.key(&facts().sm3);
        if let Some(answer) = self.answered.get(&key) {
            return Some(answer.clone());
        }
        let answer = match (asked.operation, self.certificate) {
            (CaOperation::Revoke(_), _) => {
                self.certificate = AtCa::Gone;
                Answer::Done
            }
            (_, AtCa::Gone) => Answer::Refused("it is revoked".to_owned()),
            _ if !self.offers_hold => Answer::NotSupported,
            (CaOperation::Hold, AtCa::Good) => {
                self.certificate = AtCa::OnHold;
                Answer::Done
            }
            (CaOperation::Unhold, AtCa::OnHold) => {
                self.certificate = AtCa::Good;
                Answer::Done
            }
            (operation, state) => panic!("asked for {operation:?} while {state:?}"),
        };
        self.answered.insert(key, answer.clone());
        Some(answer)
    }
}

/// What people have asked for, and nothing of how it is done.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    revoked: Option<RevocationReason>,
    suspended_by: Option<&'static str>,
    hidden: bool,
}

impl Model {
    fn takes(&mut self, who: Who, wish: Wish, now: Timestamp, ca_knows: bool) -> Result<bool, RefusalKind> {
        let before = self.clone();
        let over = now > facts().not_after;
        if let Wish::Hide = wish {
            let ends = self.revoked.is_some() || over;
            return match (who, self.hidden) {
                (Who::System, true) => Ok(false),
                (Who::System, false) if ends && (self.revoked.is_none() || ca_knows) => {
                    self.hidden = true;
                    Ok(true)
                }
                (Who::System, false) => Err(RefusalKind::Conflict),
                _ => Err(RefusalKind::NotAllowed),
            };
        }
        let by = match (who, wish) {
            (Who::Holder, _) => "holder",
            (Who::Chief, _) => "chief",
            (Who::Operator, _) => "operator",
            (Who::System, Wish::Revoke(_)) => "system",
            (Who::Auditor | Who::System, _) => return Err(RefusalKind::NotAllowed),
            (Who::Stranger | Who::OtherChief, _) => return Err(RefusalKind::NotFound),
        };
        if self.hidden && by != "system" {
            return Err(RefusalKind::NotFound);
        }
        match wish {
            Wish::Revoke(reason) => {
                if by == "holder" && reason == RevocationReason::PrivilegeWithdrawn {
                    return Err(RefusalKind::Invalid);
                }
                match self.revoked {
                    Some(earlier) if earlier != reason && by != "system" => {
                        return Err(RefusalKind::Conflict);
                    }
                    None if over && by != "system" => return Err(RefusalKind::Conflict),
                    None if !over => self.revoked = Some(reason),
                    _ => {}
                }
            }
            _ if self.revoked.is_some() || over => return Err(RefusalKind::Conflict),
            Wish::Suspend => match self.suspended_by {
                Some("holder") if by != "holder" => self.suspended_by = Some(by),
                Some(_) => {}
                None => self.suspended_by = Some(by),
            },
            Wish::Resume => match self.suspended_by {
                Some("chief" | "operator") if by == "holder" => return Err(RefusalKind::NotAllowed),
                _ => self.suspended_by = None,
            },
            Wish::Hide => unreachable!(),
        }
        Ok(*self != before)
    }
}

struct World {
    standing: Standing,
    ca: Ca,
    model: Model,
    requests: Vec<PendingOperation>,
    answers: Vec<(PendingOperation, Answer)>,
    now: Timestamp,
}

fn actor(who: Who) -> Actor {
    match who {
        Who::Holder => holder(),
        Who::Chief => chief(),
        Who::Operator => staff(OperatorRole::Operator),
        Who::Auditor => staff(OperatorRole::Auditor),
        Who::Stranger => user(UserId::from_bytes([1; 16])),
        Who::OtherChief => legal_person(UserId::from_bytes([2; 16]), other_company()),
        Who::System => Actor::System,
    }
}

fn decide(
    standing: &Standing,
    who: Who,
    wish: Wish,
    now: Timestamp,
) -> Result<Step<Standing>, CertificateRefusal> {
    let by = actor(who);
    match wish {
        Wish::Suspend => standing.suspend(&facts(), &by, HoldReason::PhoneLost, now),
        Wish::Resume => standing.resume(&facts(), &by, now),
        Wish::Revoke(reason) => standing.revoke(&facts(), &by, reason, now),
        Wish::Hide => standing.hide(&facts(), &by, now),
    }
}

impl World {
    fn store(&mut self, step: Step<Standing>) {
        assert_eq!(step.changed, step.next != self.standing, "a change says that it is one");
        assert_eq!(step.changed, !step.audit.is_empty(), "each change is written down");
        if step.changed && step.next.next_operation().is_some() {
            assert_eq!(step.jobs[0].kind, JobKind::Reconcile(facts().sm3));
        }
        let stored = serde_json::to_string(&step.next).unwrap();
        self.standing = serde_json::from_str(&stored).unwrap();
        assert_eq!(self.standing, step.next);
    }

    fn command(&mut self, who: Who, wish: Wish) {
        let ca_knows = self.standing.confirmed == Confirmed::Revoked;
        let expected = self.model.takes(who, wish, self.now, ca_knows);
        match decide(&self.standing, who, wish, self.now) {
            Ok(step) => {
                assert_eq!(Ok(step.changed), expected, "{who:?} {wish:?}");
                self.store(step);
                let again = decide(&self.standing, who, wish, self.now).unwrap();
                assert!(!again.changed, "{who:?} {wish:?} again");
            }
            Err(refusal) => assert_eq!(Err(refusal.kind()), expected, "{who:?} {wish:?}: {refusal}"),
        }
    }

    fn answer(&mut self, asked: PendingOperation, answer: Answer) {
        self.store(self.standing.confirm(&facts(), asked, answer, self.now));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Command(who, wish) => self.command(who, wish),
            Event::Race(first, second) => {
                // What the loser decided from the old version is dropped: the version is another.
                let lost = decide(&self.standing, second.0, second.1, self.now);
                self.command(first.0, first.1);
                drop(lost);
                self.command(second.0, second.1);
            }
            Event::Ask => {
                if let Some(asked) = self.standing.next_operation()
                    && let Some(answer) = self.ca.take(asked)
                {
                    self.answers.push((asked, answer));
                }
            }
            Event::AskSlowly => self.requests.extend(self.standing.next_operation()),
            Event::Arrive(index) if !self.requests.is_empty() => {
                let asked = self.requests.remove(index % self.requests.len());
                if let Some(answer) = self.ca.take(asked) {
                    self.answers.push((asked, answer));
                }
            }
            Event::Answer(index, repeats) if !self.answers.is_empty() => {
                let index = index % self.answers.len();
                let (asked, answer) = self.answers[index].clone();
                if !repeats {
                    self.answers.remove(index);
                }
                self.answer(asked, answer);
            }
            Event::Lose(index) if !self.answers.is_empty() => {
                self.answers.remove(index % self.answers.len());
            }
            Event::Switch => self.ca.up = !self.ca.up,
            Event::Sleep(days) => {
                self.now = Timestamp::from_millis(self.now.millis() + day(days).millis());
            }
            Event::Arrive(_) | Event::Answer(..) | Event::Lose(_) => {}
        }
    }

    fn must_be_safe(&self) {
        let status = self.standing.status(&facts(), self.now);
        if self.model.revoked.is_some() {
            assert_eq!(status, Status::Revoked);
        } else if self.now > facts().not_after {
            assert_eq!(status, Status::Expired);
        } else if self.model.suspended_by.is_some() {
            assert_eq!(status, Status::Held);
        } else if status == Status::Active {
            assert_eq!(self.ca.certificate, AtCa::Good, "in force here, not at the CA");
        } else {
            assert_eq!(status, Status::Held, "waits for the CA");
            assert!(self.standing.next_operation().is_some(), "waits for nothing");
        }
    }

    /// The CA is up, and nothing gets lost any more.
    fn come_to_rest(&mut self) {
        self.ca.up = true;
        for _ in 0..4 {
            let Some(asked) = self.standing.next_operation() else { break };
            let answer = self.ca.take(asked).unwrap();
            self.answer(asked, answer);
            self.must_be_safe();
        }
        assert_eq!(self.standing.next_operation(), None, "it comes to an end");
        let expected = match (self.model.revoked, self.model.suspended_by) {
            (Some(_), _) => AtCa::Gone,
            (None, Some(_)) if self.ca.offers_hold => AtCa::OnHold,
            _ => AtCa::Good,
        };
        assert_eq!(self.ca.certificate, expected, "the CA is where people want it");
        for asked in std::mem::take(&mut self.requests) {
            self.answers.extend(self.ca.take(asked).map(|answer| (asked, answer)));
        }
        for (asked, answer) in std::mem::take(&mut self.answers) {
            let late = self.standing.confirm(&facts(), asked, answer, self.now);
            assert!(!late.changed, "a late answer to {asked:?} changes nothing");
        }
        assert_eq!(self.ca.certificate, expected, "what hung in the network changes nothing");
        self.must_be_safe();
    }
}

fn a_command() -> impl Strategy<Value = (Who, Wish)> {
    let who = prop_oneof![
        4 => Just(Who::Holder),
        4 => Just(Who::Chief),
        3 => Just(Who::Operator),
        3 => Just(Who::System),
        1 => Just(Who::Auditor),
        1 => Just(Who::Stranger),
        1 => Just(Who::OtherChief),
    ];
    let wish = prop_oneof![
        8 => Just(Wish::Suspend),
        8 => Just(Wish::Resume),
        1 => Just(Wish::Revoke(RevocationReason::KeyCompromise)),
        1 => Just(Wish::Revoke(RevocationReason::PrivilegeWithdrawn)),
        2 => Just(Wish::Hide),
    ];
    (who, wish)
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => a_command().prop_map(|(who, wish)| Event::Command(who, wish)),
        2 => (a_command(), a_command()).prop_map(|(first, second)| Event::Race(first, second)),
        6 => Just(Event::Ask),
        2 => Just(Event::AskSlowly),
        2 => any::<usize>().prop_map(Event::Arrive),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(index, repeats)| Event::Answer(index, repeats)),
        1 => any::<usize>().prop_map(Event::Lose),
        1 => Just(Event::Switch),
        1 => prop_oneof![9 => Just(1), 1 => Just(366)].prop_map(Event::Sleep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_ca_comes_to_what_people_want_and_nothing_passes_before(
        offers_hold in prop::bool::weighted(0.8),
        events in prop::collection::vec(an_event(), 0..60),
    ) {
        let mut world = World {
            standing: Standing::default(),
            ca: Ca { up: true, offers_hold, certificate: AtCa::Good, answered: HashMap::new() },
            model: Model::default(),
            requests: Vec::new(),
            answers: Vec::new(),
            now: day(1),
        };
        for event in events {
            world.happens(event);
            world.must_be_safe();
        }
        world.come_to_rest();
    }
}
