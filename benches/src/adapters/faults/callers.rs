//! Who calls a faulty plugin.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use yinqiao_protocol::phone::EnrolRequest;

use super::cases::WRONG_SIZES;
use crate::adapters::catalogue;
use crate::adapters::enrolment::{Applicant, Outcome};
use crate::adapters::stage::Stage;

/// Phones that enrol at the same time.
const PHONES: usize = 2;
/// Pause between two enrolments of a phone. The broker itself asks a plugin again every 200 ms.
const PAUSE: Duration = Duration::from_millis(250);
/// From the beginning of one `adapter add` to that of the next: long enough for the good plugin to be added, started and removed, so that
/// it is added as often as those that are refused.
const ADD_EVERY: Duration = Duration::from_millis(500);

/// What calls came to.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    sent: u64,
    /// Done, where a plugin did what it should.
    done: u64,
    refused: u64,
    /// The window ended first.
    cut_off: u64,
    /// The last refusal.
    last_refusal: Option<String>,
    /// The last plugin that was added and taken.
    last_taken: Option<String>,
}

/// Phones with enrolments that are ready to be sent, so that in the window nothing but the plugin is called.
pub struct Phones<'s> {
    phones: Vec<(Applicant<'s>, Vec<EnrolRequest>)>,
}

impl<'s> Phones<'s> {
    /// As many as a window can take, at the CA `adapter`.
    pub fn prepare(stage: &'s Stage, adapter: &str) -> Result<Self> {
        let each = stage.length().as_millis().div_ceil(PAUSE.as_millis());
        let mut phones = Vec::new();
        for number in 0..PHONES {
            let folder = stage.broker.directory().join(format!("applicant-{adapter}-{number}"));
            let applicant = Applicant::new(&stage.broker, &folder)?;
            let requests = (0..each).map(|_| applicant.prepare(adapter)).collect::<Result<Vec<_>>>()?;
            phones.push((applicant, requests));
        }
        Ok(Self { phones })
    }

    /// Sends them one after the other until `over`, or the window's end.
    pub fn enrol(self, length: Duration, over: &AtomicBool) -> Result<Calls> {
        let end = Instant::now() + length;
        let mut all = Calls::default();
        thread::scope(|scope| {
            let phones: Vec<_> = self
                .phones
                .into_iter()
                .map(|(applicant, requests)| scope.spawn(move || enrol(&applicant, &requests, end, over)))
                .collect();
            for phone in phones {
                all.add(phone.join().unwrap_or_else(|_| anyhow::bail!("a phone panicked"))?);
            }
            Ok(all)
        })
    }
}

fn enrol(
    applicant: &Applicant<'_>,
    requests: &[EnrolRequest],
    end: Instant,
    over: &AtomicBool,
) -> Result<Calls> {
    let mut calls = Calls::default();
    for request in requests {
        let left = end.saturating_duration_since(Instant::now());
        if over.load(Ordering::Acquire) || left.is_zero() {
            break;
        }
        calls.sent += 1;
        match applicant.send(request, left)? {
            Outcome::Issued(_) => calls.done += 1,
            Outcome::Refused(reason) => calls.refuse(reason),
            Outcome::CutOff => calls.cut_off += 1,
        }
        thread::sleep(PAUSE.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(calls)
}

/// A plugin's file and the name that it is added by.
pub struct Candidate {
    name: String,
    library: PathBuf,
}

impl Candidate {
    /// Those with a wrong table, in the folder of faulty plugins.
    pub fn wrong_sizes(folder: &Path) -> Vec<Self> {
        let candidate = |variant: &&str| Self {
            name: format!("wrong-sizes-{}", variant.replace('_', "-")),
            library: folder.join(format!("libwrong_sizes_{variant}.so")),
        };
        WRONG_SIZES.iter().map(candidate).collect()
    }

    /// The good one alone.
    pub fn good(library: &Path) -> Vec<Self> {
        vec![Self { name: "good".to_owned(), library: library.to_owned() }]
    }
}

/// Adds plugins one after the other, each [`ADD_EVERY`] after the one before began, or as soon as that is over, until `over`. Those
/// that are taken are removed again.
pub fn add_and_remove(stage: &Stage, candidates: &[Candidate], over: &AtomicBool) -> Result<Calls> {
    let mut calls = Calls::default();
    for Candidate { name, library } in candidates.iter().cycle() {
        if over.load(Ordering::Acquire) {
            break;
        }
        let begun = Instant::now();
        calls.sent += 1;
        match catalogue::add(&stage.broker, name, library, &Value::Null) {
            Ok(()) => {
                calls.done += 1;
                calls.last_taken = Some(name.clone());
                catalogue::remove(&stage.broker, name, 1)?;
            }
            Err(reason) => calls.refuse(format!("{name}: {reason:#}")),
        }
        thread::sleep(ADD_EVERY.saturating_sub(begun.elapsed()));
    }
    Ok(calls)
}

impl Calls {
    /// Puts others' to these.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.done += other.done;
        self.refused += other.refused;
        self.cut_off += other.cut_off;
        self.last_refusal = other.last_refusal.or(self.last_refusal.take());
        self.last_taken = other.last_taken.or(self.last_taken.take());
    }

    /// As figures.
    pub fn to_json(&self) -> Value {
        json!({
            "sent": self.sent,
            "done": self.done,
            "refused": self.refused,
            "cut_off_by_the_end": self.cut_off,
            "last_refusal": self.last_refusal,
            "last_taken": self.last_taken,
        })
    }

    fn refuse(&mut self, reason: String) {
        self.refused += 1;
        self.last_refusal = Some(reason);
    }
}
