//! `yinqiao-bid-tool seal`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use yinqiao_bid_tool::document::{documents, make_folder, results, write_new};
use yinqiao_protocol::holder::Claimant;
use yinqiao_protocol::task::{Document, SealKind, SealPlacement, Task};

use super::CliError;
use super::code_display::{CodeDisplay, replace};
use super::context::{Connection, Course, Terms};

/// Have a seal put on files: NAME.ses. The items follow when the holder and the seal are known, as they must where the
/// seal's picture becomes part of what is sealed.
#[derive(Args, Debug)]
pub struct Seal {
    /// What is sealed (for OFD, each document's Signature.xml).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which of the enterprise's seals.
    #[arg(long, value_enum)]
    seal_kind: Kind,
    /// `propertyInfo` of GB/T 38540, ASCII: for OFD the path of Signature.xml in the document. Default: the item's id.
    #[arg(long, value_name = "TEXT")]
    property_info: Option<String>,
    /// Where the seal (seal.der) and the seal signatures go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// 公章
    Official,
    /// 法人章
    LegalRepresentative,
    /// 法人签字
    Signature,
}

impl Seal {
    pub fn run(self) -> Result<ExitCode, CliError> {
        let documents = documents(&self.files)?;
        let names: Vec<_> = documents.iter().map(|document| document.name.clone()).collect();
        let paths = results(&self.out, &names, ".ses")?;
        let seal_kind = match self.seal_kind {
            Kind::Official => SealKind::Official,
            Kind::LegalRepresentative => SealKind::LegalRepresentative,
            Kind::Signature => SealKind::Signature,
        };
        // What the broker would refuse only when somebody has scanned.
        let items = documents.iter().map(|document| self.placement(document)).collect();
        let task = Task::Seal { seal_kind, items };
        task.validate(false).map_err(|error| CliError::Input(error.to_string()))?;
        let (client, trust) = self.connection.open()?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let request = self.terms.request(Task::Seal { seal_kind, items: Vec::new() }, true);
        let answered = course.run_with_items(&request, |claimant| {
            self.take_seal(claimant)?;
            Ok(task.clone())
        })?;
        for (path, item) in paths.iter().zip(&answered.outcome.items) {
            write_new(path, item.value.as_slice())?;
            course.say(&json!({ "seal_signature": path }), || path.display().to_string())?;
        }
        answered.keep(Some(&self.out))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The chosen seal: its picture would be drawn into the document here, before that is digested.
    fn take_seal(&self, claimant: &Claimant) -> Result<(), CliError> {
        let missing = || CliError::Content("the broker did not say which seal was chosen".into());
        let seal = claimant.seal.as_ref().ok_or_else(missing)?;
        make_folder(&self.out)?;
        Ok(replace(&self.out.join("seal.der"), seal.as_slice())?)
    }

    fn placement(&self, document: &Document) -> SealPlacement {
        SealPlacement {
            id: document.id.clone(),
            name: document.name.clone(),
            size: document.size,
            sm3: document.sm3,
            property_info: self.property_info.clone().unwrap_or_else(|| document.id.to_string()),
            position: None,
        }
    }
}
