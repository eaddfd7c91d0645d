//! `yinqiao-bid-tool sign`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use yinqiao_bid_tool::document::{documents, results, write_new};
use yinqiao_protocol::task::{MessageArc, Task};

use super::CliError;
use super::code_display::CodeDisplay;
use super::context::{Connection, Course, Terms};

/// Have files signed: NAME.p7s.
#[derive(Args, Debug)]
pub struct Sign {
    /// What is signed.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the signatures go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Object identifiers of the messages.
    #[arg(long, value_enum, default_value_t = Arc::Rfc5652)]
    arc: Arc,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Arc {
    Rfc5652,
    Gmt0010,
}

impl Sign {
    pub fn run(self) -> Result<ExitCode, CliError> {
        let items = documents(&self.files)?;
        let names: Vec<_> = items.iter().map(|item| item.name.clone()).collect();
        let paths = results(&self.out, &names, ".p7s")?;
        let arc = match self.arc {
            Arc::Rfc5652 => MessageArc::Rfc5652,
            Arc::Gmt0010 => MessageArc::Gmt0010,
        };
        let (client, trust) = self.connection.open()?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let answered = course.run(&self.terms.request(Task::Sign { arc, items }, false))?;
        for (path, item) in paths.iter().zip(&answered.outcome.items) {
            write_new(path, item.value.as_slice())?;
            course.say(&json!({ "signature": path }), || path.display().to_string())?;
        }
        answered.keep(Some(&self.out))?;
        Ok(ExitCode::SUCCESS)
    }
}
