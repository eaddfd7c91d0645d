//! `yinqiao-bid-tool open`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::CliError;
use super::code_display::CodeDisplay;
use super::context::{Connection, Course, Terms};
use super::decryption::{Decryption, read};

/// Open encrypted files of one holder. A file appears only when it is the one that its holder encrypted.
#[derive(Args, Debug)]
pub struct Open {
    /// Encrypted files, each with NAME.p7e.json beside it.
    #[arg(required = true, value_name = "FILE.p7e")]
    files: Vec<PathBuf>,
    /// Where the opened files go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
}

impl Open {
    pub fn run(self) -> Result<ExitCode, CliError> {
        let (client, trust) = self.connection.open()?;
        let decryption = Decryption::new(read(&self.files, &self.out, &trust)?)?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let answered = course.run(&self.terms.request(decryption.task()?, false))?;
        decryption.open(&answered.outcome)?;
        for (_, target) in &decryption.files {
            course.say(&json!({ "opened_file": target }), || target.display().to_string())?;
        }
        answered.keep(Some(&self.out))?;
        Ok(ExitCode::SUCCESS)
    }
}
