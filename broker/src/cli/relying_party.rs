//! `yinqiao rp`

use clap::Subcommand;

use yinqiao_protocol::RelyingPartyId;
use yinqiao_protocol::statement::RelyingPartyName;

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with bid systems.
#[derive(Subcommand)]
pub enum Command {
    /// Register a bid system. Prints its API key, which is shown once and stored as a digest only.
    Add {
        /// 1 to 32 characters of a-z, 0-9 and '-'.
        id: RelyingPartyId,
        /// What holders read.
        #[arg(long)]
        name: String,
        /// Its domain, which the operator has verified.
        #[arg(long)]
        domain: String,
        /// Print all of the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a further API key. Prints it once.
    Key {
        /// For whom.
        id: RelyingPartyId,
        /// Void all others from now on.
        #[arg(long)]
        revoke_others: bool,
    },
    /// List bid systems.
    List,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { id, name, domain, json } => {
            let name = RelyingPartyName { id, name, domain };
            let answer = ask(config, operator::Command::AddRelyingParty { name })?;
            show(&answer, (!json).then_some("api_key"))
        }
        Command::Key { id, revoke_others } => {
            show(&ask(config, operator::Command::NewApiKey { id, revoke_others })?, Some("api_key"))
        }
        Command::List => show(&ask(config, operator::Command::ListRelyingParties {})?, None),
    }
}
