//! A claimed session up to its end: what is shown, asked and answered, for `scan` and `resume`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use yinqiao_phone::session::SessionKeys;
use yinqiao_phone::store::StoreError;
use yinqiao_phone::{ClaimedSession, Fetched, Phone, PhoneError, Pin, Review};
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::phone::{Answered, DeclineReason};

use super::{CliError, PinInput, input, show};

/// Seconds of one long poll for late items.
const WAIT_SECONDS: u64 = 20;

/// Whether the holder agrees, and the PINs.
#[derive(Args, Clone, Copy, Debug)]
pub struct Consent {
    /// Agree to what is shown without being asked. The PIN is still needed.
    #[arg(long)]
    yes: bool,
    /// Show, then say no.
    #[arg(long, conflicts_with = "yes")]
    decline: bool,
    /// Show, then say no and report that you did not start this.
    #[arg(long, conflicts_with_all = ["yes", "decline"])]
    report: bool,
    #[command(flatten)]
    pin: PinInput,
}

impl Consent {
    /// To be called before anything is claimed.
    pub fn check(&self) -> Result<(), CliError> {
        if self.pin.pin_stdin && !(self.yes || self.decline || self.report) {
            let text = "--pin-stdin leaves no way to ask: give --yes too (or --decline, or --report)";
            return Err(CliError::Input(text.into()));
        }
        Ok(())
    }

    /// Sees a session to its end.
    pub fn attend(
        &self,
        phone: &Phone,
        mut session: ClaimedSession,
        json: bool,
    ) -> Result<ExitCode, CliError> {
        let done = self.see_to_its_end(&mut session, json);
        if done.is_err() {
            tell_of_kept_claims(phone);
        }
        done
    }

    fn see_to_its_end(&self, session: &mut ClaimedSession, json: bool) -> Result<ExitCode, CliError> {
        let Some(review) = wait_for_review(session, json)? else {
            print_completed(json)?;
            return Ok(ExitCode::SUCCESS);
        };
        if json {
            show::json(&json!({ "review": &review }))?;
        } else {
            show::review(&review);
        }
        if let Some(reason) = self.refusal()? {
            print_end(&session.decline(reason)?, json)?;
            let meant = self.decline || self.report;
            return Ok(if meant { ExitCode::SUCCESS } else { ExitCode::from(6) });
        }
        let keys = self.keys(session)?;
        print_end(&session.answer_with(&keys)?, json)?;
        Ok(ExitCode::SUCCESS)
    }

    /// `None` where the holder agrees.
    fn refusal(&self) -> Result<Option<DeclineReason>, CliError> {
        if self.decline {
            return Ok(Some(DeclineReason::Declined));
        }
        if self.report {
            return Ok(Some(DeclineReason::Reported));
        }
        let agreed = self.yes || input::agrees("Do it?")?;
        Ok((!agreed).then_some(DeclineReason::Declined))
    }

    /// The session's keys by its PIN, and those of each older certificate that it needs by that one's own PIN.
    fn keys(&self, session: &ClaimedSession) -> Result<SessionKeys, CliError> {
        let older = session.older_certificates()?;
        let opened = self.with_pin("PIN: ", |pin| session.unlock(pin));
        let mut keys = opened.inspect_err(|error| {
            if let CliError::Phone(error) = error {
                session.tell(error);
            }
        })?;
        for certificate in older {
            eprintln!("what is decrypted needs the keys of the older certificate {certificate}");
            let prompt = format!("PIN of certificate {certificate}: ");
            self.with_pin(&prompt, |pin| session.unlock_older(&mut keys, &certificate, pin))?;
        }
        Ok(keys)
    }

    /// A wrong PIN may be followed by another: typed again, or on the next line of standard input.
    fn with_pin<T>(
        &self,
        prompt: &str,
        mut open: impl FnMut(&Pin) -> Result<T, PhoneError>,
    ) -> Result<T, CliError> {
        let mut pin = self.pin.pin(prompt)?;
        loop {
            match open(&pin) {
                Err(PhoneError::Store(StoreError::Wait { seconds })) => {
                    eprintln!("waiting {seconds} s, as after each wrong PIN");
                    thread::sleep(Duration::from_secs(seconds));
                }
                Err(error @ PhoneError::Store(StoreError::WrongPin { .. })) => {
                    eprintln!("{error}");
                    pin = self.pin.pin(prompt).map_err(|_| error)?;
                }
                done => return Ok(done?),
            }
        }
    }
}

/// Where a command failed, how to go on with what is claimed.
pub fn tell_of_kept_claims(phone: &Phone) {
    // The command's own error is the one to tell.
    if phone.kept_claims().is_ok_and(|claims| !claims.is_empty()) {
        eprintln!("a claimed session is not over: `yinqiao-phone resume` goes on with it");
    }
}

/// `None` where the session was answered before.
fn wait_for_review(session: &mut ClaimedSession, json: bool) -> Result<Option<Review>, CliError> {
    let mut told = false;
    loop {
        // At once the first time, so that the holder is told what is waited for.
        match session.fetch(if told { WAIT_SECONDS } else { 0 })? {
            Fetched::Ended(SessionState::Completed, _) => return Ok(None),
            Fetched::Ended(_, cause) => return Err(PhoneError::Ended(cause).into()),
            Fetched::ItemsAwaited => {
                if !told && json {
                    show::json(&json!({ "waiting": { "match_code": session.claimed().match_code } }))?;
                } else if !told {
                    show::waiting(session.claimed());
                }
                told = true;
            }
            Fetched::Ready => return Ok(Some(session.review().inspect_err(|error| session.tell(error))?)),
        }
    }
}

fn print_end(answered: &Answered, json: bool) -> Result<(), CliError> {
    if json {
        return show::json(&json!({ "answered": answered }));
    }
    let state = serde_json::to_value(answered.state).unwrap_or_default();
    println!("{} at {}", state.as_str().unwrap_or("ended"), answered.at);
    Ok(())
}

fn print_completed(json: bool) -> Result<(), CliError> {
    if json {
        return show::json(&json!({ "ended": { "state": SessionState::Completed } }));
    }
    println!("completed before");
    Ok(())
}
