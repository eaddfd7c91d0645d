//! Runs the checks, one after the other, each within its time.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use yinqiao_ca_abi::abi;
use yinqiao_ca_worker::probe::Slice;
use yinqiao_ca_worker::{Library, LibraryError};
use yinqiao_gm::sm3;

use crate::bench::Bench;
use crate::catalogue::{CHECKS, Check, Need};
use crate::options::{Options, OptionsError};
use crate::report::{CheckResult, Outcome, Report, ReportedPlugin};
use crate::verdict::{Stop, Verdict, failed, not_offered, skipped};

/// The kit cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plugin's file cannot be taken.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Options that cannot be.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The plugin requires secrets that it was not given, and what it would do with invented ones tells nothing.
    #[error(
        "the plugin requires the secret{} {}: give a folder that has a file of that name: --secrets DIR",
        if names.len() > 1 { "s" } else { "" }, names.join(", ")
    )]
    MissingSecrets {
        /// As its description names them.
        names: Vec<String>,
    },
}

/// Runs the kit. `progress` is told each result as it comes.
///
/// Must run inside a tokio runtime with time and I/O. It starts and kills processes of its own, and talks to the CA that
/// the configuration names.
///
/// # Errors
/// When there is no plugin, the options cannot be, or there is a configuration to open it with and not every secret that
/// it requires. A plugin that cannot be loaded is a report that says so.
pub async fn run(options: Options, mut progress: impl FnMut(&CheckResult)) -> Result<Report, RunError> {
    options.check()?;
    let library = Library::open(&options.plugin, None)?;
    let at = OffsetDateTime::now_utc();
    let configuration_sm3 = options
        .configuration
        .as_ref()
        .map(|configuration| hex::encode(sm3::digest(configuration.to_string().as_bytes()).as_bytes()));
    let bench = Bench::new(options, library).await;
    all_secrets(&bench)?;
    let mut checks = Vec::new();
    for check in CHECKS.iter().filter(|check| bench.options.wants(check.id)) {
        let result = run_one(check, &bench).await;
        progress(&result);
        checks.push(result);
    }
    let report = Report {
        format: Report::FORMAT,
        plugin: plugin(&bench),
        digests: bench.library.digests().into(),
        abi: format!("{}.{}", abi::CA_ABI_MAJOR, abi::CA_ABI_MINOR),
        kit: env!("CARGO_PKG_VERSION").to_owned(),
        host: bench.options.host.clone(),
        at: at.format(&Rfc3339).unwrap_or_default(),
        profile: bench.options.profile.name().to_owned(),
        seed: bench.options.seed,
        configuration_sm3,
        selection: bench.options.only.clone(),
        checks,
        passed: false,
        content_sm3: String::new(),
    };
    Ok(report.seal())
}

/// Without a configuration nothing is opened, and no secret is asked for.
fn all_secrets(bench: &Bench) -> Result<(), RunError> {
    let (Some(_), Ok(description)) = (&bench.options.configuration, bench.description()) else {
        return Ok(());
    };
    let missing = description
        .secrets
        .iter()
        .filter(|secret| secret.required && !bench.options.secrets.contains_key(&secret.name))
        .map(|secret| secret.name.clone());
    match missing.collect::<Vec<_>>() {
        names if names.is_empty() => Ok(()),
        names => Err(RunError::MissingSecrets { names }),
    }
}

async fn run_one(check: &Check, bench: &Bench) -> CheckResult {
    let began = Instant::now();
    let verdict = match needs(check, bench) {
        Err(stop) => Err(stop),
        Ok(()) => {
            let limit = Duration::from_secs(bench.options.profile.of(check.seconds, check.seconds * 60));
            let limit = limit + bench.options.idle();
            let verdict = tokio::time::timeout(limit, (check.run)(bench)).await;
            verdict.unwrap_or_else(|_| Err(failed(format!("the check was not done after {limit:?}"))))
        }
    };
    let verdict = match (verdict, bench.ended_by_itself().await) {
        (Ok(_), Some(ending)) => {
            Err(failed(format!("the plugin's process did not survive the check: {ending}")))
        }
        (verdict, _) => verdict,
    };
    let (outcome, text) = outcome(verdict);
    CheckResult {
        id: check.id.to_owned(),
        clause: check.clause.to_owned(),
        outcome,
        text,
        milliseconds: began.elapsed().as_millis() as u64,
    }
}

fn outcome(verdict: Verdict) -> (Outcome, Option<String>) {
    match verdict {
        Ok(note) => (Outcome::Passed, note),
        Err(Stop::Failed(why)) => (Outcome::Failed, Some(why)),
        Err(Stop::NotOffered(what)) => (Outcome::NotOffered, Some(what)),
        Err(Stop::Skipped(why)) => (Outcome::Skipped, Some(why)),
    }
}

/// Whether a check has what it needs: first what the plugin lacks, then what the options lack.
fn needs(check: &Check, bench: &Bench) -> Result<(), Stop> {
    for need in check.needs {
        match need {
            Need::Operation(operation) => {
                bench.table()?;
                if !bench.offers(operation.capability()) {
                    return Err(not_offered(format!("the operation {operation}")));
                }
            }
            Need::Capability(bit, name) => {
                bench.table()?;
                if !bench.offers(*bit) {
                    return Err(not_offered(*name));
                }
            }
            Need::Configuration | Need::Upstream | Need::Sanitized => {}
        }
    }
    for need in check.needs {
        match need {
            Need::Configuration if bench.options.configuration.is_none() => {
                return Err(skipped("needs a configuration: --config FILE"));
            }
            Need::Upstream if bench.options.upstream.is_none() => {
                return Err(skipped(
                    "needs a CA on a loopback port: --upstream HOST:PORT --upstream-config-pointer POINTER",
                ));
            }
            Need::Sanitized if bench.options.sanitized.is_none() => {
                return Err(skipped("needs a build with a sanitizer: --sanitized LIBRARY"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn plugin(bench: &Bench) -> Option<ReportedPlugin> {
    let table = bench.table().ok()?;
    let text = |slice: &Slice| slice.octets.as_ref().map(|octets| octets.to_text()).unwrap_or_default();
    Some(ReportedPlugin {
        vendor: text(&table.vendor),
        name: text(&table.name),
        version: text(&table.version),
        build_id: text(&table.build_id),
    })
}
