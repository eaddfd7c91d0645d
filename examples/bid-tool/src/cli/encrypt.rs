//! `yinqiao-bid-tool encrypt`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use yinqiao_bid_tool::document::{documents, results};
use yinqiao_bid_tool::envelope::{consent_path, encrypt};
use yinqiao_bid_tool::{VerifyError, clock};
use yinqiao_gm::x509::Certificate;
use yinqiao_protocol::Task;

use super::CliError;
use super::code_display::CodeDisplay;
use super::context::{Answered, Connection, Course, Terms};

/// Encrypt files for a holder who consents: NAME.p7e and NAME.p7e.json.
#[derive(Args, Debug)]
pub struct Encrypt {
    /// What is encrypted, of any size.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the encrypted files go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
}

impl Encrypt {
    pub fn run(self) -> Result<ExitCode, CliError> {
        let items = documents(&self.files)?;
        let names: Vec<_> = items.iter().map(|item| item.name.clone()).collect();
        let paths = results(&self.out, &names, ".p7e")?;
        results(&self.out, &names, ".p7e.json")?;
        let (client, trust) = self.connection.open()?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let answered = course.run(&self.terms.request(Task::Encrypt { items: items.clone() }, false))?;
        let recipient = valid_now(&answered)?;
        for ((source, target), document) in self.files.iter().zip(&paths).zip(&items) {
            encrypt(source, target, document, recipient, &answered.outcome)?;
            let json = json!({ "encrypted": target, "consent": consent_path(target) });
            course.say(&json, || target.display().to_string())?;
        }
        answered.keep(None)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The encryption certificate, which must be good at the moment that it is used, not only at the statement's.
fn valid_now(answered: &Answered) -> Result<&Certificate, CliError> {
    let what = "valid encryption certificate";
    let certificate = answered.verified.encryption_certificate.as_ref();
    let certificate = certificate.filter(|certificate| certificate.is_valid_at(clock::now().seconds()));
    certificate.ok_or_else(|| VerifyError::Missing(what).into())
}
