//! `operator-key`: an operator's own key.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::sm2;

use super::input::{PassphraseInput, write_new};
use super::{CliError, Shown};
use crate::authority::own;

#[derive(Args, Debug)]
pub(super) struct OperatorKeyCommand {
    /// Where the key goes, as an encrypted PKCS#8 PEM; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseInput,
}

impl OperatorKeyCommand {
    pub(super) fn run(self) -> Result<Shown, CliError> {
        let passphrase = self.passphrase.new_passphrase()?;
        let key = sm2::PrivateKey::generate().map_err(own)?;
        let public_key = String::from(Der(key.public_key().to_spki_der().map_err(own)?));
        let pem = key.to_encrypted_pkcs8_pem(passphrase.as_bytes()).map_err(own)?;
        write_new(&self.output, pem.as_bytes())?;
        Ok((format!("{public_key}\n"), json!({"public_key": public_key})))
    }
}
