//! Arguments and commands.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use yinqiao_phone::http::{HttpError, Silence};
use yinqiao_phone::{Phone, PhoneError};

mod attend;
mod certificates;
mod enrol;
mod input;
mod resume;
mod scan;
mod show;

/// A bidder's phone: enrols, scans codes, shows what is asked and signs it.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    /// Folder of the phone's keys; made where there is none.
    #[arg(long, value_name = "DIR", global = true, default_value = "phone")]
    store: PathBuf,
    /// One JSON object a line on standard output instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Get a certificate pair for a one-time code from the operator.
    Enrol(enrol::Enrol),
    /// List the certificate pairs.
    Certificates,
    /// Take the encryption keys of an older certificate over to a newer one.
    Carry(certificates::Carry),
    /// Answer the session of a code.
    Scan(scan::Scan),
    /// Go on with a session that was claimed before a crash or without a network.
    Resume(resume::Resume),
}

/// Where the PIN comes from.
#[derive(Args, Clone, Copy, Debug)]
struct PinInput {
    /// Read the PIN from a line of standard input instead of asking for it.
    #[arg(long)]
    pin_stdin: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The phone.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// What was typed or read.
    #[error("{0}")]
    Input(String),
    /// Which session to go on with.
    #[error("{0}")]
    Session(String),
    /// The terminal or a file.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl CliError {
    /// One line for standard error.
    pub fn line(&self) -> String {
        let text = match self {
            Self::Phone(PhoneError::Http(HttpError::Problem(problem))) => {
                format!("{}: {}", problem.title, problem.detail)
            }
            error => error.to_string(),
        };
        format!("yinqiao-phone: {}", text.replace(['\n', '\r'], " "))
    }

    /// See the table in `main.rs`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Phone(error) => error.exit_code(),
            Self::Input(_) => 2,
            Self::Session(_) => 10,
            Self::Io(..) => 3,
        }
    }
}

/// Nothing is lost where the first request of a command is given up.
const SILENCE: Silence = Silence {
    patience_at_first: Duration::from_secs(5),
    tell: || eprintln!("the broker does not answer, trying again"),
};

/// Runs a command.
///
/// # Errors
/// See [`CliError`].
pub fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let phone = Phone::open(&arguments.store)?.with_silence(SILENCE);
    match arguments.command {
        Command::Enrol(command) => command.run(&phone, arguments.json),
        Command::Certificates => certificates::list(&phone, arguments.json),
        Command::Carry(command) => command.run(&phone, arguments.json),
        Command::Scan(command) => command.run(&phone, arguments.json),
        Command::Resume(command) => command.run(&phone, arguments.json),
    }
}
