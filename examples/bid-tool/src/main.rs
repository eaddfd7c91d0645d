//! A small bid system on the command line.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | a defect, or no randomness |
//! | 2 | wrong use of the command line |
//! | 3 | a file |
//! | 4 | the broker cannot be reached |
//! | 5 | the broker refused; its problem's title and detail are on standard error |
//! | 6 | a session ended without a result; in `opening`: at least one did |
//! | 7 | a result, a file or an encrypted document does not verify |
//! | 130 | interrupted (SIGINT, SIGTERM, SIGHUP) |
//!
//! A command that fails or is interrupted cancels the session or opening that it has opened, and removes its codes.
//!
//! The API key is read from `--api-key-file` or, without it, from a line of standard input, never from arguments or the
//! environment.

// A command line prints: that is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.line());
            ExitCode::from(error.exit_code())
        }
    }
}
