//! The report as a table for people.

use std::fmt::Write as _;

use crate::report::{CheckResult, Outcome, Report};

/// The table: a line for each check, its reason below, a summary at the end; what a group has that the plugin does not
/// offer is one line. Plain text, no colours.
#[must_use]
pub fn render(report: &Report) -> String {
    table(report, false)
}

/// As [`render`], with a line for each check that is not offered, too.
#[must_use]
pub fn render_all(report: &Report) -> String {
    table(report, true)
}

fn table(report: &Report, all: bool) -> String {
    let mut text = String::new();
    let width = report.checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    // Writing to a String cannot fail.
    if let Some(plugin) = &report.plugin {
        let _ = writeln!(text, "{} {} by {}", plugin.name, plugin.version, plugin.vendor);
    }
    let _ = writeln!(text, "sha256:{}", report.digests.sha256);
    let _ = writeln!(text, "sm3:{}\n", report.digests.sm3);
    for group in report.checks.chunk_by(|one, other| group(one) == group(other)) {
        let folded = |check: &&CheckResult| !all && check.outcome == Outcome::NotOffered;
        for check in group.iter().filter(|check| !folded(check)) {
            line(&mut text, check, width);
        }
        let names: Vec<&str> = group.iter().filter(folded).map(name).collect();
        if let (Some(first), false) = (group.first(), names.is_empty()) {
            let id = format!("{}.*", self::group(first));
            let _ = writeln!(text, "{:<11}  {id:<width$}  {}", word(Outcome::NotOffered), names.join(", "));
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

fn line(text: &mut String, check: &CheckResult, width: usize) {
    let took = if check.milliseconds >= 1000 {
        format!("  {}.{} s", check.milliseconds / 1000, check.milliseconds % 1000 / 100)
    } else {
        String::new()
    };
    let _ = writeln!(text, "{:<11}  {:<width$}  {}{took}", word(check.outcome), check.id, check.clause);
    for line in check.text.iter().flat_map(|reason| reason.lines()) {
        let _ = writeln!(text, "             {line}");
    }
}

fn group(check: &CheckResult) -> &str {
    check.id.split('.').next().unwrap_or_default()
}

fn name(check: &CheckResult) -> &str {
    check.id.split_once('.').map_or(check.id.as_str(), |(_, name)| name)
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "pass",
        Outcome::Failed => "FAIL",
        Outcome::NotOffered => "not offered",
        Outcome::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ReportedDigests;

    fn report() -> Report {
        let check = |id: &str, outcome| CheckResult {
            id: id.to_owned(),
            clause: "ISSUE".to_owned(),
            outcome,
            text: (outcome != Outcome::Passed).then(|| "the reason".to_owned()),
            milliseconds: 1,
        };
        let report = Report {
            format: Report::FORMAT,
            plugin: None,
            digests: ReportedDigests { sha256: "aa".to_owned(), sm3: "bb".to_owned() },
            abi: "1.0".to_owned(),
            kit: "0.1.0".to_owned(),
            host: "a test".to_owned(),
            at: "2026-01-02T03:04:05Z".to_owned(),
            profile: "quick".to_owned(),
            seed: 1,
            configuration_sm3: None,
            selection: Vec::new(),
            checks: vec![
                check("issue.issues", Outcome::NotOffered),
                check("issue.chain", Outcome::Skipped),
                check("issue.holder", Outcome::NotOffered),
                check("seal.verifies", Outcome::NotOffered),
                check("table.entry", Outcome::Passed),
            ],
            passed: false,
            content_sm3: String::new(),
        };
        report.seal()
    }

    #[test]
    fn what_is_not_offered_is_one_line_for_each_group_and_counted_in_full() {
        let text = render(&report());
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "skipped      issue.chain    ISSUE",
                "             the reason",
                "not offered  issue.*        issues, holder",
                "not offered  seal.*         verifies",
                "pass         table.entry    ISSUE",
                "",
                "1 passed, 0 failed, 3 not offered, 1 skipped: the plugin passes",
            ]
        );
    }

    #[test]
    fn all_of_it_can_be_shown() {
        let text = render_all(&report());
        assert_eq!(text.matches("not offered  ").count(), 3);
        assert!(!text.contains(".*") && text.contains("issue.holder"), "{text}");
    }
}
