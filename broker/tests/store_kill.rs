//! What was acknowledged outlives a killed process, and an fdatasync comes before every acknowledgement.
//!
//! The child is this test binary again: it commits, and prints what was acknowledged.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use yinqiao::store::conformance::{Heard, fixture};
use yinqiao::store::sled::SledStore;
use yinqiao::store::{Collection, EventsOf, RecordChange, Records, SessionStore, StoredSession};
use yinqiao_protocol::{RelyingPartyId, SessionId};

const DIRECTORY: &str = "STORE_KILL_TEST_DIRECTORY";
const LIVES: &str = "STORE_KILL_TEST_LIVES";
const WRITERS: usize = 8;

fn relying_party() -> RelyingPartyId {
    "rp".parse().unwrap()
}

fn open(directory: &Path) -> SledStore {
    SledStore::open(directory, Arc::new(Heard::default())).unwrap()
}

/// Prints a line in one write.
fn say(line: String) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

fn acknowledged(stored: Vec<StoredSession>) -> StoredSession {
    let stored = stored.into_iter().next().unwrap();
    say(format!("acknowledged {} {} {}\n", stored.record.id, stored.version, stored.sequence));
    stored
}

/// One session after the other, with results of all sizes; every third is removed.
async fn live(store: &SledStore, lives: usize, writer: usize) {
    let key = writer.to_be_bytes().to_vec();
    let mut version =
        store.record(Collection::Setting, key.clone()).await.unwrap().map_or(0, |found| found.version);
    for life in 0..lives {
        let change = fixture::open(fixture::waiting(&relying_party()));
        let session = acknowledged(store.commit(vec![change]).await.unwrap());
        let session = acknowledged(store.commit(vec![fixture::claim(&session, "holder")]).await.unwrap());
        let items = if life % 10 == 9 { 700 } else { life % 5 };
        let change = fixture::complete(&session, items).unwrap();
        let session = acknowledged(store.commit(vec![change]).await.unwrap());
        if life % 3 == 2 {
            say(format!("removing {}\n", session.record.id));
            assert_eq!(store.remove(vec![(session.record.id, session.version)]).await.unwrap(), 1);
            say(format!("removed {}\n", session.record.id));
        }
        let change = RecordChange {
            collection: Collection::Setting,
            key: key.clone(),
            expected: version,
            write: yinqiao::store::Write::Put(vec![life as u8; 10_000]),
        };
        store.change(vec![change]).await.unwrap();
        version += 1;
        say(format!("record {writer} {version}\n"));
    }
}

/// Not a test of its own: does nothing unless it is started by the others.
#[test]
#[ignore = "the child of the other tests"]
fn the_writing_child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let lives = std::env::var(LIVES).ok().map(|lives| lives.parse::<usize>().unwrap());
    let store = open(Path::new(&directory));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        match lives {
            Some(lives) => live(&store, lives, 0).await,
            None => {
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let store = store.clone();
                        tokio::spawn(async move { live(&store, usize::MAX, writer).await })
                    })
                    .collect();
                for writer in writers {
                    writer.await.unwrap();
                }
            }
        }
    });
}

fn child_arguments() -> [&'static str; 4] {
    ["--exact", "the_writing_child", "--ignored", "--nocapture"]
}

/// What the child has said so far, over all its lives.
#[derive(Default)]
struct Ledger {
    /// Last acknowledged version, and the numbers of all acknowledged events.
    sessions: BTreeMap<SessionId, (u64, BTreeSet<u64>)>,
    removing: BTreeSet<SessionId>,
    removed: BTreeSet<SessionId>,
    records: BTreeMap<usize, u64>,
}

impl Ledger {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["acknowledged", id, version, sequence] => {
                let (last, sequences) = self.sessions.entry(id.parse().unwrap()).or_default();
                *last = version.parse().unwrap();
                sequences.insert(sequence.parse().unwrap());
            }
            ["removing", id] => drop(self.removing.insert(id.parse().unwrap())),
            ["removed", id] => drop(self.removed.insert(id.parse().unwrap())),
            ["record", writer, version] => {
                self.records.insert(writer.parse().unwrap(), version.parse().unwrap());
            }
            // The test harness speaks, too.
            _ => {}
        }
    }

    /// Compares with what the disk holds. Unacknowledged changes may be there, at most one per writer and kill.
    async fn check(&mut self, store: &SledStore) {
        let mut gone = BTreeSet::new();
        for (id, (version, sequences)) in &mut self.sessions {
            match store.session(*id).await.unwrap() {
                Some(stored) => {
                    assert!(!self.removed.contains(id), "{id} was removed and is back");
                    assert!(
                        (*version..=*version + 1).contains(&stored.version),
                        "{id}: {version}, {stored:?}"
                    );
                    *version = stored.version;
                }
                None => {
                    assert!(self.removing.contains(id), "{id} is lost");
                    self.removed.insert(*id);
                    gone.append(&mut sequences.clone());
                }
            }
        }
        let page = store.events(relying_party(), EventsOf::RelyingParty, 0, usize::MAX).await.unwrap();
        let there: BTreeSet<u64> = page.events.iter().map(|event| event.sequence).collect();
        assert_eq!(there.len(), page.events.len());
        assert!(there.is_disjoint(&gone), "a removed session has left events behind");
        for event in &page.events {
            let stored = store.session(event.session).await.unwrap().expect("an event has its session");
            assert!(stored.sequence >= event.sequence);
            self.sessions
                .entry(event.session)
                .or_insert((stored.version, BTreeSet::new()))
                .1
                .insert(event.sequence);
        }
        let all: BTreeSet<u64> =
            self.sessions.values().flat_map(|(_, sequences)| sequences).copied().collect();
        assert_eq!(all, (1..=all.len() as u64).collect(), "the numbers have a gap");
        assert!(there.union(&gone).copied().collect::<BTreeSet<_>>().is_subset(&all));
        for (writer, version) in &mut self.records {
            let key = writer.to_be_bytes().to_vec();
            let stored = store.record(Collection::Setting, key).await.unwrap().expect("a record is lost");
            assert!((*version..=*version + 1).contains(&stored.version));
            assert_eq!(stored.value.len(), 10_000);
            *version = stored.version;
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_twenty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut ledger = Ledger::default();
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(child_arguments())
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("acknowledged") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child of round {round} ended early");
            ledger.note(&line);
        }
        let reader = std::thread::spawn(move || {
            let mut rest = Vec::new();
            let mut line = String::new();
            // A line that was cut by the kill says nothing.
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
                rest.push(std::mem::take(&mut line));
            }
            rest
        });
        let chance = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
        std::thread::sleep(Duration::from_millis(u64::from(chance / 1000 % 250)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            ledger.note(&line);
        }
        runtime.block_on(ledger.check(&open(directory.path())));
    }
    println!("{} sessions, {} of them removed", ledger.sessions.len(), ledger.removed.len());
    assert!(ledger.sessions.len() > 100);
}

/// One system call in a trace: which, on what, and the lines where it began and ended.
#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
    begun: usize,
    ended: usize,
    succeeded: bool,
}

/// Reads what `strace -f -y` writes. Calls that another thread interrupted stand on two lines.
fn calls(trace: &str) -> Vec<Call> {
    let (mut calls, mut unfinished) = (Vec::new(), BTreeMap::<&str, (usize, String)>::new());
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (number, begin.to_owned()));
            continue;
        }
        let (begun, whole) = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, end)) => {
                let (begun, begin) = unfinished.remove(thread).expect("what is resumed was begun");
                (begun, begin + end)
            }
            None => (number, rest.to_owned()),
        };
        let Some((name, arguments)) = whole.split_once('(') else { continue };
        let succeeded = whole.rsplit_once(" = ").is_some_and(|(_, code)| !code.starts_with('-'));
        calls.push(Call {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            begun,
            ended: number,
            succeeded,
        });
    }
    calls
}

#[test]
fn an_fdatasync_of_the_log_comes_between_its_last_write_and_each_acknowledgement() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let can_trace = Command::new("strace").arg("-o").arg("/dev/null").arg("true").output();
    if !can_trace.is_ok_and(|output| output.status.success()) {
        println!("NOT RUN: strace is missing or not permitted, so the system calls were not looked at");
        return;
    }
    let store = directory.path().join("store");
    let status = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "signal=none"])
        .args(["-e", "trace=fdatasync,fsync,write,pwrite64,openat", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(child_arguments())
        .env(DIRECTORY, &store)
        .env(LIVES, "10")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls = calls(&trace);
    let log = format!("<{}>", store.join("db").display());
    let on_log = |name: &'static str| {
        calls.iter().filter(move |call| call.name == name).filter(|call| call.arguments.contains(&log))
    };

    let mut acknowledgements = 0;
    for word in ["acknowledged ", "removed ", "record "] {
        for answer in
            calls.iter().filter(|call| call.name == "write" && call.arguments.contains(&format!("\"{word}")))
        {
            acknowledgements += 1;
            let written = on_log("pwrite64").rfind(|call| call.begun < answer.begun).expect("it was written");
            let synced = on_log("fdatasync")
                .any(|call| call.begun > written.ended && call.ended < answer.begun && call.succeeded);
            assert!(synced, "no fdatasync between {written:?} and {answer:?}");
        }
    }
    assert_eq!(acknowledgements, 3 * 10 + 3 + 10);
    let syncs = on_log("fdatasync").count();
    assert!(
        syncs >= acknowledgements,
        "each of {acknowledgements} answers has its own fdatasync, not {syncs}"
    );
    let blobs = store.join("blobs/").display().to_string();
    assert!(!calls.iter().any(|call| call.name == "openat"
        && call.arguments.contains(&blobs)
        && call.arguments.contains("O_CREAT")));
}
