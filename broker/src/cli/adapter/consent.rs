//! `yinqiao adapter consent`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use yinqiao_protocol::consent::{Consent, OperatorName};

use super::{send, show};
use crate::adapter::catalogue::Site;
use crate::adapter::catalogue::changes::ChangeFolder;
use crate::cli::operator::Passphrase;
use crate::cli::say_error;
use crate::clock;
use crate::config::Config;
use crate::operator::adapter::Request;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its id, or the beginning of it.
    change: String,
    /// Who consents, as the policy names them.
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// Their encrypted key, as `yinqiao operator key new` made it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let config = config.complete()?;
    let operator = OperatorName::try_from(arguments.operator)?;
    let record = ChangeFolder::of(&Site::of(&config)).find(&arguments.change)?;
    record.check_open(clock::now())?;
    // What is signed is shown, before the passphrase is asked for.
    say_error(&show::describe(&record)?);
    let key = arguments.passphrase.open(&arguments.key)?;
    let consent = Consent::sign(&record.change.text()?, operator, &key).context("signing the consent")?;
    let change = record.change.id.to_string();
    send::show(&send::send(config, Request::Consent { change, consent })?, arguments.json)
}
