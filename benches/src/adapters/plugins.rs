//! The plugins under test: the C ones, built here, and the software CA's file with a second build of it.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The plugins in C: the folder with their Makefile.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/vendor-plugin-c");
/// A program that the build needs, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 3] = [("make", "make"), ("cc", "gcc"), ("pkg-config", "pkg-config")];
/// A library, as pkg-config names it, and the Debian package with its headers.
const LIBRARIES: [(&str, &str); 2] = [("libcrypto", "libssl-dev"), ("jansson", "libjansson-dev")];
/// The secret that the C plugins ask for, and one for it.
pub const PASSPHRASE: (&str, &str) = ("vendor_ca.passphrase", "a passphrase of this benchmark");

/// Builds the C plugins, the faulty ones too, and gives the folder that they lie in.
pub fn build() -> Result<PathBuf> {
    let sources = fs::canonicalize(SOURCES).with_context(|| SOURCES.to_owned())?;
    let missing = missing_packages();
    if !missing.is_empty() {
        bail!("the C plugins cannot be built: apt install {}", missing.join(" "));
    }
    let mut make = Command::new("make");
    make.arg("-C").arg(&sources).args(["all", "faulty"]).stdout(std::io::stderr());
    let status = make.status().context("make cannot be run: apt install make")?;
    if !status.success() {
        bail!(
            "make -C {} all faulty failed: {status}; what the compiler says stands above",
            sources.display()
        );
    }
    Ok(sources.join("build"))
}

fn missing_packages() -> Vec<&'static str> {
    let succeeds = |program: &str, argument: &[&str]| {
        let mut command = Command::new(program);
        command.args(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let programs = PROGRAMS.iter().filter(|(program, _)| !succeeds(program, &["--version"]));
    let mut missing: Vec<_> = programs.map(|(_, package)| *package).collect();
    let libraries = LIBRARIES.iter().filter(|(name, _)| !succeeds("pkg-config", &["--exists", name]));
    missing.extend(libraries.map(|(_, package)| *package));
    missing
}

/// The software CA's file, beside this program.
pub fn software_ca() -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name("libyinqiao_softca.so");
    anyhow::ensure!(path.is_file(), "{} is missing: run this by cargo xtask bench", path.display());
    Ok(path)
}

/// Two builds of the same plugin in `folder`: a copy of the file, and one with an octet more at its end, which the loader
/// does not read and every digest does.
pub fn two_builds(library: &Path, folder: &Path) -> Result<[PathBuf; 2]> {
    let builds = [folder.join("first.so"), folder.join("second.so")];
    for build in &builds {
        fs::copy(library, build).with_context(|| library.display().to_string())?;
        fs::set_permissions(build, fs::Permissions::from_mode(0o755))?;
    }
    OpenOptions::new().append(true).open(&builds[1])?.write_all(&[0])?;
    Ok(builds)
}
