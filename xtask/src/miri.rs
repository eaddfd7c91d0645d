//! `cargo xtask miri`: the unsafe code that vendors' plugins in Rust stand on, run by an interpreter that sees undefined
//! behaviour.
//!
//! It takes a nightly compiler with Miri. What needs a foreign library or another process is out of its reach: the
//! worker's loading of a plugin is tested with sanitizers and real plugins instead.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Crates with unsafe code, and which of their tests Miri can run.
const RUNS: [&[&str]; 2] = [
    &["-p", "yinqiao-ca-abi", "-p", "yinqiao-ca-sdk", "--lib"],
    &["-p", "yinqiao-ca-sdk", "--test", "contract"],
];
/// Cases of each property: an interpreter is slow, and one case shows what code does with memory.
const CASES: &str = "4";

/// Runs all of them.
///
/// # Errors
/// When there is no Miri.
pub fn run() -> Result<ExitCode> {
    ready()?;
    Ok(if passes()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes Miri ready, from where the toolchain came.
///
/// # Errors
/// When it cannot be had.
pub fn ready() -> Result<()> {
    if nightly("miri", &["--version"]).is_ok_and(|there| there) && has_source() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["component", "add", "miri", "rust-src", "--toolchain", "nightly"]);
    let output = add.stdin(Stdio::null()).output().context("rustup cannot be run")?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("rustup said nothing");
    bail!("a nightly toolchain with miri and rust-src is needed: {last}");
}

/// Whether nothing was found.
///
/// # Errors
/// When it cannot be run.
pub fn passes() -> Result<bool> {
    for run in RUNS {
        if !nightly("miri", &[&["test", "--locked"], run].concat())? {
            println!(
                "Miri: undefined behaviour, or a failed test, in cargo +nightly miri test {}",
                run.join(" ")
            );
            return Ok(false);
        }
    }
    println!("Miri: passed.");
    Ok(true)
}

/// Whether a command of the nightly cargo succeeds; what it says is shown where it does not.
fn nightly(verb: &str, arguments: &[&str]) -> Result<bool> {
    let mut cargo = Command::new("rustup");
    cargo.args(["run", "nightly", "cargo", verb]).args(arguments);
    // Tests read clocks and make folders; the compiler of this program's own build is not the one to be taken.
    cargo.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", CASES);
    for name in ["RUSTUP_TOOLCHAIN", "RUSTC", "CARGO"] {
        cargo.env_remove(name);
    }
    workspace::forget_own_package(&mut cargo);
    let output = cargo.current_dir(workspace::root()).stdin(Stdio::null()).output();
    let output = output.context("rustup cannot be run")?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

/// Miri builds the standard library for itself.
fn has_source() -> bool {
    let root = Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]).output();
    root.is_ok_and(|output| {
        let root = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        std::path::Path::new(&root).join("lib/rustlib/src/rust/library/std").exists()
    })
}
