//! `rekey-vault`: another master key.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::input::secret_of_file;
use super::{CliError, Directory, Shown};
use crate::rekeying::{Rekeyed, rekey};
use crate::vault::Vault;

#[derive(Args, Debug)]
pub(super) struct RekeyVault {
    /// A file with the present master key, octet by octet as the host holds it.
    #[arg(long, value_name = "FILE")]
    old_key_file: PathBuf,
    /// A file with the new one, at least 16 octets. Give it to the plugin when the command is done.
    #[arg(long, value_name = "FILE")]
    new_key_file: PathBuf,
}

impl RekeyVault {
    pub(super) fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        let vault = |path| {
            let key = secret_of_file(path)?;
            Vault::new(key).map_err(|error| CliError::Key(format!("{}: {}", path.display(), error.text)))
        };
        let (old, new) = (vault(&self.old_key_file)?, vault(&self.new_key_file)?);
        let Rekeyed { encrypted_anew, found_done } = rekey(&directory.store, &old, &new)?;
        let text = format!(
            "{encrypted_anew} keys encrypted anew, {found_done} were so already; give the plugin the new master key\n"
        );
        Ok((text, json!({"encrypted_anew": encrypted_anew, "found_done": found_done})))
    }
}
