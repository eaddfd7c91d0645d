//! `crl`: the revocation lists as files.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::input::replace;
use super::review::time;
use super::{CliError, Directory, Shown};
use crate::record::CrlRecord;
use crate::revocation_list;

#[derive(Args, Debug)]
pub(super) struct Export {
    /// Where the complete list goes, in DER; a file that is there is replaced whole.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Where the delta list goes.
    #[arg(long, value_name = "FILE")]
    delta: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        let absent = |what: &str| CliError::Absent(format!("the plugin has made no {what} yet"));
        let record: Option<CrlRecord> = directory.store.read_top(revocation_list::FILE)?;
        let record = record.ok_or_else(|| absent("revocation list"))?;
        if let Some(path) = &self.delta {
            let delta = record.delta.as_ref().ok_or_else(|| absent("delta list (see delta_crl_hours)"))?;
            replace(path, delta.crl.as_bytes())?;
        }
        replace(&self.output, record.crl.as_bytes())?;
        let next_update = time(record.next_update_ms);
        let text = format!("number {}, next update {next_update}\n", record.number);
        Ok((text, json!({"number": record.number, "next_update": next_update})))
    }
}
