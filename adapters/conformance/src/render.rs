//! The report as a table for people.

use std::fmt::Write as _;

use crate::report::{Outcome, Report};

/// The table: a line for each check, its reason below, a summary at the end. Plain text, no colours.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let width = report.checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    // Writing to a String cannot fail.
    if let Some(plugin) = &report.plugin {
        let _ = writeln!(text, "{} {} by {}", plugin.name, plugin.version, plugin.vendor);
    }
    let _ = writeln!(text, "sha256:{}", report.digests.sha256);
    let _ = writeln!(text, "sm3:{}\n", report.digests.sm3);
    for check in &report.checks {
        let took = if check.milliseconds >= 1000 {
            format!("  {}.{} s", check.milliseconds / 1000, check.milliseconds % 1000 / 100)
        } else {
            String::new()
        };
        let _ = writeln!(text, "{:<11}  {:<width$}  {}{took}", word(check.outcome), check.id, check.clause);
        if let Some(reason) = &check.text {
            for line in reason.lines() {
                let _ = writeln!(text, "             {line}");
            }
        }
    }
    let _ = write!(
        text,
        "\n{} passed, {} failed, {} not offered, {} skipped: ",
        report.count(Outcome::Passed),
        report.count(Outcome::Failed),
        report.count(Outcome::NotOffered),
        report.count(Outcome::Skipped),
    );
    text.push_str(if report.passed { "the plugin passes\n" } else { "the plugin does not pass\n" });
    text
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "pass",
        Outcome::Failed => "FAIL",
        Outcome::NotOffered => "not offered",
        Outcome::Skipped => "skipped",
    }
}
