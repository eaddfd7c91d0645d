//! `yinqiao-phone enrol`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use yinqiao_phone::Phone;

use super::{CliError, PinInput, certificates, input};

/// Get a certificate pair for a one-time code from the operator.
#[derive(Args, Debug)]
pub struct Enrol {
    /// The broker's address as its codes name it, like https://broker.example.
    #[arg(long, value_name = "URL")]
    broker: String,
    /// Read the one-time code from a line of standard input.
    #[arg(long, conflicts_with = "code_file")]
    code_stdin: bool,
    /// Read the one-time code from a file. Without either it is asked for.
    #[arg(value_name = "CODE-FILE")]
    code_file: Option<PathBuf>,
    #[command(flatten)]
    pin: PinInput,
}

impl Enrol {
    pub fn run(self, phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
        let code = match &self.code_file {
            Some(path) => input::text_of_file(path)?,
            None if self.code_stdin => input::line_of_stdin("one-time code")?,
            None => input::typed("One-time code: ")?,
        };
        let code = input::token(&code)?;
        let pin = self.pin.new_pin()?;
        let issued = phone.enrol(&self.broker, &code, &pin)?;
        certificates::print(&issued, json)?;
        Ok(ExitCode::SUCCESS)
    }
}
