//! The operators' command line.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | a defect, or no randomness |
//! | 2 | wrong use of the command line |
//! | 3 | a file or the terminal |
//! | 4 | the directory holds no CA, or not what was named |
//! | 5 | it is decided already, or too late |
//! | 6 | this operator may not decide it |
//! | 7 | a key file or passphrase is wrong |
//!
//! It works while the plugin runs: both keep to the same file locks. Passphrases come from a prompt without echo or from
//! a file, never from arguments or the environment.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::Value;
use yinqiao_ca_sdk::AdapterError;

use crate::authority::{self, AuthorityRecord};
use crate::rekeying::RekeyError;
use crate::store::{Store, StoreError};

mod crl;
mod decide;
mod input;
mod operator_key;
mod rekey;
mod review;
mod status;

/// Operators' work on the directory of a software CA: reviews, status, lists, another master key.
#[derive(Debug, Parser)]
#[command(name = "yinqiao-softca", version, about)]
struct Arguments {
    /// The directory of the CA, as `directory` in the adapter's configuration.
    #[arg(long, value_name = "DIR", global = true, default_value = ".")]
    directory: PathBuf,
    /// JSON on standard output instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at what waits for operators, and decide it.
    #[command(subcommand)]
    Review(review::Review),
    /// Count certificates, seals and reviews; show the revocation list and the CA's own certificates.
    Status,
    /// Write the last revocation list, and the delta list, to files for a web server.
    Crl(crl::Export),
    /// Encrypt all keys anew under another master key.
    RekeyVault(rekey::RekeyVault),
    /// Make an operator's key; prints what goes into the configuration.
    OperatorKey(operator_key::OperatorKeyCommand),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// What was typed.
    #[error("{0}")]
    Input(String),
    /// A file or the terminal.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// The directory's files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not there.
    #[error("{0}")]
    Absent(String),
    /// Too late.
    #[error("{0}")]
    Decided(String),
    /// Not by this operator.
    #[error("{0}")]
    NotEntitled(String),
    /// A key file, or its passphrase.
    #[error("{0}")]
    Key(String),
    /// Whatever the CA's own code says.
    #[error("{}", .0.text)]
    Authority(#[from] AdapterError),
    /// Another master key.
    #[error(transparent)]
    Rekey(#[from] RekeyError),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Authority(_) => 1,
            Self::Input(_) => 2,
            Self::Io(..) | Self::Store(_) | Self::Rekey(RekeyError::Store(_)) => 3,
            Self::Absent(_) => 4,
            Self::Decided(_) | Self::Rekey(RekeyError::Running) => 5,
            Self::NotEntitled(_) => 6,
            Self::Key(_) | Self::Rekey(_) => 7,
        }
    }
}

/// The directory of a CA, opened by an operator.
struct Directory {
    store: Store,
    /// The CA's name.
    name: String,
    authority: AuthorityRecord,
}

impl Directory {
    fn open(path: &std::path::Path) -> Result<Self, CliError> {
        let absent = || {
            CliError::Absent(format!(
                "{} is not the directory of a software CA; name it with --directory",
                path.display()
            ))
        };
        if !path.join(format!("{}.json", authority::FILE)).is_file() {
            return Err(absent());
        }
        let store = Store::open(path)?;
        let authority: AuthorityRecord = store.read_top(authority::FILE)?.ok_or_else(absent)?;
        Ok(Self { store, name: authority.name.clone(), authority })
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error.to_string().replace(['\n', '\r'], " ");
            // Where even standard error is gone, the exit code has to do.
            let _ = writeln!(io::stderr(), "yinqiao-softca: {line}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), CliError> {
    let directory = || Directory::open(&arguments.directory);
    let (text, json) = match arguments.command {
        Command::Review(command) => command.run(&directory()?)?,
        Command::Status => status::status(&directory()?)?,
        Command::Crl(command) => command.run(&directory()?)?,
        Command::RekeyVault(command) => command.run(&directory()?)?,
        Command::OperatorKey(command) => command.run()?,
    };
    let shown = if arguments.json { format!("{json:#}\n") } else { text };
    let mut out = io::stdout().lock();
    out.write_all(shown.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| CliError::Io("standard output".to_owned(), error))
}

/// What a command prints: as text, and as JSON.
type Shown = (String, Value);
