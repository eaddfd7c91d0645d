//! `cargo xtask failpoints`: the broker that dies where a test says, beside the one that everybody runs.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::{self, Profile};

/// The folder in the target folder.
const FOLDER: &str = "failpoints";
/// The broker, and the software CA that it looks for beside itself.
const FILES: [&str; 2] = ["yinqiao", "libyinqiao_softca.so"];

/// Builds it.
pub fn run() -> Result<ExitCode> {
    build()?;
    Ok(ExitCode::SUCCESS)
}

/// Builds all programs for tests, and this one apart. Only the broker's own crate is compiled twice: its two forms have names of
/// their own among what cargo keeps.
pub fn build() -> Result<()> {
    // First of all, so that this one is the newer.
    workspace::build(Profile::Dev, &[])?;
    let programs = workspace::build_with(Profile::Dev, &[], &["yinqiao/failpoints"])?;
    let folder = programs.with_file_name(FOLDER);
    fs::create_dir_all(&folder)?;
    for file in FILES {
        copy(&programs.join(file), &folder.join(file))?;
    }
    // The other one lies where it lay, and need not be compiled again.
    workspace::build(Profile::Dev, &[]).map(drop)
}

/// In the place of the old file, which may be running.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new).with_context(|| format!("{} cannot be copied", from.display()))?;
    fs::rename(&new, to).with_context(|| format!("{} cannot be replaced", to.display()))
}
