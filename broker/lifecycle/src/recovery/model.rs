//! Random histories against a model that counts by itself.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::tests::{officer, phone, requested};
use super::*;
use crate::actor::OperatorRole;
use crate::certificate::fixture::{chief, day, holder, staff};
use crate::step::Step;

#[derive(Clone, Debug)]
enum Command {
    Consent(u8),
    ConsentByOperator,
    Reject(u8),
    Remove,
    Withdraw,
    WithdrawByOther,
    Expire,
    Done(u8),
    Failed,
}

#[derive(Clone, Debug)]
enum Event {
    One(Command),
    Race(Command, Command),
    Sleep(i64),
}

/// The story so far in the plainest form.
#[derive(Clone, Debug, Default)]
struct Model {
    officers: BTreeSet<u8>,
    end: Option<End>,
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    Rejected(Option<u8>),
    Withdrawn,
    Expired,
    Done(u8),
    Failed,
}

impl Model {
    /// Whether it is taken and changes something; `None` where it is refused.
    fn takes(&mut self, command: &Command, now: i64) -> Option<bool> {
        let asked = self.officers.len() == 2;
        let open = self.end.is_none();
        let waits = open && !asked;
        let in_time = now < 8;
        let known = |number| {
            !matches!(self.end, Some(End::Rejected(_) | End::Withdrawn | End::Expired | End::Failed))
                && self.officers.contains(number)
        };
        match command {
            Command::Consent(number) if known(number) => Some(false),
            Command::Consent(number) if waits && in_time => {
                self.officers.insert(*number);
                Some(true)
            }
            Command::Reject(number) if self.end == Some(End::Rejected(Some(*number))) => Some(false),
            Command::Reject(number) if waits && in_time => self.ends(End::Rejected(Some(*number))),
            Command::Remove if open && (asked || in_time) => self.ends(End::Rejected(None)),
            Command::Remove => Some(false),
            Command::Withdraw if self.end == Some(End::Withdrawn) => Some(false),
            Command::Withdraw if waits && in_time => self.ends(End::Withdrawn),
            Command::Expire if waits && !in_time => self.ends(End::Expired),
            Command::Expire => Some(false),
            Command::Done(key) if open && asked => self.ends(End::Done(*key)),
            Command::Done(key) if self.end == Some(End::Done(*key)) => Some(false),
            Command::Failed if open && asked => self.ends(End::Failed),
            Command::Failed if self.end == Some(End::Failed) => Some(false),
            _ => None,
        }
    }

    fn ends(&mut self, end: End) -> Option<bool> {
        self.end = Some(end);
        Some(true)
    }
}

fn decide(recovery: &Recovery, command: &Command, now: Timestamp) -> Result<Step<Recovery>, RecoveryRefusal> {
    match command {
        Command::Consent(number) => recovery.consent(&officer(*number), now),
        Command::ConsentByOperator => recovery.consent(&staff(OperatorRole::Operator), now),
        Command::Reject(number) => recovery.reject(&officer(*number), "the holder is unknown here", now),
        Command::Remove => recovery.reject(&Actor::System, "the company was deleted", now),
        Command::Withdraw => recovery.withdraw(&holder(), now),
        Command::WithdrawByOther => recovery.withdraw(&chief(), now),
        Command::Expire => Ok(recovery.expire(now)),
        Command::Done(key) => recovery.done(Base64(vec![*key]), &Actor::System, now),
        Command::Failed => recovery.failed("no such key", &Actor::System, now),
    }
}

fn take(recovery: &mut Recovery, model: &mut Model, command: &Command, today: i64) {
    let expected = model.takes(command, today);
    let result = decide(recovery, command, day(today));
    assert_eq!(
        result.as_ref().ok().map(|step| step.changed),
        expected,
        "{command:?} on day {today}: {result:?}"
    );
    let Ok(step) = result else { return };
    assert_eq!(step.changed, step.next != *recovery);
    assert_eq!(
        step.jobs.len(),
        usize::from(step.changed && matches!(step.next.state, RecoveryState::Recovering { .. }))
    );
    let stored = serde_json::to_string(&step.next).unwrap();
    *recovery = serde_json::from_str(&stored).unwrap();
    let again = decide(recovery, command, day(today)).unwrap();
    assert!(!again.changed, "{command:?} again");
}

fn must_agree(recovery: &Recovery, model: &Model) {
    let end = match &recovery.state {
        RecoveryState::AwaitingConsent { consents } => {
            assert_eq!(consents.len(), model.officers.len());
            assert!(consents.len() < 2);
            None
        }
        RecoveryState::Recovering { .. } => {
            assert_eq!(model.officers.len(), 2);
            None
        }
        RecoveryState::Done { envelope, .. } => Some(End::Done(envelope.as_slice()[0])),
        RecoveryState::Failed { .. } => Some(End::Failed),
        RecoveryState::Rejected { by, .. } => {
            Some(End::Rejected((1..=4).find(|number| officer(*number) == *by)))
        }
        RecoveryState::Withdrawn { .. } => Some(End::Withdrawn),
        RecoveryState::Expired { .. } => Some(End::Expired),
    };
    assert_eq!(end, model.end);
    let given = recovery.reply(&holder(), &phone(1)).is_ok();
    assert_eq!(given, matches!(model.end, Some(End::Done(_))) && model.officers.len() == 2);
    assert!(recovery.reply(&holder(), &phone(2)).is_err() && recovery.reply(&chief(), &phone(1)).is_err());
}

fn a_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => (1..=4u8).prop_map(Command::Consent),
        1 => Just(Command::ConsentByOperator),
        1 => (1..=4u8).prop_map(Command::Reject),
        1 => Just(Command::Remove),
        1 => Just(Command::Withdraw),
        1 => Just(Command::WithdrawByOther),
        1 => Just(Command::Expire),
        2 => (1..=2u8).prop_map(Command::Done),
        1 => Just(Command::Failed),
    ]
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => a_command().prop_map(Event::One),
        2 => (a_command(), a_command()).prop_map(|(first, second)| Event::Race(first, second)),
        1 => (1..4i64).prop_map(Event::Sleep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_key_comes_without_two_officers_in_time(events in prop::collection::vec(an_event(), 0..20)) {
        let (mut recovery, mut model, mut today) = (requested(), Model::default(), 1);
        for event in events {
            match event {
                Event::One(command) => take(&mut recovery, &mut model, &command, today),
                Event::Race(first, second) => {
                    // What the loser decided from the old version is dropped; it is decided anew.
                    drop(decide(&recovery, &second, day(today)));
                    take(&mut recovery, &mut model, &first, today);
                    take(&mut recovery, &mut model, &second, today);
                }
                Event::Sleep(days) => today += days,
            }
            must_agree(&recovery, &model);
        }
    }
}
