//! What all commands share: the broker, the roots, and the way of a session to its verified result.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use yinqiao_bid_tool::document::{FileError, write_new};
use yinqiao_bid_tool::http::Silence;
use yinqiao_bid_tool::{Asked, Client, ClientError, End, Step, Trust, Verified, Watch, clock, verify_answer};
use yinqiao_protocol::holder::{Acceptance, Claimant};
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::relying_party::OpenSession;
use yinqiao_protocol::statement::Display;
use yinqiao_protocol::{HolderId, SessionId, Task, Token};

use super::CliError;
use super::code_display::CodeDisplay;
use super::interrupt::Interrupt;

/// Longest line of standard input, in bytes.
const LONGEST_LINE: u64 = 1024;
/// Nothing is lost where the first request of a command is given up.
const SILENCE: Silence = Silence {
    patience_at_first: Duration::from_secs(5),
    tell: || eprintln!("the broker does not answer, trying again"),
};
/// How soon a signal is heeded.
pub const HEED_SIGNALS_WITHIN: Duration = Duration::from_millis(500);

/// Which broker, asked as whom, and whom to trust.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The broker's address, like https://broker.example.
    #[arg(long, value_name = "URL")]
    broker: String,
    /// File with the API key; without it the key is read from a line of standard input.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// PEM file with the roots (and intermediates) of the CAs that are trusted.
    #[arg(long, value_name = "FILE.pem")]
    trust: PathBuf,
    /// One JSON object a line on standard output instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What the holder reads, and which holders may answer.
#[derive(Args, Clone, Debug)]
pub struct Terms {
    /// What the holder reads first, at most 100 characters.
    #[arg(long, default_value = "")]
    title: String,
    /// What the holder reads then, at most 1,000 characters.
    #[arg(long, default_value = "")]
    text: String,
    /// Accept only this company (unified social credit code); may be repeated.
    #[arg(long, value_name = "CODE")]
    enterprise: Vec<String>,
    /// Accept only this person, by the id of an earlier result; may be repeated.
    #[arg(long, value_name = "ID")]
    person: Vec<HolderId>,
    /// Accept only certificates of this CA; may be repeated.
    #[arg(long, value_name = "NAME")]
    authority: Vec<String>,
    /// Seconds to scan, 30 to 7,200.
    #[arg(long, value_name = "SECONDS")]
    time_to_scan: Option<u32>,
    /// Seconds to confirm after the scan, 30 to 7,200.
    #[arg(long, value_name = "SECONDS")]
    time_to_confirm: Option<u32>,
}

impl Connection {
    /// The client and the roots.
    pub fn open(&self) -> Result<(Client, Trust), CliError> {
        let text = match &self.api_key_file {
            Some(path) => Zeroizing::new(fs::read_to_string(path).map_err(FileError::io(path))?),
            None => line_of_stdin()?,
        };
        let key = Token::parse(text.trim());
        let key = key.ok_or_else(|| CliError::Input("an API key has 1 to 128 visible characters".into()))?;
        Ok((Client::new(&self.broker, key)?.with_silence(SILENCE), Trust::read(&self.trust)?))
    }
}

impl Terms {
    /// The request for a session.
    pub fn request(&self, task: Task, late_items: bool) -> OpenSession {
        OpenSession {
            task,
            late_items,
            display: Display { title: self.title.clone(), text: self.text.clone() },
            accept: Acceptance {
                certificate_authorities: self.authority.clone(),
                enterprises: self.enterprise.clone(),
                persons: self.person.clone(),
            },
            time_to_scan: self.time_to_scan,
            time_to_confirm: self.time_to_confirm,
            time_to_keep: None,
            reference: None,
        }
    }
}

/// A session's way to its result.
pub struct Course<'a> {
    pub client: &'a Client,
    pub trust: &'a Trust,
    pub codes: &'a CodeDisplay,
    pub json: bool,
}

/// A session with a verified result, which the broker keeps until [`Answered::keep`].
pub struct Answered {
    watch: Watch,
    pub outcome: Outcome,
    pub verified: Verified,
}

impl Course<'_> {
    /// Opens a session, shows its codes, waits for its end and verifies its result against what was asked. Where that
    /// fails or is interrupted before the end, the session is cancelled: nobody would take its result.
    pub fn run(&self, request: &OpenSession) -> Result<Answered, CliError> {
        self.run_with_items(request, |_| {
            Err(CliError::Content("the broker awaits items that were sent".into()))
        })
    }

    /// As [`Course::run`], with items that are made when the holder is known.
    pub fn run_with_items(
        &self,
        request: &OpenSession,
        items: impl FnMut(&Claimant) -> Result<Task, CliError>,
    ) -> Result<Answered, CliError> {
        let interrupt = Interrupt::catch()?;
        let mut watch = Watch::open(self.client, request)?;
        let session = watch.opened().session;
        let mut task = request.task.clone();
        let end = self.see_to_its_end(&mut watch, &interrupt, &mut task, items);
        self.codes.clear(self.json);
        let end = end.inspect_err(|error| {
            if !error.is_unreachable() {
                tell_if_not_cancelled(self.client.cancel(session));
            }
        })?;
        drop(interrupt);
        let outcome = result_of(end)?;
        let asked = Asked { session, task: &task, display: &request.display };
        let verified = verify_answer(&outcome, &asked, self.trust, clock::now())?;
        Ok(Answered { watch, outcome, verified })
    }

    fn see_to_its_end(
        &self,
        watch: &mut Watch,
        interrupt: &Interrupt,
        task: &mut Task,
        mut items: impl FnMut(&Claimant) -> Result<Task, CliError>,
    ) -> Result<End, CliError> {
        let session = watch.opened().session;
        self.say(&json!({ "opened": session }), || format!("session {session}"))?;
        loop {
            interrupt.check()?;
            match watch.next_step(HEED_SIGNALS_WITHIN)? {
                None => {}
                Some(Step::Code { text, .. }) => self.codes.show(self.client, session, &text, self.json)?,
                Some(Step::Claimed { claimant, items_awaited }) => {
                    self.codes.clear(self.json);
                    self.say_claimed(&claimant)?;
                    if items_awaited {
                        *task = items(&claimant)?;
                        self.client.put_items(session, task)?;
                    }
                }
                Some(Step::Ended(end)) => return Ok(end),
            }
        }
    }

    fn say_claimed(&self, claimant: &Claimant) -> Result<(), CliError> {
        self.say(&json!({ "claimed": claimant }), || {
            let enterprise = claimant.enterprise.as_deref().unwrap_or("no company");
            format!("scanned by {} ({enterprise}), match code {}", claimant.masked_name, claimant.match_code)
        })
    }

    /// A line, as JSON or as text.
    pub fn say(&self, json: &serde_json::Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
        say(self.json, json, text)
    }
}

/// A line, as JSON or as text.
pub fn say(as_json: bool, json: &serde_json::Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
    println!("{}", if as_json { serde_json::to_string(json)? } else { text() });
    Ok(())
}

/// The command's own error is told anyhow; this is what it leaves behind.
pub fn tell_if_not_cancelled<T>(cancelled: Result<T, ClientError>) {
    let is_over = |error: &ClientError| matches!(error, ClientError::Problem(problem) if matches!(problem.status, 404 | 409 | 410));
    if let Err(error) = cancelled
        && !is_over(&error)
    {
        eprintln!("what was opened could not be cancelled and stays open until its deadline: {error}");
    }
}

pub fn result_of(end: End) -> Result<Outcome, CliError> {
    match end {
        End::Completed(outcome) => Ok(*outcome),
        End::ResultGone => Err(CliError::ResultGone),
        End::Without { state, ending } => Err(CliError::Ended(state, ending)),
    }
}

impl Answered {
    pub fn session(&self) -> SessionId {
        self.watch.opened().session
    }

    /// Stores the result in `folder` as SESSION.outcome.json; then the broker may forget it. Call it last.
    pub fn keep(mut self, folder: Option<&Path>) -> Result<(), CliError> {
        if let Some(folder) = folder {
            store(folder, self.session(), &self.outcome)?;
        }
        Ok(self.watch.acknowledge()?)
    }
}

/// Writes SESSION.outcome.json.
pub fn store(folder: &Path, session: SessionId, outcome: &Outcome) -> Result<(), CliError> {
    let path = folder.join(format!("{session}.outcome.json"));
    Ok(write_new(&path, &serde_json::to_vec_pretty(outcome)?)?)
}

fn line_of_stdin() -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line);
    read.map_err(FileError::io("standard input".as_ref()))?;
    if line.trim().is_empty() {
        return Err(CliError::Input("no key came on standard input: use --api-key-file".into()));
    }
    Ok(line)
}
