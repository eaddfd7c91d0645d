//! Random histories of legal persons, their successors and everybody else, against a book that has one line for each command
//! that took effect. Who leads the company, who asks to, and whether it is in use is read from the book's lines, and the book
//! is the audit log.

use proptest::prelude::*;
use yinqiao_protocol::OperatorId;

use super::*;
use crate::identity::AssuranceLevel;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// Whom the identity provider confirms as legal person of this company.
    Confirmed(u8),
    /// The same user, confirmed for another company.
    Elsewhere(u8),
    /// The same user as a person alone.
    Alone(u8),
    Staff(OperatorRole),
    System,
    Provider,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Register(Who),
    /// Text 0 does not fit.
    Edit(Who, u8),
    Request(Who),
    Withdraw(Who),
    Decide {
        who: Who,
        on: u8,
        approve: bool,
    },
    Delete(Who),
    Conclude,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Command(Command),
    /// Two are decided from the same version, and the first is stored before the second.
    Race(Command, Command),
}

/// What was answered: a line more in the book, none, or a refusal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Written,
    Same,
    Refused(RefusalKind),
}

#[derive(Clone, Debug)]
struct Line {
    verb: &'static str,
    by: Who,
    at: Timestamp,
    /// What the line is about: the user who asked, or the text.
    number: u8,
    cascade: CascadeId,
}

#[derive(Clone, Debug, Default)]
struct Book(Vec<Line>);

fn code() -> CreditCode {
    "91350100M000100Y43".parse().unwrap()
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_seconds(seconds)
}

fn id(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn user(number: u8, kind: HolderKind, enterprise: Option<CreditCode>) -> Actor {
    Actor::User(UserActor { id: id(number), kind, enterprise, level: AssuranceLevel::L4 })
}

fn actor(who: Who) -> Actor {
    let other = "91110000M00020001F".parse().unwrap();
    match who {
        Who::Confirmed(number) => user(number, HolderKind::LegalPerson, Some(code())),
        Who::Elsewhere(number) => user(number, HolderKind::LegalPerson, Some(other)),
        Who::Alone(number) => user(number, HolderKind::Person, None),
        Who::Staff(role) => Actor::Operator { id: OperatorId::from_bytes([role as u8; 16]), role },
        Who::System => Actor::System,
        Who::Provider => Actor::PaymentProvider,
    }
}

/// The user's number, whomever the identity provider takes this user for.
fn number(who: Who) -> Option<u8> {
    match who {
        Who::Confirmed(number) | Who::Elsewhere(number) | Who::Alone(number) => Some(number),
        Who::Staff(_) | Who::System | Who::Provider => None,
    }
}

fn data(text: u8) -> Data {
    match text {
        0 => Data { name: "名称".into(), contact: "a\u{7}".into(), ..Data::default() },
        1 => Data { name: "某公司".into(), ..Data::default() },
        text => Data { name: format!("公司{text}"), address: "路1号".into(), contact: String::new() },
    }
}

impl Book {
    /// The last line with one of these verbs.
    fn last(&self, verbs: &[&str]) -> Option<&Line> {
        self.0.iter().rfind(|line| verbs.contains(&line.verb))
    }

    fn place(&self) -> &'static str {
        self.last(&["register", "delete", "deleted"]).map_or("none", |line| line.verb)
    }

    fn leads(&self) -> u8 {
        self.last(&["register", "approve-succession"]).map_or(0, |line| line.number)
    }

    fn asks(&self) -> Option<&Line> {
        let ends = ["register", "withdraw-succession", "approve-succession", "reject-succession", "delete"];
        self.last(&[&ends[..], &["request-succession"]].concat())
            .filter(|line| line.verb == "request-succession")
    }

    fn decided(&self) -> Option<&Line> {
        let begins = ["register", "request-succession"];
        self.last(&[&begins[..], &["approve-succession", "reject-succession"]].concat())
            .filter(|line| !begins.contains(&line.verb))
    }

    fn take(&mut self, command: Command, now: Timestamp, cascade: CascadeId) -> Answer {
        let (verb, by, number) = match self.verdict(command) {
            Ok(Some(line)) => line,
            Ok(None) => return Answer::Same,
            Err(kind) => return Answer::Refused(kind),
        };
        self.0.push(Line { verb, by, at: now, number, cascade });
        Answer::Written
    }

    /// The line to write, none where all is so already, or what stands against it.
    fn verdict(&self, command: Command) -> Result<Option<(&'static str, Who, u8)>, RefusalKind> {
        use RefusalKind::{Conflict, Invalid, NotAllowed, NotFound};
        let used = match self.place() {
            "register" => Ok(()),
            "delete" => Err(Conflict),
            _ => Err(NotFound),
        };
        let leader = Who::Confirmed(self.leads());
        let asks = self.asks().map(|line| line.number);
        match command {
            Command::Register(Who::Confirmed(own)) => match self.place() {
                "none" | "deleted" => Ok(Some(("register", Who::Confirmed(own), own))),
                "register" if self.leads() == own => Ok(None),
                _ => Err(Conflict),
            },
            Command::Register(_) => Err(NotAllowed),
            Command::Conclude => match self.place() {
                "delete" => Ok(Some(("deleted", Who::System, 0))),
                "deleted" => Ok(None),
                _ => Err(NotFound),
            },
            Command::Delete(_) if self.place() == "deleted" => Err(NotFound),
            Command::Delete(who) if who != leader => Err(NotAllowed),
            Command::Delete(who) => Ok((self.place() != "delete").then_some(("delete", who, 0))),
            Command::Withdraw(who) if asks.is_some() && asks == number(who) => {
                Ok(Some(("withdraw-succession", who, 0)))
            }
            Command::Withdraw(_) => Err(Conflict),
            Command::Edit(who, text) => {
                used?;
                match text {
                    _ if who != leader => Err(NotAllowed),
                    0 => Err(Invalid),
                    same if self.data() == data(same) => Ok(None),
                    _ => Ok(Some(("edit", who, text))),
                }
            }
            Command::Request(who) => {
                used?;
                let Who::Confirmed(own) = who else { return Err(NotAllowed) };
                match asks {
                    _ if who == leader => Err(Conflict),
                    Some(asks) if asks == own => Ok(None),
                    Some(_) => Err(Conflict),
                    None => Ok(Some(("request-succession", who, own))),
                }
            }
            Command::Decide { who, on, approve } => {
                used?;
                let verb = if approve { "approve-succession" } else { "reject-succession" };
                let made = self.decided().filter(|line| line.verb == verb && line.number == on);
                let own = made.is_some_and(|line| number(who).is_some() && number(line.by) == number(who));
                match made {
                    _ if who != leader && who != Who::Staff(OperatorRole::Operator) && !own => {
                        Err(NotAllowed)
                    }
                    Some(_) => Ok(None),
                    None if asks == Some(on) => Ok(Some((verb, who, on))),
                    None => Err(Conflict),
                }
            }
        }
    }

    fn data(&self) -> Data {
        let last = self.last(&["register", "edit"]);
        last.map_or_else(Data::default, |line| data(if line.verb == "edit" { line.number } else { 1 }))
    }

    /// What has to be stored.
    fn enterprise(&self) -> Option<Enterprise> {
        let since = self.last(&["register"])?.at;
        let end = self.last(&["register", "delete", "deleted"])?;
        let decided = self.decided().map(|line| SuccessionDecision {
            user: id(line.number),
            approved: line.verb == "approve-succession",
            by: actor(line.by),
        });
        Some(Enterprise {
            code: code(),
            data: self.data(),
            legal_person: id(self.leads()),
            successor: self.asks().map(|line| Successor { user: id(line.number), requested_at: line.at }),
            decided,
            state: match end.verb {
                "register" => State::Active,
                "delete" => State::Deleting { cascade: end.cascade, at: end.at },
                _ => State::Deleted { at: end.at },
            },
            since,
        })
    }

    fn audit(&self) -> Vec<AuditNote> {
        let note = |line: &Line| {
            let action = format!("enterprise.{}", line.verb);
            let note = AuditNote::new(&action, format!("enterprise/{}", code()), &actor(line.by), line.at);
            match line.verb {
                "delete" => note.with("cascade", line.cascade.to_string()),
                "approve-succession" | "reject-succession" => {
                    note.with("successor", id(line.number).to_string())
                }
                _ => note,
            }
        };
        self.0.iter().map(note).collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Store {
    version: u32,
    company: Option<Enterprise>,
    audit: Vec<AuditNote>,
}

/// What was decided from what was read, with the change where there is one.
struct Decided(Answer, Option<Step<Enterprise>>);

impl Store {
    /// None where there is nothing to decide on.
    fn decide(&self, command: Command, now: Timestamp, cascade: CascadeId) -> Option<Decided> {
        let before = self.company.as_ref();
        let result = match command {
            Command::Register(who) => Enterprise::register(before, actor(who).user()?, "某公司", now),
            Command::Edit(who, text) => before?.edit(data(text), &actor(who), now),
            Command::Request(who) => before?.request_succession(actor(who).user()?, now),
            Command::Withdraw(who) => before?.withdraw_succession(&actor(who), now),
            Command::Decide { who, on, approve } => {
                before?.decide_succession(id(on), approve, &actor(who), now)
            }
            Command::Delete(who) => before?.delete(cascade, &actor(who), now),
            Command::Conclude => before?.conclude_deletion(now),
        };
        Some(match result {
            Ok(step) if step.changed => Decided(Answer::Written, Some(step)),
            Ok(step) => {
                assert!(step.audit.is_empty() && step.jobs.is_empty() && Some(&step.next) == before);
                Decided(Answer::Same, None)
            }
            Err(refusal) => Decided(Answer::Refused(refusal.kind()), None),
        })
    }

    fn save(&mut self, step: Option<Step<Enterprise>>) {
        let Some(step) = step else { return };
        assert!(step.jobs.is_empty(), "the removal is its caller's to start");
        let stored = serde_json::to_string(&step.next).unwrap();
        let next: Enterprise = serde_json::from_str(&stored).unwrap();
        assert!(next == step.next && self.company.as_ref() != Some(&next));
        (self.version, self.company) = (self.version + 1, Some(next));
        self.audit.extend(step.audit);
    }

    fn is_as(&self, book: &Book) -> bool {
        self.company == book.enterprise() && self.audit == book.audit()
    }
}

#[derive(Default)]
struct World {
    store: Store,
    book: Book,
    seconds: u32,
    commands: u8,
}

impl World {
    fn cascade(&mut self) -> CascadeId {
        self.commands += 1;
        CascadeId::from_bytes([self.commands; 16])
    }

    fn command(&mut self, command: Command) {
        let (now, cascade) = (at(self.seconds), self.cascade());
        let Some(Decided(answer, step)) = self.store.decide(command, now, cascade) else { return };
        let expected = self.book.take(command, now, cascade);
        assert_eq!(answer, expected, "{command:?} after {:?}", self.book);
        self.store.save(step);
        assert!(self.store.is_as(&self.book), "{command:?}: {:?}, not {:?}", self.store, self.book);
        // Whoever has taken a wish back has none, and is told so.
        if !matches!(command, Command::Withdraw(_)) && !matches!(answer, Answer::Refused(_)) {
            let cascade = self.cascade();
            let Decided(again, _) = self.store.decide(command, now.plus_seconds(1), cascade).unwrap();
            assert_eq!(again, Answer::Same, "{command:?} again");
        }
    }

    /// The first is stored; the second, decided from the same version, is decided anew where that is no longer current.
    fn race(&mut self, commands: [Command; 2]) {
        let (read, now, ids) = (self.store.clone(), at(self.seconds), [self.cascade(), self.cascade()]);
        let decide = |store: &Store, which: usize| store.decide(commands[which], now, ids[which]);
        let (Some(first), Some(second)) = (decide(&read, 0), decide(&read, 1)) else {
            return commands.into_iter().for_each(|command| self.command(command));
        };
        self.store.save(first.1);
        let stands = second.1.is_none() || self.store.version == read.version;
        let second = if stands { second } else { decide(&self.store, 1).unwrap() };
        self.store.save(second.1);
        let serial = [[0, 1], [1, 0]].map(|order| {
            let (mut book, mut answers) = (self.book.clone(), [Answer::Same; 2]);
            for which in order {
                answers[which] = book.take(commands[which], now, ids[which]);
            }
            (answers, book)
        });
        let answers = [first.0, second.0];
        let as_if = serial.into_iter().find(|(given, book)| *given == answers && self.store.is_as(book));
        self.book = as_if.unwrap_or_else(|| panic!("{commands:?} at once: {answers:?}")).1;
    }

    fn happens(&mut self, event: Event) {
        self.seconds += 10;
        match event {
            Event::Command(command) => self.command(command),
            Event::Race(first, second) => self.race([first, second]),
        }
        let Some(company) = &self.store.company else { return };
        let leads = |number| company.is_led_by(&actor(Who::Confirmed(number)));
        assert_eq!((1..4).filter(|number| leads(*number)).count(), 1, "one leads");
        assert!(
            company
                .successor
                .as_ref()
                .is_none_or(|asks| company.is_active() && asks.user != company.legal_person)
        );
        let decides =
            |number: u8| self.book.decided().is_some_and(|line| self::number(line.by) == Some(number));
        assert!((1..4).all(|number| company.had_succession_decided_by(id(number)) == decides(number)));
    }
}

/// Mostly by somebody who may, so that histories get somewhere.
fn a_command() -> impl Strategy<Value = Command> {
    use OperatorRole::{Auditor, Operator, SecurityOfficer};
    let staff = [Operator, Operator, Auditor, SecurityOfficer].map(Who::Staff);
    let confirmed = [1, 1, 2, 2, 3].map(Who::Confirmed);
    let others =
        [Who::Elsewhere(1), Who::Elsewhere(2), Who::Alone(1), Who::Alone(2), Who::System, Who::Provider];
    let anybody = [confirmed.repeat(4), staff.to_vec(), others.to_vec()].concat();
    let who = || prop::sample::select(anybody.clone());
    // The identity provider says for which company a user signs in: one who stands for another registers that one.
    let registers = prop::sample::select([&confirmed[..], &[Who::Alone(1)]].concat());
    prop_oneof![
        4 => registers.prop_map(Command::Register),
        3 => (who(), 0..4u8).prop_map(|(who, text)| Command::Edit(who, text)),
        6 => who().prop_map(Command::Request),
        2 => who().prop_map(Command::Withdraw),
        8 => (who(), 1..4u8, any::<bool>()).prop_map(|(who, on, approve)| Command::Decide { who, on, approve }),
        2 => who().prop_map(Command::Delete),
        2 => Just(Command::Conclude),
    ]
}

fn an_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => a_command().prop_map(Event::Command),
        1 => (a_command(), a_command()).prop_map(|(first, second)| Event::Race(first, second)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_goes_as_the_book_says_and_of_two_at_once_one_comes_first(
        events in prop::collection::vec(an_event(), 0..30),
    ) {
        let mut world = World::default();
        for event in events {
            world.happens(event);
        }
    }
}
