//! `yinqiao adapter`

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with CAs' adapters.
#[derive(Subcommand)]
pub enum Command {
    /// List them with their health.
    List,
    /// Write a CA's certificates and its revocation list as PEM files.
    Export {
        /// Name of the adapter.
        name: String,
        /// File for the certificates, issuing CA first, root last.
        #[arg(long)]
        chain: Option<PathBuf>,
        /// File for the revocation list.
        #[arg(long)]
        crl: Option<PathBuf>,
    },
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => show(&ask(config, operator::Command::ListAdapters {})?, None),
        Command::Export { name, chain, crl } => {
            let answer = ask(config, operator::Command::ExportAuthority { name })?;
            let files = [(&chain, "certificates"), (&crl, "certificate_revocation_list")];
            for (path, member) in files {
                if let Some(path) = path {
                    let text =
                        answer[member].as_str().with_context(|| format!("the CA gives no {member}"))?;
                    std::fs::write(path, text).with_context(|| path.display().to_string())?;
                }
            }
            if chain.is_none() && crl.is_none() { show(&answer, Some("certificates")) } else { Ok(()) }
        }
    }
}
