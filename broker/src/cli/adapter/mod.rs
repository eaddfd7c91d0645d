//! `yinqiao adapter`

use clap::Subcommand;

use crate::config::Config;

mod changes;
pub mod check;
mod configure;
mod consent;
mod describe;
mod disable;
mod enable;
mod export;
mod install;
mod list;
mod operations;
mod pin;
mod policy;
mod preflight;
mod reject;
mod remove;
mod rollback;
mod route;
mod send;
mod settings;
mod settle;
mod show;
mod stats;
mod table;
mod trust;

/// What can be done with CAs' adapters. What the policy covers (add, pin, upgrade, configure, trust, route, rollback,
/// enable, policy) becomes a change that operators consent to; without a policy it takes effect at once. With a running broker it takes
/// effect in it.
#[derive(Subcommand)]
pub enum Command {
    /// List them: what the catalogue says, and how they are where a broker runs.
    List(list::Arguments),
    /// Add a CA by its plugin's file, which is copied and pinned.
    Add(install::Arguments),
    /// Take file and settings of an adapter as they are now, and refuse others from then on.
    Pin(pin::Arguments),
    /// Start every adapter in a worker of its own, with this very program, and say whether it will load.
    Preflight(preflight::Arguments),
    /// Put another file in the place of an adapter's. A running broker switches without a failed call.
    Upgrade(install::Arguments),
    /// Change an adapter's settings.
    Configure(configure::Arguments),
    /// Change what an adapter's CA is trusted by: the keys of `[adapter.trust]`. Its plugin is not started for it, and its
    /// CA need not answer.
    Trust(trust::Arguments),
    /// Show or change which CA an enrolment goes to.
    #[command(subcommand)]
    Route(route::Command),
    /// Put an earlier version, with the configuration that it had, in the place of the present one.
    Rollback(rollback::Arguments),
    /// Stop an adapter, at once, and start it no more. Always possible.
    Disable(disable::Arguments),
    /// Start a disabled adapter again.
    Enable(enable::Arguments),
    /// Take an adapter out, at once. Always possible. Its own folder stays.
    Remove(remove::Arguments),
    /// List changes and how far they are.
    Changes(changes::Arguments),
    /// Show what a change does, as those who consent sign it.
    Show(show::Arguments),
    /// Consent to a change as an operator.
    Consent(consent::Arguments),
    /// Make a change void.
    Reject(reject::Arguments),
    /// Show or change who may change the catalogue.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Figures of the running adapters.
    Stats(stats::Arguments),
    /// List changes at CAs that are under way, pending, or in doubt.
    Operations(operations::Arguments),
    /// Say what a plugin's file says of itself: vendor, version, what it offers, its configuration and its secrets.
    Describe(describe::Arguments),
    /// Say that a CA has done nothing under a key whose outcome nobody knew.
    Settle(settle::Arguments),
    /// Hold a plugin's file to the contract of ca_adapter.h, with a CA for tests, and write a report of it.
    Check(Box<check::Arguments>),
    /// Write a CA's certificates and its revocation list as PEM files.
    Export(export::Arguments),
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(config, &arguments),
        Command::Add(arguments) => install::run(config, arguments, install::Adapter::New),
        Command::Pin(arguments) => pin::run(config, arguments),
        Command::Preflight(arguments) => preflight::run(config, &arguments),
        Command::Upgrade(arguments) => install::run(config, arguments, install::Adapter::Present),
        Command::Configure(arguments) => configure::run(config, arguments),
        Command::Trust(arguments) => trust::run(config, arguments),
        Command::Route(command) => route::run(config, command),
        Command::Describe(arguments) => describe::run(config, &arguments),
        Command::Rollback(arguments) => rollback::run(config, arguments),
        Command::Disable(arguments) => disable::run(config, arguments),
        Command::Enable(arguments) => enable::run(config, arguments),
        Command::Remove(arguments) => remove::run(config, arguments),
        Command::Changes(arguments) => changes::run(config, &arguments),
        Command::Show(arguments) => show::run(config, &arguments),
        Command::Consent(arguments) => consent::run(config, arguments),
        Command::Reject(arguments) => reject::run(config, arguments),
        Command::Policy(command) => policy::run(config, command),
        Command::Stats(arguments) => stats::run(config, &arguments),
        Command::Operations(arguments) => operations::run(config, &arguments),
        Command::Settle(arguments) => settle::run(config, arguments),
        // With a configuration it is run before the broker's settings are read.
        Command::Check(arguments) => check::run(arguments, None),
        Command::Export(arguments) => export::run(config, &arguments),
    }
}
