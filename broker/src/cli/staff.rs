//! `yinqiao staff`: who of the trading centre may do what over HTTP.

use clap::{Subcommand, ValueEnum};

use yinqiao_protocol::OperatorId;
use yinqiao_protocol::staff::{NewStaff, StaffRole};

use super::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// What can be done with staff.
#[derive(Subcommand)]
pub enum Command {
    /// Add somebody. Prints the token, once.
    Add {
        /// The name.
        name: String,
        /// What they may do; the powers are separate.
        #[arg(long, value_enum)]
        role: Role,
    },
    /// List the staff.
    List,
    /// Disable somebody: the token opens nothing any more.
    Disable {
        /// The id, as the list shows it.
        operator: OperatorId,
    },
    /// Give somebody a new token; the old one opens nothing any more.
    Token {
        /// The id, as the list shows it.
        operator: OperatorId,
    },
}

/// The three separate powers.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Runs the business: orders, payments, removals.
    Operator,
    /// Reads everything that was done, changes nothing.
    Auditor,
    /// Staff, and consents to the recovery of keys.
    SecurityOfficer,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { name, role } => {
            let role = match role {
                Role::Operator => StaffRole::Operator,
                Role::Auditor => StaffRole::Auditor,
                Role::SecurityOfficer => StaffRole::SecurityOfficer,
            };
            let answer = ask(config, operator::Command::AddStaff { new: NewStaff { name, role } })?;
            show(&answer, Some("token"))
        }
        Command::List => show(&ask(config, operator::Command::ListStaff {})?, None),
        Command::Disable { operator: id } => {
            show(&ask(config, operator::Command::DisableStaff { id })?, Some("operator"))
        }
        Command::Token { operator: id } => {
            show(&ask(config, operator::Command::RenewStaffToken { id })?, Some("token"))
        }
    }
}
