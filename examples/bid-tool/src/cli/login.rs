//! `yinqiao-bid-tool login`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use yinqiao_bid_tool::document::make_folder;
use yinqiao_protocol::Task;

use super::CliError;
use super::code_display::CodeDisplay;
use super::context::{Connection, Course, Terms};

/// Find out who somebody is.
#[derive(Args, Debug)]
pub struct Login {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    codes: CodeDisplay,
    /// Keep the result in this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Login {
    pub fn run(self) -> Result<ExitCode, CliError> {
        if let Some(folder) = &self.out {
            make_folder(folder)?;
        }
        let (client, trust) = self.connection.open()?;
        let course =
            Course { client: &client, trust: &trust, codes: &self.codes, json: self.connection.json };
        let answered = course.run(&self.terms.request(Task::Login {}, false))?;
        let holder = &answered.verified.statement.holder;
        let serial = answered.verified.certificate.serial().to_string();
        course.say(&json!({ "holder": holder, "certificate_serial": serial }), || {
            let enterprise = holder.enterprise.as_ref();
            let enterprise =
                enterprise.map(|one| format!(", {} ({})", one.name, one.unified_social_credit_code));
            format!("{}{}   certificate {serial}", holder.name, enterprise.unwrap_or_default())
        })?;
        answered.keep(self.out.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}
