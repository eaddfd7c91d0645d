//! Where the workspace and what is built from it lie.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What a broker, its phone and its bid system need to run: programs, and the software CA's library.
const PACKAGES: [&str; 4] = ["yinqiao", "yinqiao-softca", "yinqiao-phone", "yinqiao-bid-tool"];

/// How programs are compiled.
#[derive(Clone, Copy, Debug)]
pub enum Profile {
    /// Ours quickly, what they depend on optimised.
    Dev,
    /// Optimised.
    Release,
}

/// The workspace's folder.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// `cargo` with `verb`, in the workspace's folder.
pub fn cargo(verb: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(verb).current_dir(root());
    forget_own_package(&mut command);
    command
}

/// Cargo tells a program that it runs which package it is of. A cargo below must not hear it: build scripts that look at
/// these variables, like that of `ring`, would run again, and all that depends on them would be compiled again.
pub fn forget_own_package(command: &mut Command) {
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| told(name));
    names.for_each(|name| _ = command.env_remove(name));
}

/// Builds the project's programs, and `more` packages, and gives the folder that they lie in.
pub fn build(profile: Profile, more: &[&str]) -> Result<PathBuf> {
    build_with(profile, more, &[])
}

/// The same with features of packages: `PACKAGE/FEATURE`.
pub fn build_with(profile: Profile, more: &[&str], features: &[&str]) -> Result<PathBuf> {
    let mut command = cargo("build");
    for feature in features {
        command.args(["--features", feature]);
    }
    for package in PACKAGES.iter().chain(more) {
        command.args(["-p", package]);
    }
    if matches!(profile, Profile::Release) {
        command.arg("--release");
    }
    run(&mut command)?;
    programs(profile)
}

/// Runs a command to its end; what it prints on standard output goes to standard error, which progress belongs to.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(std::io::stderr()).status();
    let status =
        status.with_context(|| format!("{} cannot be run", command.get_program().to_string_lossy()))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// This program lies in the target folder, under its own profile's name: beside it lie those of the others.
pub fn programs(profile: Profile) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target =
        own.ancestors().nth(2).context("this program lies in no target folder: run it by cargo xtask")?;
    Ok(target.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    }))
}
