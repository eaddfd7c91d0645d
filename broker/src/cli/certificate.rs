//! `yinqiao certificate`

use clap::{Subcommand, ValueEnum};

use yinqiao_lifecycle::certificate::RevocationReason;

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with certificate pairs.
#[derive(Subcommand)]
pub enum Command {
    /// List them.
    List,
    /// Revoke a pair. The broker blocks it at once; repeat the command where the CA could not be reached.
    Revoke {
        /// SM3 of the signing certificate's DER, as the list shows it.
        sm3: String,
        /// Why.
        #[arg(long, value_enum, default_value = "unspecified")]
        reason: Reason,
    },
    /// List what CAs have issued and the broker has refused, as long as something is left of it: certificates that their CA is
    /// still to revoke, and those that only people can tell about, since they may be a stranger's.
    Refused,
    /// Say that what is left of a refused pair is dealt with: you have asked the CA, and had revoked what had to be.
    Settle {
        /// The key of its issue, as `yinqiao certificate refused` shows it.
        key: String,
    },
}

/// RFC 5280 section 5.3.1.
#[derive(Clone, Copy, ValueEnum)]
pub enum Reason {
    /// No reason is given.
    Unspecified,
    /// The key may be in other hands.
    KeyCompromise,
    /// The holder left the company.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => show(&ask(config, operator::Command::ListCertificates {})?, None),
        Command::Revoke { sm3, reason } => {
            let sm3 = serde_json::from_value(sm3.into())?;
            let reason = match reason {
                Reason::Unspecified => RevocationReason::Unspecified,
                Reason::KeyCompromise => RevocationReason::KeyCompromise,
                Reason::AffiliationChanged => RevocationReason::AffiliationChanged,
                Reason::Superseded => RevocationReason::Superseded,
                Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
            };
            show(&ask(config, operator::Command::RevokeCertificate { sm3, reason })?, None)
        }
        Command::Refused => show(&ask(config, operator::Command::ListRefusedPairs {})?, None),
        Command::Settle { key } => show(&ask(config, operator::Command::SettleRefusedPair { key })?, None),
    }
}
