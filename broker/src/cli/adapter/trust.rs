//! `yinqiao adapter trust`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::send;
use crate::adapter::catalogue::proposal::{Proposal, TrustSettings};
use crate::adapter::catalogue::{AdapterName, Issuers, Source, Unknown};
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its name.
    name: AdapterName,
    #[command(flatten)]
    keys: Keys,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// The keys of `[adapter.trust]`; what is left out stays.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Keys {
    /// A PEM file with further certificates of the CA; can be given several times, all are named anew. `none` for none.
    #[arg(long, value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Where a certificate's status comes from, in this order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SOURCES")]
    sources: Vec<SourceName>,
    /// Whether addresses in certificates are asked too.
    #[arg(long, value_name = "BOOL")]
    fetch_by_url: Option<bool>,
    /// What happens to a certificate without fresh status.
    #[arg(long, value_enum)]
    unknown: Option<UnknownName>,
    /// Which CA certificates between the holder's and the root that holds for too.
    #[arg(long, value_enum)]
    issuers: Option<IssuersName>,
    /// How long an OCSP answer is used at most.
    #[arg(long, value_name = "SECONDS")]
    ocsp_seconds: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SourceName {
    Crl,
    Ocsp,
}

#[derive(Clone, Copy, ValueEnum)]
enum UnknownName {
    /// It answers sessions, and the result says that the status is unknown.
    Accept,
    /// It answers no session.
    #[value(alias = "reject")]
    Refuse,
}

#[derive(Clone, Copy, ValueEnum)]
enum IssuersName {
    /// Those whose status is published where the broker can look.
    Published,
    /// All of them, as RFC 5280 section 6.3 has it.
    All,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let keys = arguments.keys;
    let settings = TrustSettings {
        anchors: anchors(&keys.anchors)?,
        sources: Some(keys.sources).filter(|sources| !sources.is_empty()).map(|sources| {
            let source = |name: &SourceName| match name {
                SourceName::Crl => Source::Crl,
                SourceName::Ocsp => Source::Ocsp,
            };
            sources.iter().map(source).collect()
        }),
        fetch_by_url: keys.fetch_by_url,
        unknown: keys.unknown.map(|unknown| match unknown {
            UnknownName::Accept => Unknown::Accept,
            UnknownName::Refuse => Unknown::Refuse,
        }),
        issuers: keys.issuers.map(|issuers| match issuers {
            IssuersName::Published => Issuers::Published,
            IssuersName::All => Issuers::All,
        }),
        ocsp_seconds: keys.ocsp_seconds,
    };
    send::propose(config, Proposal::Trust { name: arguments.name, settings }, arguments.json)
}

fn anchors(files: &[PathBuf]) -> anyhow::Result<Option<Vec<PathBuf>>> {
    match files {
        [] => Ok(None),
        [none] if none.as_os_str() == "none" => Ok(Some(Vec::new())),
        files => files.iter().map(|file| send::absolute(file)).collect::<Result<_, _>>().map(Some),
    }
}
