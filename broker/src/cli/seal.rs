//! `yinqiao seal`

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};

use yinqiao_protocol::Base64;
use yinqiao_protocol::task::SealKind;

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
    /// List seals.
    List,
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
            if let Some((mut file, path)) = out {
                let der: Base64 = serde_json::from_value(answer["der"].clone())?;
                file.write_all(der.as_slice()).with_context(|| format!("seal {}", path.display()))?;
            }
            show(&answer, Some("seal"))
        }
        Command::List => show(&ask(config, operator::Command::ListSeals {})?, None),
    }
}
