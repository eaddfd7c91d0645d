//! The command line: `yinqiao serve`, and what operators do beside it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::adapter::plugin::WORKER_SUBCOMMAND;
use crate::config::Config;
use adapter::check::PROBE_SUBCOMMAND;

mod adapter;
mod certificate;
mod enrolment;
mod operator;
mod relying_party;
mod request;
mod seal;
mod serve;
mod staff;

/// 印桥 Yinqiao: QR signing-session broker for electronic bidding.
#[derive(Parser)]
#[command(name = "yinqiao", version, about, long_about = None)]
struct Arguments {
    /// Settings, a TOML file; `yinqiao config show` prints them all.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept; takes the place of the file's `data_directory`.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker.
    Serve(serve::Arguments),
    /// Bid systems and their API keys.
    #[command(subcommand)]
    Rp(relying_party::Command),
    /// One-time codes with which phones get their certificates.
    #[command(subcommand)]
    Enrolment(enrolment::Command),
    /// Certificate pairs.
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// Electronic seals.
    #[command(subcommand)]
    Seal(seal::Command),
    /// Keys that operators consent with.
    #[command(subcommand)]
    Operator(operator::Command),
    /// The trading centre's staff: operators, auditors, security officers.
    #[command(subcommand)]
    Staff(staff::Command),
    /// CAs' adapters.
    #[command(subcommand)]
    Adapter(adapter::Command),
    /// Settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Whether the broker runs.
    Status,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print all settings as they are in force.
    Show,
}

/// Runs the command of this process and gives its exit code: 0 done, 1 not done, 2 wrong arguments.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == WORKER_SUBCOMMAND) {
        return yinqiao_ca_worker::worker::main();
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == PROBE_SUBCOMMAND) {
        return yinqiao_ca_worker::probe::main();
    }
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&format!("yinqiao: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let command = match arguments.command {
        // It needs nothing of a broker, and its --config is the plugin's.
        Command::Adapter(adapter::Command::Check(check)) => {
            return adapter::check::run(check, arguments.config.as_deref());
        }
        command => command,
    };
    let mut config = Config::load(arguments.config.as_deref())?;
    if let Some(directory) = arguments.data_dir {
        config.data_directory = directory;
    }
    match command {
        Command::Serve(serve) => serve::run(config, serve),
        Command::Rp(command) => relying_party::run(config, command),
        Command::Enrolment(command) => enrolment::run(config, command),
        Command::Certificate(command) => certificate::run(config, command),
        Command::Seal(command) => seal::run(config, command),
        Command::Staff(command) => staff::run(config, command),
        Command::Operator(command) => operator::run(command),
        Command::Adapter(command) => adapter::run(config, command),
        Command::Config(ConfigCommand::Show) => {
            say(&toml::to_string_pretty(&config.complete()?)?);
            Ok(())
        }
        Command::Status => {
            let answer = request::ask_running(config, &crate::operator::Command::Status {})?;
            say(&serde_json::to_string_pretty(&answer)?);
            Ok(())
        }
    }
}

/// Makes a file for a result, and never over another one.
///
/// # Errors
/// When it exists or cannot be made.
fn new_file(path: &Path) -> anyhow::Result<File> {
    File::create_new(path)
        .with_context(|| format!("{}: choose a new file in an existing folder", path.display()))
}

/// Writes a line to standard output, where a command's result belongs.
#[expect(clippy::print_stdout, reason = "the command line's result")]
fn say(text: &str) {
    println!("{}", text.trim_end());
}

/// Writes a line to standard error.
#[expect(clippy::print_stderr, reason = "the command line's error")]
fn say_error(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_option_of_any_command_contradicts_another() {
        Arguments::command().debug_assert();
    }
}
