//! `cargo xtask bench`

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::workspace::{self, Profile};

/// What to measure.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the benchmark and its options; `--help` lists them.
    #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<String>,
}

/// Builds everything optimised and measures.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = workspace::build(Profile::Release, &["yinqiao-benches"])?;
    let bench = programs.join("yinqiao-bench");
    let status = Command::new(&bench).args(&arguments.words).status();
    let status = status.with_context(|| format!("{} cannot be run", bench.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
