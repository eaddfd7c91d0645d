//! A bidder's phone on the command line.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done; with `--decline` and `--report`: declined |
//! | 1 | a defect, or no randomness |
//! | 2 | wrong use of the command line |
//! | 3 | a file, the key store or the picture |
//! | 4 | the broker cannot be reached |
//! | 5 | the broker refused; its problem's title and detail are on standard error |
//! | 6 | the session ended without a result, or the holder said no |
//! | 7 | refused to sign: what was sent does not fit, or a key does not open an item |
//! | 8 | a PIN is wrong or missing, or it is too soon for another try |
//! | 9 | a PIN is locked |
//! | 10 | not a code, or no certificate, key, seal or open session fits, or several do |
//!
//! Secrets are read from standard input, files or a prompt, never from arguments or the environment. Standard input
//! gives, one a line and in this order: the code or one-time code, the PIN, and the PIN of each older certificate whose
//! keys are needed, which is named on standard error. A wrong PIN is followed by further tries of it.
//!
//! A claim is kept until its session is over: after a crash or a lost network `resume` goes on with it.

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
