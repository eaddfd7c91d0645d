//! `yinqiao-bid-tool unseal`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use yinqiao_bid_tool::document::{FileError, item_id, make_folder, shown_name};
use yinqiao_gm::seal::SesSignature;
use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::task::{SealedDocument, Task};

use super::CliError;
use super::code_display::CodeDisplay;
use super::context::{Connection, Course, Terms};

/// Have seals withdrawn: the result, with the holder's signed statement, is the withdrawal.
#[derive(Args, Debug)]
pub struct Unseal {
    /// Seal signatures that are withdrawn.
    #[arg(required = true, value_name = "FILE.ses")]
    files: Vec<PathBuf>,
    /// Where the withdrawal goes, as SESSION.outcome.json.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
}

impl Unseal {
    pub fn run(self) -> Result<ExitCode, CliError> {
        make_folder(&self.out)?;
        let mut items = Vec::with_capacity(self.files.len());
        for (number, path) in (1..).zip(&self.files) {
            let der = fs::read(path).map_err(FileError::io(path))?;
            let signature = SesSignature::from_der(&der)
                .map_err(|error| CliError::Content(format!("{}: {error}", path.display())))?;
            items.push(SealedDocument {
                id: item_id(number).map_err(FileError::from)?,
                name: shown_name(path)?,
                sm3: Sm3Hex(*signature.data_hash()),
                seal_signature_sm3: Sm3Hex::of(&der),
            });
        }
        let (client, trust) = self.connection.open()?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let answered = course.run(&self.terms.request(Task::Unseal { items }, false))?;
        let withdrawn = self.out.join(format!("{}.outcome.json", answered.session()));
        course.say(&json!({ "withdrawal": withdrawn }), || withdrawn.display().to_string())?;
        answered.keep(Some(&self.out))?;
        Ok(ExitCode::SUCCESS)
    }
}
