//! `yinqiao enrolment`

use clap::{Subcommand, ValueEnum};

use yinqiao_protocol::HolderId;
use yinqiao_protocol::holder::{Enterprise, HolderKind};

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with enrolments.
#[derive(Subcommand)]
pub enum Command {
    /// Prepare a phone's enrolment. Prints the one-time code, which is shown once and stored as a digest only.
    Add {
        /// The person's name.
        #[arg(long)]
        name: String,
        /// Personal user (个人用户) or legal-person user (法人用户).
        #[arg(long, value_enum, default_value = "person")]
        kind: Kind,
        /// Name of the company that the person acts for.
        #[arg(long, requires = "enterprise_code")]
        enterprise: Option<String>,
        /// Its unified social credit code (统一社会信用代码).
        #[arg(long, requires = "enterprise")]
        enterprise_code: Option<String>,
        /// An existing holder, for a further certificate of the same person.
        #[arg(long)]
        holder: Option<HolderId>,
        /// Adapter of the CA that issues. Where none is named, the catalogue's routes say which, and which ones after it.
        #[arg(long)]
        adapter: Option<String>,
        /// What the CA calls the product that is to be issued, or the certificate policy; routes go by it, and the CA is told.
        #[arg(long)]
        product: Option<String>,
        /// Take a signing certificate without an encryption certificate where the CA issues no other. Its holder can sign, and
        /// neither be sent encrypted bids nor open them with it.
        #[arg(long)]
        signing_only: bool,
        /// Days that the certificates will be valid.
        #[arg(long, default_value_t = 365)]
        validity_days: u32,
        /// Hours that the code is good for.
        #[arg(long, default_value_t = 24)]
        code_hours: u32,
        /// Print all of the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What kind of user.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// 个人用户
    Person,
    /// 法人用户
    LegalPerson,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    let Command::Add {
        name,
        kind,
        enterprise,
        enterprise_code,
        holder,
        adapter,
        product,
        signing_only,
        validity_days,
        code_hours,
        json,
    } = command;
    let enterprise = enterprise
        .zip(enterprise_code)
        .map(|(name, unified_social_credit_code)| Enterprise { name, unified_social_credit_code });
    let kind = match kind {
        Kind::Person => HolderKind::Person,
        Kind::LegalPerson => HolderKind::LegalPerson,
    };
    let command = operator::Command::AddEnrolment {
        kind,
        name,
        enterprise,
        holder,
        certificate_authority: adapter,
        product,
        signing_only,
        validity_days,
        code_hours,
    };
    show(&ask(config, command)?, (!json).then_some("code"))
}
