//! `review approve` and `review reject`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use yinqiao_gm::{sm2, sm3};
use yinqiao_protocol::consent::{Consent, OperatorName};

use super::input::{PassphraseInput, now_ms};
use super::review::Reviewed;
use super::{CliError, Directory, Shown};
use crate::authority::own;
use crate::record::DecisionRecord;
use crate::review::{decision_name, rejection_text};
use crate::store::Folder;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

#[derive(Args, Debug)]
pub(super) struct Approve {
    /// The token, or its beginning where only one has it.
    token: String,
    #[command(flatten)]
    signer: Signer,
}

#[derive(Args, Debug)]
pub(super) struct Reject {
    /// The token, or its beginning where only one has it.
    token: String,
    /// Why, for who asked; 1 to 200 characters.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    signer: Signer,
}

/// Who decides.
#[derive(Args, Debug)]
struct Signer {
    /// The operator's name, as in the configuration.
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// The operator's key: an encrypted PKCS#8 PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseInput,
}

impl Approve {
    pub(super) fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        self.signer.decide(directory, &self.token, None)
    }
}

impl Reject {
    pub(super) fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        let reason = self.reason.trim();
        if !(1..=LONGEST_REASON).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
            let text = format!("a reason has 1 to {LONGEST_REASON} characters and no control characters");
            return Err(CliError::Input(text));
        }
        self.signer.decide(directory, &self.token, Some(reason))
    }
}

impl Signer {
    fn decide(&self, directory: &Directory, token: &str, reason: Option<&str>) -> Result<Shown, CliError> {
        let name = OperatorName::try_from(self.operator.clone())
            .map_err(|error| CliError::Input(error.to_string()))?;
        let reviewed = Reviewed::find(directory, token)?;
        check(&reviewed, &name, reason.is_some())?;
        if self.passphrase.is_typed() {
            // What is about to be signed, before the passphrase is typed.
            io::stderr()
                .write_all(reviewed.to_text().as_bytes())
                .map_err(|error| CliError::Io("standard error".to_owned(), error))?;
        }
        let key = self.passphrase.key(&self.key)?;
        check_key(&reviewed, &name, &key)?;

        let digest = sm3::Digest::parse_hex(&reviewed.token).map_err(own)?;
        let _lock = directory.store.lock_key(&digest)?;
        // It may have been decided meanwhile, and who can write files may have exchanged it after it was shown.
        let present = Reviewed::find(directory, &reviewed.token)?;
        check(&present, &name, reason.is_some())?;
        if present.matter.text != reviewed.matter.text {
            return Err(CliError::Decided("it was changed after it was shown; look at it again".to_owned()));
        }
        let text = match reason {
            Some(reason) => &rejection_text(&reviewed.matter.text, reason),
            None => &reviewed.matter.text,
        };
        let consent = Consent::sign(text, name.clone(), &key).map_err(own)?;
        let decision = DecisionRecord { consent, rejection: reason.map(str::to_owned), at_ms: now_ms() };
        directory.store.replace(Folder::Decisions, &decision_name(&reviewed.token, &name), &decision)?;
        let decided = Reviewed::find(directory, &reviewed.token)?;
        Ok((decided.to_text(), decided.to_json()))
    }
}

/// Whether this operator may decide it now.
fn check(reviewed: &Reviewed, name: &OperatorName, refuses: bool) -> Result<(), CliError> {
    if !reviewed.state.is_open() {
        return Err(CliError::Decided("it is decided already, or too late; see `review show`".to_owned()));
    }
    if !reviewed.roster.operators.iter().any(|operator| operator.name == *name) {
        return Err(CliError::NotEntitled(format!(
            "no operator is called \"{name}\" in the configuration that the plugin was last opened with"
        )));
    }
    if !refuses && reviewed.matter.involves(&reviewed.roster.operators, name) {
        return Err(CliError::NotEntitled(format!(
            "it is about \"{name}\", whose own consent does not count; another operator must decide"
        )));
    }
    Ok(())
}

fn check_key(reviewed: &Reviewed, name: &OperatorName, key: &sm2::PrivateKey) -> Result<(), CliError> {
    let public_key = key.public_key().to_spki_der().map_err(own)?;
    let fits = |operator: &&yinqiao_protocol::consent::OperatorKey| {
        operator.name == *name && operator.public_key.as_slice() == public_key
    };
    match reviewed.roster.operators.iter().find(fits) {
        Some(_) => Ok(()),
        None => Err(CliError::Key(format!("the key is not that of the operator \"{name}\""))),
    }
}
