//! Arguments and commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod code_display;
mod context;
mod decryption;
mod encrypt;
mod error;
mod interrupt;
mod login;
mod open;
mod opening;
mod seal;
mod sign;
mod unseal;

pub use error::CliError;

/// A small bid system: opens sessions, shows their codes, verifies and stores what comes back.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find out who somebody is.
    Login(login::Login),
    /// Have files signed: NAME.p7s.
    Sign(sign::Sign),
    /// Have a seal put on files: NAME.ses.
    Seal(seal::Seal),
    /// Have seals withdrawn from what they were put on.
    Unseal(unseal::Unseal),
    /// Encrypt files for a holder who consents: NAME.p7e and NAME.p7e.json.
    Encrypt(encrypt::Encrypt),
    /// Open encrypted files of one holder.
    Open(open::Open),
    /// Open the encrypted files of many bidders, each by its own phone, in one bid opening.
    Opening(opening::Opening),
}

/// Runs a command.
///
/// # Errors
/// See [`CliError`].
pub fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Login(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Seal(command) => command.run(),
        Command::Unseal(command) => command.run(),
        Command::Encrypt(command) => command.run(),
        Command::Open(command) => command.run(),
        Command::Opening(command) => command.run(),
    }
}
