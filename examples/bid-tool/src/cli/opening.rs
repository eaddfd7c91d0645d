//! `yinqiao-bid-tool opening`

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use yinqiao_bid_tool::document::make_folder;
use yinqiao_bid_tool::watch::{step_of, step_of_view};
use yinqiao_bid_tool::{Asked, Client, End, Socket, Step, Trust, clock, verify_answer};
use yinqiao_protocol::event::ServerMessage;
use yinqiao_protocol::holder::Acceptance;
use yinqiao_protocol::relying_party::{OpenOpening, OpenSession, OpenedSession};
use yinqiao_protocol::{SessionId, code};

use super::CliError;
use super::code_display::replace;
use super::context::{Connection, HEED_SIGNALS_WITHIN, Terms, result_of, say, store, tell_if_not_cancelled};
use super::decryption::{Decryption, read};
use super::error::ending_text;
use super::interrupt::Interrupt;

/// Open the encrypted files of many bidders, each by its own phone, in one bid opening (开标). One bidder's fault does
/// not hold up the others.
#[derive(Args, Debug)]
pub struct Opening {
    /// Encrypted files, each of one bidder, each with NAME.p7e.json beside it.
    #[arg(required = true, value_name = "FILE.p7e")]
    files: Vec<PathBuf>,
    /// Where the opened files and the results go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Keep each bidder's current code in this folder as NAME.code while it waits for a scan.
    #[arg(long, value_name = "DIR")]
    code_dir: PathBuf,
    /// Seconds in which every bidder must answer, 30 to 7,200.
    #[arg(long, value_name = "SECONDS")]
    window: Option<u32>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
}

/// One bidder.
struct Bidder {
    decryption: Decryption,
    request: OpenSession,
    opened: OpenedSession,
    /// Where its code is kept while it waits.
    code_file: Option<PathBuf>,
    ended: bool,
    got_opened: bool,
}

/// The opening while it runs.
struct Running<'a> {
    client: &'a Client,
    trust: &'a Trust,
    command: &'a Opening,
    bidders: HashMap<SessionId, Bidder>,
}

impl Opening {
    pub fn run(self) -> Result<ExitCode, CliError> {
        let (client, trust) = self.connection.open()?;
        make_folder(&self.code_dir)?;
        let mut prepared = Vec::with_capacity(self.files.len());
        for file in read(&self.files, &self.out, &trust)? {
            let decryption = Decryption::new(vec![file])?;
            let request = self.request(&decryption)?;
            prepared.push((decryption, request));
        }
        let sessions = prepared.iter().map(|(_, request)| request.clone()).collect();
        let interrupt = Interrupt::catch()?;
        let opening =
            client.open_opening(&OpenOpening { title: String::new(), window: self.window, sessions })?;
        let before =
            opening.sessions.iter().map(|opened| opened.sequence).min().unwrap_or(1).saturating_sub(1);
        let mut bidders = HashMap::with_capacity(prepared.len());
        for ((decryption, request), opened) in prepared.into_iter().zip(opening.sessions) {
            let name = decryption.files.first().map(|(envelope, _)| envelope.document.name.clone());
            let code_file = name.map(|name| self.code_dir.join(format!("{name}.code")));
            let bidder = Bidder { decryption, request, opened, code_file, ended: false, got_opened: false };
            bidders.insert(bidder.opened.session, bidder);
        }
        let mut socket = Socket::connect_all(&client, Some(opening.opening), before);
        let mut running = Running { client: &client, trust: &trust, command: &self, bidders };
        let line = json!({ "opening": opening.opening, "until": opening.until });
        let text = || format!("opening {}, until {}", opening.opening, opening.until);
        let done =
            say(self.connection.json, &line, text).and_then(|()| running.watch(&mut socket, &interrupt));
        done.inspect_err(|error| {
            running.clear_codes();
            if !error.is_unreachable() {
                tell_if_not_cancelled(client.cancel_opening(opening.opening));
            }
        })
    }

    /// A session that only the bidder of the file can answer.
    fn request(&self, decryption: &Decryption) -> Result<OpenSession, CliError> {
        let mut request = self.terms.request(decryption.task()?, false);
        if let Some((envelope, _)) = decryption.files.first() {
            let holder = &envelope.consent.statement.holder;
            let enterprise = holder.enterprise.as_ref().map(|one| one.unified_social_credit_code.clone());
            let persons = if enterprise.is_some() { Vec::new() } else { vec![holder.id] };
            request.accept =
                Acceptance { enterprises: enterprise.into_iter().collect(), persons, ..request.accept };
            request.reference = Some(envelope.document.name.chars().take(128).collect());
        }
        Ok(request)
    }
}

impl Running<'_> {
    fn watch(&mut self, socket: &mut Socket, interrupt: &Interrupt) -> Result<ExitCode, CliError> {
        while self.bidders.values().any(|bidder| !bidder.ended) {
            interrupt.check()?;
            self.show_codes()?;
            let message = socket.next_message(HEED_SIGNALS_WITHIN)?;
            match message {
                Some(ServerMessage::Event(event)) => {
                    let session = event.session;
                    if let Some(step) = step_of(*event) {
                        self.take(session, step, socket)?;
                    }
                }
                Some(ServerMessage::Welcome { complete: false, .. }) => self.ask_for_states(socket)?,
                Some(ServerMessage::Problem(problem)) => eprintln!("{problem}"),
                _ => {}
            }
        }
        let all = self.bidders.values().all(|bidder| bidder.got_opened);
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(6) })
    }

    /// Computes each waiting session's code from its secret: one socket for a thousand sessions carries none.
    fn show_codes(&self) -> Result<(), CliError> {
        let now = clock::now();
        for bidder in self.bidders.values() {
            let Some(path) = &bidder.code_file else { continue };
            let opened = &bidder.opened;
            let base = code::ScannedCode::parse(&opened.code)
                .map_err(|_| CliError::Content("the broker's code cannot be read".into()))?;
            let step = code::step_at(opened.opened_at, now);
            let text = code::text(base.base(), opened.secret.as_slice(), &opened.session, step);
            replace(path, text.as_bytes())?;
        }
        Ok(())
    }

    fn clear_codes(&mut self) {
        for path in self.bidders.values_mut().filter_map(|bidder| bidder.code_file.take()) {
            // A code that stays is worth nothing: its session is over.
            let _ = fs::remove_file(path);
        }
    }

    fn ask_for_states(&mut self, socket: &mut Socket) -> Result<(), CliError> {
        let running: Vec<_> =
            self.bidders.iter().filter(|(_, bidder)| !bidder.ended).map(|(session, _)| *session).collect();
        for session in running {
            if let Some(step) = step_of_view(self.client.session(session, 0, 0)?) {
                self.take(session, step, socket)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, session: SessionId, step: Step, socket: &mut Socket) -> Result<(), CliError> {
        let Some(bidder) = self.bidders.get_mut(&session).filter(|bidder| !bidder.ended) else {
            return Ok(());
        };
        let names: Vec<_> =
            bidder.decryption.files.iter().map(|(envelope, _)| envelope.document.name.clone()).collect();
        let name = names.join(", ");
        let json = self.command.connection.json;
        if let Some(path) = bidder.code_file.take() {
            // A code that stays is worth nothing: the session takes no second phone.
            let _ = fs::remove_file(path);
        }
        match step {
            Step::Code { .. } => {}
            Step::Claimed { claimant, .. } => {
                let line = json!({ "session": session, "file": name, "claimed": claimant });
                say(json, &line, || format!("{name}: scanned, match code {}", claimant.match_code))?;
            }
            Step::Ended(End::Without { state, ending }) => {
                bidder.ended = true;
                let line = json!({ "session": session, "file": name, "state": state, "ending": ending });
                say(json, &line, || format!("{name}: {}", ending_text(state, &ending)))?;
            }
            Step::Ended(end) => {
                bidder.ended = true;
                match bidder.open(end, self.trust) {
                    Ok(outcome) => {
                        store(&self.command.out, session, &outcome)?;
                        socket.acknowledge(session)?;
                        bidder.got_opened = true;
                        let line = json!({ "session": session, "file": name, "state": "completed" });
                        say(json, &line, || format!("{name}: opened"))?;
                    }
                    Err(error) => {
                        let line = json!({ "session": session, "file": name, "error": error.to_string() });
                        say(json, &line, || format!("{name}: {error}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Bidder {
    fn open(&self, end: End, trust: &Trust) -> Result<yinqiao_protocol::outcome::Outcome, CliError> {
        let outcome = result_of(end)?;
        let asked =
            Asked { session: self.opened.session, task: &self.request.task, display: &self.request.display };
        verify_answer(&outcome, &asked, trust, clock::now())?;
        self.decryption.open(&outcome)?;
        Ok(outcome)
    }
}
