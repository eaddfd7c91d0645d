//! Random histories of two persons, the company's legal persons and everybody else, against a book that has one line for each
//! command that took effect. How a membership stands is read from the book's last lines, and the book is the audit log.

use proptest::prelude::*;
use yinqiao_protocol::OperatorId;

use super::*;
use crate::actor::OperatorRole;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// Two who may want to join.
    Person(usize),
    /// Two who lead the company in turn.
    LegalPerson(u8),
    /// One of these two, who has come to stand for another company.
    Elsewhere(u8),
    OtherLegalPerson,
    Staff(OperatorRole),
    System,
    Provider,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    /// Text 0 does not fit.
    Apply(u8),
    Withdraw,
    Approve,
    /// Text 0 does not fit.
    Reject(u8),
    Remove,
    /// A removal's last step.
    End,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Membership {
        who: Who,
        of: usize,
        wish: Wish,
    },
    /// The other legal person takes over.
    Succeed,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Command(Command),
    /// Two are decided from the same versions, and the first is stored before the second.
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
    text: String,
    cascade: CascadeId,
}

/// The book, with a page for each person.
#[derive(Clone, Debug)]
struct Book {
    leads: u8,
    pages: [Vec<Line>; 2],
}

fn code() -> CreditCode {
    "91350100M000100Y43".parse().unwrap()
}

fn other_code() -> CreditCode {
    "91110000M00020001F".parse().unwrap()
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus_seconds(seconds)
}

fn user(number: u8, enterprise: Option<CreditCode>) -> UserActor {
    let kind = if enterprise.is_some() { HolderKind::LegalPerson } else { HolderKind::Person };
    UserActor { id: UserId::from_bytes([number; 16]), kind, enterprise, level: AssuranceLevel::L4 }
}

fn person(of: usize) -> UserActor {
    user(20 + of as u8, None)
}

fn actor(who: Who) -> Actor {
    Actor::User(match who {
        Who::Person(of) => person(of),
        Who::LegalPerson(number) => user(number, Some(code())),
        Who::Elsewhere(number) => user(number, Some(other_code())),
        Who::OtherLegalPerson => user(9, Some(other_code())),
        Who::Staff(role) => return Actor::Operator { id: OperatorId::from_bytes([role as u8; 16]), role },
        Who::System => return Actor::System,
        Who::Provider => return Actor::PaymentProvider,
    })
}

fn other(legal_person: u8) -> u8 {
    3 - legal_person
}

fn text(number: u8, misfit: &str) -> String {
    if number == 0 { misfit.to_owned() } else { format!("第{number}") }
}

fn department(number: u8) -> String {
    text(number, &"部".repeat(LONGEST + 1))
}

impl Book {
    fn take(&mut self, command: Command, now: Timestamp, cascade: CascadeId) -> Answer {
        use Answer::{Refused, Same};
        let Command::Membership { who, of, wish } = command else {
            self.leads = other(self.leads);
            return Answer::Written;
        };
        let leads = who == Who::LegalPerson(self.leads);
        let concerned = who == Who::Person(of);
        let (last, words) = match self.pages[of].last() {
            Some(line) => (line.verb, line.text.clone()),
            None => ("", String::new()),
        };
        let allowed = match wish {
            Wish::Apply(_) => matches!(who, Who::Person(_)),
            Wish::Withdraw => concerned,
            Wish::Approve | Wish::Reject(_) => leads,
            Wish::Remove => leads || concerned,
            Wish::End => true,
        };
        if !allowed {
            return Refused(RefusalKind::NotAllowed);
        }
        if matches!(wish, Wish::Apply(0) | Wish::Reject(0)) {
            return Refused(RefusalKind::Invalid);
        }
        let waits = last == "apply";
        let (verb, new_words) = match wish {
            Wish::Apply(number) => ("apply", text(number, "")),
            Wish::Withdraw => ("withdraw", String::new()),
            Wish::Approve => ("approve", String::new()),
            Wish::Reject(number) => ("reject", text(number, "")),
            Wish::Remove => ("remove", String::new()),
            Wish::End => ("removed", String::new()),
        };
        if verb == last && new_words == words {
            return Same;
        }
        match wish {
            Wish::Apply(_) if ["approve", "remove"].contains(&last) => return Refused(RefusalKind::Conflict),
            Wish::Withdraw | Wish::Approve | Wish::Reject(_) if !waits => {
                return Refused(RefusalKind::Conflict);
            }
            Wish::Remove if last != "approve" => return Refused(RefusalKind::NotFound),
            Wish::End if ["withdraw", "reject"].contains(&last) => return Same,
            _ => {}
        }
        let by = if wish == Wish::End { Who::System } else { who };
        self.pages[of].push(Line { verb, by, at: now, text: new_words, cascade });
        Answer::Written
    }

    /// What has to be stored of a person.
    fn membership(&self, of: usize) -> Option<Membership> {
        let page = &self.pages[of];
        let (last, applied) = (page.last()?, page.iter().rfind(|line| line.verb == "apply")?);
        let at = last.at;
        let state = match last.verb {
            "apply" => State::Applied,
            "approve" => State::Active { since: at },
            "reject" => State::Rejected { reason: last.text.clone(), at },
            "withdraw" => State::Withdrawn { at },
            "remove" => State::Removing { cascade: last.cascade, at },
            _ => State::Removed { at },
        };
        let (department, applied_at) = (applied.text.clone(), applied.at);
        Some(Membership { enterprise: code(), user: person(of).id, department, applied_at, state })
    }

    fn audit(&self, of: usize) -> Vec<AuditNote> {
        let subject = format!("membership/{}/{}", code(), person(of).id);
        let note = |line: &Line| {
            AuditNote::new(&format!("membership.{}", line.verb), &subject, &actor(line.by), line.at)
        };
        self.pages[of].iter().map(note).collect()
    }
}

/// What is stored, each with its version.
#[derive(Clone)]
struct Store {
    company: (u32, Enterprise),
    memberships: [(u32, Option<Membership>); 2],
    audit: [Vec<AuditNote>; 2],
}

/// What was decided from what was read.
struct Decided {
    answer: Answer,
    write: Write,
}

enum Write {
    Nothing,
    Company(Enterprise),
    Membership(usize, Step<Membership>),
}

impl Store {
    fn new() -> Self {
        let leader = user(1, Some(code()));
        let company = Enterprise::register(None, &leader, "某公司", at(0)).unwrap().next;
        Self { company: (0, company), memberships: [(0, None), (0, None)], audit: [Vec::new(), Vec::new()] }
    }

    /// None where there is nothing to decide on.
    fn decide(&self, command: Command, now: Timestamp, cascade: CascadeId) -> Option<Decided> {
        let company = &self.company.1;
        let Command::Membership { who, of, wish } = command else {
            let next = if company.legal_person == user(1, None).id { 2 } else { 1 };
            let staff = actor(Who::Staff(OperatorRole::Operator));
            let asked = company.request_succession(&user(next, Some(code())), now).unwrap().next;
            let agreed = asked.decide_succession(user(next, None).id, true, &staff, now).unwrap().next;
            return Some(Decided { answer: Answer::Written, write: Write::Company(agreed) });
        };
        let (by, before) = (actor(who), self.memberships[of].1.as_ref());
        let result = match wish {
            Wish::Apply(number) => Membership::apply(before, &code(), &department(number), by.user()?, now),
            Wish::Withdraw => before?.withdraw(&by, now),
            Wish::Approve => before?.approve(company, &by, now),
            Wish::Reject(number) => before?.reject(company, &text(number, ""), &by, now),
            Wish::Remove => before?.remove(company, cascade, &by, now),
            Wish::End => Ok(before?.end(now)),
        };
        Some(match result {
            Ok(step) if step.changed => {
                Decided { answer: Answer::Written, write: Write::Membership(of, step) }
            }
            Ok(step) => {
                assert!(step.audit.is_empty() && step.jobs.is_empty() && Some(&step.next) == before);
                Decided { answer: Answer::Same, write: Write::Nothing }
            }
            Err(refusal) => Decided { answer: Answer::Refused(refusal.kind()), write: Write::Nothing },
        })
    }

    /// Whether the record that is written is still as it was in `read`. A decision may rest on a company's record that has
    /// another legal person since: then it counts as made before that.
    fn takes(&self, write: &Write, read: &Self) -> bool {
        match write {
            Write::Nothing => true,
            Write::Company(_) => self.company.0 == read.company.0,
            Write::Membership(of, _) => self.memberships[*of].0 == read.memberships[*of].0,
        }
    }

    fn save(&mut self, write: Write) {
        match write {
            Write::Nothing => {}
            Write::Company(company) => self.company = (self.company.0 + 1, company),
            Write::Membership(of, step) => {
                assert!(step.jobs.is_empty(), "the removal is its caller's to start");
                let stored = serde_json::to_string(&step.next).unwrap();
                let next: Membership = serde_json::from_str(&stored).unwrap();
                assert!(next == step.next && self.memberships[of].1.as_ref() != Some(&next));
                self.memberships[of] = (self.memberships[of].0 + 1, Some(next));
                self.audit[of].extend(step.audit);
            }
        }
    }

    fn is_as(&self, book: &Book) -> bool {
        (0..2).all(|of| self.memberships[of].1 == book.membership(of) && self.audit[of] == book.audit(of))
            && self.company.1.legal_person == user(book.leads, None).id
    }
}

struct World {
    store: Store,
    book: Book,
    now: Timestamp,
    commands: u8,
}

impl World {
    fn new() -> Self {
        let book = Book { leads: 1, pages: [Vec::new(), Vec::new()] };
        Self { store: Store::new(), book, now: at(0), commands: 0 }
    }

    fn cascade(&mut self) -> CascadeId {
        self.commands += 1;
        CascadeId::from_bytes([self.commands; 16])
    }

    fn command(&mut self, command: Command) {
        let cascade = self.cascade();
        let Some(decided) = self.store.decide(command, self.now, cascade) else { return };
        let expected = self.book.take(command, self.now, cascade);
        assert_eq!(decided.answer, expected, "{command:?} after {:?}", self.book.pages);
        self.store.save(decided.write);
        assert!(
            self.store.is_as(&self.book),
            "{command:?}: {:?}, not {:?}",
            self.store.memberships,
            self.book
        );
        if matches!(command, Command::Membership { .. }) && !matches!(expected, Answer::Refused(_)) {
            let (now, cascade) = (self.now.plus_seconds(1), self.cascade());
            let again = self.store.decide(command, now, cascade).unwrap();
            assert_eq!(again.answer, Answer::Same, "{command:?} again");
        }
    }

    /// The first is stored; the second, decided from the same versions, is decided anew where they are no longer current.
    fn race(&mut self, commands: [Command; 2]) {
        let (read, ids) = (self.store.clone(), [self.cascade(), self.cascade()]);
        let decide = |store: &Store, which: usize| store.decide(commands[which], self.now, ids[which]);
        let (Some(first), Some(second)) = (decide(&read, 0), decide(&read, 1)) else {
            return commands.into_iter().for_each(|command| self.command(command));
        };
        self.store.save(first.write);
        let stands = self.store.takes(&second.write, &read);
        let second = if stands { second } else { decide(&self.store, 1).unwrap() };
        self.store.save(second.write);
        let serial = [[0, 1], [1, 0]].map(|order| {
            let (mut book, mut answers) = (self.book.clone(), [Answer::Same; 2]);
            for which in order {
                answers[which] = book.take(commands[which], self.now, ids[which]);
            }
            (answers, book)
        });
        let answers = [first.answer, second.answer];
        let as_if = serial.into_iter().find(|(given, book)| *given == answers && self.store.is_as(book));
        self.book = as_if.unwrap_or_else(|| panic!("{commands:?} at once: {answers:?}")).1;
    }

    fn happens(&mut self, event: Event) {
        self.now = self.now.plus_seconds(10);
        match event {
            Event::Command(command) => self.command(command),
            Event::Race(first, second) => self.race([first, second]),
        }
    }
}

/// Mostly by somebody who may, so that histories get somewhere.
fn a_command() -> impl Strategy<Value = Command> {
    let anybody = prop::sample::select(vec![
        Who::Person(0),
        Who::Person(1),
        Who::LegalPerson(1),
        Who::LegalPerson(2),
        Who::Elsewhere(1),
        Who::Elsewhere(2),
        Who::OtherLegalPerson,
        Who::Staff(OperatorRole::Operator),
        Who::Staff(OperatorRole::Auditor),
        Who::Staff(OperatorRole::SecurityOfficer),
        Who::System,
        Who::Provider,
    ]);
    let text = || prop_oneof![1 => Just(0u8), 8 => 1..3u8];
    let wish = prop_oneof![
        6 => text().prop_map(Wish::Apply),
        2 => Just(Wish::Withdraw),
        5 => Just(Wish::Approve),
        2 => text().prop_map(Wish::Reject),
        3 => Just(Wish::Remove),
        2 => Just(Wish::End),
    ];
    let of = prop_oneof![3 => Just(0usize), 1 => Just(1)];
    let asked = (wish, of, anybody, prop::bool::weighted(0.2), 1..3u8).prop_map(
        |(wish, of, anybody, strange, legal_person)| {
            let usual = match wish {
                Wish::Apply(_) | Wish::Withdraw => Who::Person(of),
                Wish::Remove if legal_person == 1 => Who::Person(of),
                Wish::End => Who::System,
                _ => Who::LegalPerson(legal_person),
            };
            let who = if strange { anybody } else { usual };
            // A person applies for nobody else.
            let of = match (wish, who) {
                (Wish::Apply(_), Who::Person(own)) => own,
                _ => of,
            };
            Command::Membership { who, of, wish }
        },
    );
    prop_oneof![12 => asked, 1 => Just(Command::Succeed)]
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
        let mut world = World::new();
        for event in events {
            world.happens(event);
        }
    }
}
