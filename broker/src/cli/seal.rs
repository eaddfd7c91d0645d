//! `yinqiao seal`

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};

use yinqiao_lifecycle::seal::SealRevocationReason;
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Base64, SealId};

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with seals.
#[derive(Subcommand)]
pub enum Command {
    /// Have a company's seal made, for all its certificates that are good now.
    Add {
        /// Unified social credit code of the company.
        #[arg(long)]
        enterprise_code: String,
        /// Which seal.
        #[arg(long, value_enum, default_value = "official")]
        kind: Kind,
        /// 电子印章名称
        #[arg(long)]
        name: String,
        /// A PNG file.
        #[arg(long)]
        picture: PathBuf,
        /// Width on paper in millimetres.
        #[arg(long, default_value_t = 40)]
        width: u32,
        /// Height on paper in millimetres.
        #[arg(long, default_value_t = 40)]
        height: u32,
        /// Write the SESeal's DER here.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// List seals, also those that their CA has not made yet.
    List,
    /// List the requests for seals that their CA has not made yet.
    Requests,
    /// Withdraw the request for a seal that is not made yet. The CA is told where it can be; a seal that it makes all the same is
    /// revoked and never used.
    Withdraw {
        /// Its id, as `yinqiao seal requests` shows it.
        seal: SealId,
    },
    /// Revoke a seal, for good. Nobody puts it on documents from now on; its CA is told by the broker.
    Revoke {
        /// Its id, as the list shows it.
        seal: SealId,
        /// Why.
        #[arg(long, value_enum)]
        reason: Reason,
    },
    /// Write a seal's DER.
    Export {
        /// Its id, as the list shows it.
        seal: SealId,
        /// A new file for the SESeal's DER.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Which of a company's seals.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// 公章
    Official,
    /// 法人章
    LegalRepresentative,
    /// 法人签字
    Signature,
}

/// Why a seal is revoked.
#[derive(Clone, Copy, ValueEnum)]
pub enum Reason {
    /// It is no longer needed.
    NoLongerUsed,
    /// Somebody used it who should not, or may have.
    Misused,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { enterprise_code, kind, name, picture, width, height, out } => {
            let bytes = std::fs::read(&picture).with_context(|| format!("picture {}", picture.display()))?;
            let kind = match kind {
                Kind::Official => SealKind::Official,
                Kind::LegalRepresentative => SealKind::LegalRepresentative,
                Kind::Signature => SealKind::Signature,
            };
            let picture = Base64(bytes);
            // The file first: a seal that is made and then not written would have to be made again.
            let out = out.map(|path| super::new_file(&path).map(|file| (file, path))).transpose()?;
            let answer = ask(
                config,
                operator::Command::AddSeal {
                    enterprise: enterprise_code,
                    kind,
                    name,
                    picture,
                    width,
                    height,
                },
            )?;
            match (answer.get("der"), out) {
                (Some(der), Some((file, path))) => write(der, file, &path)?,
                (Some(_), None) => {}
                (None, out) => {
                    if let Some((_, path)) = out {
                        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
                    }
                    super::say_error(&format!(
                        "the seal is not made yet ({}): `yinqiao seal list` shows when it is, `yinqiao seal export` writes it",
                        answer["reason"].as_str().unwrap_or_default()
                    ));
                }
            }
            show(&answer, Some("seal"))
        }
        Command::Export { seal, out } => {
            let file = super::new_file(&out)?;
            match ask(config, operator::Command::ExportSeal { seal }) {
                Ok(answer) => write(&answer["der"], file, &out),
                Err(error) => {
                    // The file was made for nothing.
                    let _ = std::fs::remove_file(&out);
                    Err(error)
                }
            }
        }
        Command::List => show(&ask(config, operator::Command::ListSeals {})?, None),
        Command::Requests => show(&ask(config, operator::Command::ListSealRequests {})?, None),
        Command::Revoke { seal, reason } => {
            let reason = match reason {
                Reason::NoLongerUsed => SealRevocationReason::NoLongerUsed,
                Reason::Misused => SealRevocationReason::Misused,
            };
            show(&ask(config, operator::Command::RevokeSeal { seal, reason })?, Some("state"))
        }
        Command::Withdraw { seal } => {
            let answer = ask(config, operator::Command::WithdrawSeal { seal })?;
            if let Some(reason) = answer["reason"].as_str() {
                super::say_error(&format!(
                    "the CA may still make the seal ({reason}): then the broker has it revoked; `yinqiao seal requests` shows \
                     when nothing is left of it"
                ));
            }
            show(&answer, Some("state"))
        }
    }
}

fn write(der: &serde_json::Value, mut file: File, path: &Path) -> anyhow::Result<()> {
    let der: Base64 = serde_json::from_value(der.clone())?;
    file.write_all(der.as_slice()).with_context(|| format!("seal {}", path.display()))
}
