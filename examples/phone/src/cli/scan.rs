//! `yinqiao-phone scan`

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use yinqiao_phone::session::{decline_for, seal_choice};
use yinqiao_phone::store::StoreError;
use yinqiao_phone::{ClaimOptions, ClaimedSession, Fetched, Phone, PhoneError, Review, picture};
use yinqiao_protocol::SealId;
use yinqiao_protocol::phone::{Answered, DeclineReason};

use super::{CliError, PinInput, input, show};

/// Seconds of one long poll for late items.
const WAIT_SECONDS: u64 = 20;

/// Answer the session of a code.
#[derive(Args, Debug)]
pub struct Scan {
    /// The code's text, or a PNG picture of it (a path that ends in .png).
    #[arg(value_name = "TEXT-OR-PICTURE", required_unless_present_any = ["text_stdin", "picture"])]
    code: Option<String>,
    /// Read the code's text from a line of standard input.
    #[arg(long, conflicts_with_all = ["code", "picture"])]
    text_stdin: bool,
    /// A PNG picture of the code.
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    picture: Option<PathBuf>,
    /// Serial number of the signing certificate, where several fit.
    #[arg(long, value_name = "SERIAL")]
    certificate: Option<String>,
    /// Which seal, where several fit.
    #[arg(long, value_name = "ID")]
    seal: Option<SealId>,
    /// Reach the broker at this address instead of the one in the code.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
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

impl Scan {
    pub fn run(self, phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
        if self.pin.pin_stdin && !(self.yes || self.decline || self.report) {
            let text = "--pin-stdin leaves no way to ask: give --yes too (or --decline, or --report)";
            return Err(CliError::Input(text.into()));
        }
        let code = self.code_text()?;
        let options = ClaimOptions {
            certificate: self.certificate.clone(),
            seal: self.seal,
            broker: self.broker.clone(),
        };
        let mut session = phone.claim(&code, &options).map_err(with_seals)?;
        let review = wait_for_review(&mut session, json)?;
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
        let answered = self.answer(&session)?;
        print_end(&answered, json)?;
        Ok(ExitCode::SUCCESS)
    }

    fn code_text(&self) -> Result<Zeroizing<String>, CliError> {
        let from_picture = |path: &std::path::Path| -> Result<_, CliError> {
            Ok(Zeroizing::new(picture::text_of_png(path).map_err(PhoneError::from)?))
        };
        match (&self.picture, &self.code) {
            (Some(path), _) => from_picture(path),
            (None, Some(code)) if code.to_ascii_lowercase().ends_with(".png") => from_picture(code.as_ref()),
            (None, Some(code)) => Ok(Zeroizing::new(code.trim().to_owned())),
            (None, None) => input::line_of_stdin("code"),
        }
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

    /// A wrong PIN may be followed by another: typed again, or on the next line of standard input.
    fn answer(&self, session: &ClaimedSession) -> Result<Answered, CliError> {
        let mut pin = self.pin.pin("PIN: ")?;
        loop {
            let error = match session.answer(&pin) {
                Err(PhoneError::Store(error)) => error,
                done => return Ok(done?),
            };
            match error {
                StoreError::Wait { seconds } => {
                    eprintln!("waiting {seconds} s, as after each wrong PIN");
                    thread::sleep(Duration::from_secs(seconds));
                }
                StoreError::WrongPin { .. } => {
                    eprintln!("{error}");
                    pin = self.pin.pin("PIN: ").map_err(|_| PhoneError::Store(error))?;
                }
                error => return Err(PhoneError::Store(error).into()),
            }
        }
    }
}

fn wait_for_review(session: &mut ClaimedSession, json: bool) -> Result<Review, CliError> {
    let mut told = false;
    loop {
        match session.fetch(WAIT_SECONDS)? {
            Fetched::Ended(_, cause) => return Err(PhoneError::Ended(cause).into()),
            Fetched::ItemsAwaited => {
                if !told && json {
                    show::json(&json!({ "waiting": { "match_code": session.claimed().match_code } }))?;
                } else if !told {
                    show::waiting(session.claimed());
                }
                told = true;
            }
            Fetched::Ready => {
                return session.review().map_err(|error| {
                    if let Some(decline) = decline_for(&error) {
                        // The error says more than a failure to tell the bid system.
                        let _ = session.send_decline(&decline);
                    }
                    error.into()
                });
            }
        }
    }
}

/// Where the broker asks for a choice among seals, the seals.
fn with_seals(error: PhoneError) -> CliError {
    if let Some(seals) = seal_choice(&error) {
        eprintln!("Several seals fit. Scan again with --seal and one of these:");
        for seal in seals {
            eprintln!("  {}  {}", seal.id, seal.name);
        }
    }
    error.into()
}

fn print_end(answered: &Answered, json: bool) -> Result<(), CliError> {
    if json {
        return show::json(&json!({ "answered": answered }));
    }
    let state = serde_json::to_value(answered.state).unwrap_or_default();
    println!("{} at {}", state.as_str().unwrap_or("ended"), answered.at);
    Ok(())
}
