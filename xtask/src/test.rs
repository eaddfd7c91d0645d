//! `cargo xtask test`

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::judge::{self, Missing};
use crate::{failpoints, fuzz, miri, plugins, workspace};

/// How a test says that it passed without having judged.
const NOT_RUN: &str = "NOT RUN:";

/// Options of the tests.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Look for judges, but install none.
    #[arg(long)]
    no_install: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

/// Makes judges ready, builds what the tests run, runs all tests, then what `cargo test` does not reach, and says in the end
/// which judges were not heard.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let missing = if arguments.no_install { Vec::new() } else { judge::prepare() };
    for Missing { judge, reason } in &missing {
        eprintln!("no {judge}: {reason}");
    }
    failpoints::build()?;
    let mut command = workspace::cargo("test");
    command.args(["--workspace", "--no-fail-fast"]).args(&arguments.filter);
    // Output of tests that pass, for the lines that say what was not run.
    command.args(["--", "--show-output"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cargo test cannot be run")?;
    let mut report = Report::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            if let Some(line) = report.read(&String::from_utf8_lossy(&line)) {
                println!("{line}");
            }
        }
    }
    let mut passed = child.wait()?.success();
    if arguments.filter.is_none() {
        passed &= beyond_cargo_test(&missing)?;
    }
    println!("{} tests passed, {} failed, {} ignored.", report.passed, report.failed, report.ignored);
    for Missing { judge, reason } in &missing {
        report.not_run.insert(format!("{judge}: {reason}"));
    }
    if report.not_run.is_empty() {
        let all = arguments.filter.is_none();
        println!("{}", if all { "All judges ran." } else { "No judge was missing in the tests chosen." });
    }
    for line in &report.not_run {
        println!("{NOT_RUN} {line}");
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `cargo test` does not reach: the plugins that vendors start from, fuzzing, and Miri.
fn beyond_cargo_test(missing: &[Missing]) -> Result<bool> {
    let there = |judge| !missing.iter().any(|missing| missing.judge == judge);
    let plugins = plugins::judge(there(judge::C_PLUGIN_TOOLS))?;
    let fuzzing = !there(judge::FUZZER_TOOLS) || fuzz::passes(&fuzz::Arguments::default())?;
    let miri = !there(judge::MIRI) || miri::passes()?;
    Ok(plugins && fuzzing && miri)
}

/// What the tests have said so far.
#[derive(Debug, Default)]
struct Report {
    part: Part,
    passed: u64,
    failed: u64,
    ignored: u64,
    not_run: BTreeSet<String>,
}

/// The parts of a test program's output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Part {
    /// One line for each test.
    #[default]
    Tests,
    /// What tests that passed have printed.
    Successes,
    /// What the others have.
    Failures,
}

impl Report {
    /// Takes a line; gives it back where it is worth reading.
    fn read<'l>(&mut self, line: &'l str) -> Option<&'l str> {
        if let Some((_, what)) = line.split_once(NOT_RUN) {
            self.not_run.insert(what.trim().to_owned());
        }
        match line {
            "successes:" => self.part = Part::Successes,
            "failures:" => self.part = Part::Failures,
            _ if line.starts_with("test result: ") => {
                self.part = Part::Tests;
                self.add(line);
                return Some(line);
            }
            _ => {}
        }
        let worth_reading = match self.part {
            Part::Failures => true,
            Part::Successes => false,
            Part::Tests => !(line.is_empty() || line.ends_with(" ... ok") || line.starts_with("running ")),
        };
        worth_reading.then_some(line)
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
    fn add(&mut self, line: &str) {
        let mut words = line.split([' ', ';']).filter(|word| !word.is_empty());
        let mut number = 0;
        for word in words.by_ref() {
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => number = word.parse().unwrap_or(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\nrunning 3 tests\ntest a ... ok\ntest b ... ok\ntest c ... FAILED\n\nsuccesses:\n\n\
        ---- a stdout ----\nNOT RUN: no judge\n\n\nsuccesses:\n    a\n    b\n\nfailures:\n\n---- c stdout ----\n\
        it broke\n\nfailures:\n    c\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s\n";

    #[test]
    fn what_a_passing_test_did_not_run_is_kept_and_its_other_output_is_not_shown() {
        let mut report = Report::default();
        let shown: Vec<&str> = OUTPUT.lines().filter_map(|line| report.read(line)).collect();
        assert_eq!(report.not_run.iter().collect::<Vec<_>>(), ["no judge"]);
        assert!(!shown.iter().any(|line| line.contains("NOT RUN") || line.contains("test a")));
        assert!(shown.contains(&"test c ... FAILED") && shown.contains(&"it broke"));
    }

    #[test]
    fn results_are_added_over_all_test_programs() {
        let mut report = Report::default();
        OUTPUT.lines().chain(OUTPUT.lines()).for_each(|line| _ = report.read(line));
        assert_eq!((report.passed, report.failed, report.ignored), (4, 2, 0));
    }
}
