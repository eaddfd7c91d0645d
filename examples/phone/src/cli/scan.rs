//! `yinqiao-phone scan`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use yinqiao_phone::session::seal_choice;
use yinqiao_phone::{ClaimOptions, Phone, PhoneError, picture};
use yinqiao_protocol::SealId;

use super::attend::{Consent, tell_of_kept_claims};
use super::{CliError, input};

/// Answer the session of a code.
#[derive(Args, Debug)]
pub struct Scan {
    /// The code's text, or a PNG picture of it (a path that ends in .png).
    #[arg(value_name = "TEXT-OR-PICTURE", required_unless_present_any = ["text_stdin", "picture"])]
    code: Option<String>,
    /// Read the code's text from a line of standard input.
    #[arg(long, conflicts_with_all = ["code", "picture"])]
    text_stdin: bool,
    /// A PNG picture of the code.
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    picture: Option<PathBuf>,
    /// Serial number of the signing certificate, where several fit.
    #[arg(long, value_name = "SERIAL")]
    certificate: Option<String>,
    /// Which seal, where several fit.
    #[arg(long, value_name = "ID")]
    seal: Option<SealId>,
    /// Reach the broker at this address instead of the one in the code.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Scan {
    pub fn run(self, phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
        self.consent.check()?;
        let code = self.code_text()?;
        let options = ClaimOptions {
            certificate: self.certificate.clone(),
            seal: self.seal,
            broker: self.broker.clone(),
        };
        let session = phone.claim(&code, &options).inspect_err(|error| {
            tell_seals(error);
            tell_of_kept_claims(phone);
        })?;
        self.consent.attend(phone, session, json)
    }

    fn code_text(&self) -> Result<Zeroizing<String>, CliError> {
        let from_picture = |path: &std::path::Path| -> Result<_, CliError> {
            Ok(Zeroizing::new(picture::text_of_png(path).map_err(PhoneError::from)?))
        };
        match (&self.picture, &self.code) {
            (Some(path), _) => from_picture(path),
            (None, Some(code)) if code.to_ascii_lowercase().ends_with(".png") => from_picture(code.as_ref()),
            (None, Some(code)) => Ok(Zeroizing::new(code.trim().to_owned())),
            (None, None) => input::line_of_stdin("code"),
        }
    }
}

/// Where the broker asks for a choice among seals, the seals.
fn tell_seals(error: &PhoneError) {
    if let Some(seals) = seal_choice(error) {
        eprintln!("Several seals fit. Scan again with --seal and one of these:");
        for seal in seals {
            eprintln!("  {}  {}", seal.id, seal.name);
        }
    }
}
