//! `yinqiao adapter export`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::cli::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Name of the adapter.
    name: String,
    /// File for the certificates, issuing CA first, root last.
    #[arg(long)]
    chain: Option<PathBuf>,
    /// File for the revocation list.
    #[arg(long)]
    crl: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let answer = ask(config, operator::Command::ExportAuthority { name: arguments.name.clone() })?;
    let files = [(&arguments.chain, "certificates"), (&arguments.crl, "certificate_revocation_list")];
    for (path, member) in files {
        if let Some(path) = path {
            let text = answer[member].as_str().with_context(|| format!("the CA gives no {member}"))?;
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
    }
    if arguments.chain.is_none() && arguments.crl.is_none() {
        show(&answer, Some("certificates"))
    } else {
        Ok(())
    }
}
