//! Judges: software that others wrote, against which tests hold what ours makes. Each is looked for, and installed where
//! that is possible; a missing one fails nothing, the tests say what they could not do.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{miri, workspace};

/// GmSSL's C library comes in this Python package's source archive.
const EASY_GMSSL: &str = "easy-gmssl==2.0.1";
/// GmSSL 3.1.1 is too old for version 4.
const CMAKE: &str = "cmake==3.31.6";
/// Holds the broker's answers against its OpenAPI document.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What Schemathesis draws its cases with: another version draws other ones.
const HYPOTHESIS: &str = "hypothesis==6.170.17";
/// SM2, SM3 and SM4 in JavaScript.
const SM_CRYPTO: &str = "sm-crypto-v2@1.15.1";

/// Not a judge, but what the vendor's plugin in C is built with.
pub const C_PLUGIN_TOOLS: &str = "compiler and libraries of the C plugin";
/// Not a judge either: libFuzzer is C++.
pub const FUZZER_TOOLS: &str = "compiler of the fuzzer";
/// Sees undefined behaviour.
pub const MIRI: &str = "Miri";

/// A judge that is missing.
#[derive(Debug)]
pub struct Missing {
    /// Its name.
    pub judge: &'static str,
    /// Why.
    pub reason: String,
}

/// One judge: its name, and what makes it ready.
type Judge = (&'static str, fn() -> Result<()>);

const JUDGES: [Judge; 9] = [
    ("OpenSSL", open_ssl),
    ("Bouncy Castle", bouncy_castle),
    ("GmSSL", gmssl),
    ("sm-crypto-v2", sm_crypto),
    ("Schemathesis", schemathesis),
    ("strace", strace),
    (C_PLUGIN_TOOLS, c_plugin_tools),
    (FUZZER_TOOLS, fuzzer_tools),
    (MIRI, miri::ready),
];

/// Makes all judges ready and tells which are not.
pub fn prepare() -> Vec<Missing> {
    let missing = |(judge, ready): Judge| {
        ready().err().map(|error| Missing { judge, reason: format!("{error:#}").replace('\n', " ") })
    };
    JUDGES.into_iter().filter_map(missing).collect()
}

fn open_ssl() -> Result<()> {
    if !on_path("openssl") {
        apt_install(&["openssl"])?;
    }
    Ok(())
}

/// A test's single Java file is compiled when it is run, which takes the compiler.
fn bouncy_castle() -> Result<()> {
    let mut packages = Vec::new();
    if !on_path("javac") || !on_path("java") {
        packages.push("default-jdk-headless");
    }
    if bouncy_castle_jars().iter().any(|jar| !jar.exists()) {
        packages.extend(["libbcprov-java", "libbcpkix-java"]);
    }
    if packages.is_empty() { Ok(()) } else { apt_install(&packages) }
}

/// The libraries of Debian's packages.
pub fn bouncy_castle_jars() -> Vec<PathBuf> {
    ["bcprov", "bcutil", "bcpkix"].map(|jar| PathBuf::from(format!("/usr/share/java/{jar}.jar"))).to_vec()
}

fn strace() -> Result<()> {
    if !on_path("strace") {
        apt_install(&["strace"])?;
    }
    Ok(())
}

/// What the vendor's plugin in C is built with, and its sanitizers.
fn c_plugin_tools() -> Result<()> {
    const PACKAGES: [&str; 7] =
        ["gcc", "libc6-dev", "make", "binutils", "pkg-config", "libssl-dev", "libjansson-dev"];
    let there = ["cc", "make", "nm", "pkg-config"].into_iter().all(on_path);
    let known = || {
        let mut ask = Command::new("pkg-config");
        quietly(ask.args(["--exists", "libcrypto", "jansson"])).is_ok()
    };
    if there && known() { Ok(()) } else { apt_install(&PACKAGES) }
}

fn fuzzer_tools() -> Result<()> {
    if on_path("c++") { Ok(()) } else { apt_install(&["g++"]) }
}

/// Into the workspace's `.tools/node`.
fn sm_crypto() -> Result<()> {
    let folder = workspace::root().join(".tools/node");
    let (name, version) = SM_CRYPTO.split_once('@').unwrap_or((SM_CRYPTO, ""));
    let manifest = fs::read_to_string(folder.join("node_modules").join(name).join("package.json"));
    let is_this = manifest.is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")));
    if is_this && on_path("node") {
        return Ok(());
    }
    if !on_path("node") || !on_path("npm") {
        apt_install(&["nodejs", "npm"])?;
    }
    fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"]);
    quietly(npm.arg(&folder).arg(SM_CRYPTO))
}

/// The package builds GmSSL's library into the home folder, with a cmake that comes from where the package does: the
/// program itself, since the package's build does not see the Python module around it.
fn gmssl() -> Result<()> {
    let home = env::var_os("HOME").context("HOME is not set")?;
    if Path::new(&home).join(".gmssl_3.1.1_install/lib/libgmssl.so.3.1").exists() {
        return Ok(());
    }
    if !on_path("python3") || !on_path("cc") || !on_path("make") {
        apt_install(&["python3", "python3-venv", "gcc", "libc6-dev", "make"])?;
    }
    let environment = environment()?;
    let pip = |package: &str, path: &Path| {
        let before = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([path.to_owned()].into_iter().chain(env::split_paths(&before)))?;
        quietly(pip_install(&environment, package).env("PATH", path))
    };
    pip(CMAKE, &environment.join("bin"))?;
    let modules = fs::read_dir(environment.join("lib"))?.flatten().map(|entry| entry.path());
    let cmake = modules
        .map(|python| python.join("site-packages/cmake/data/bin"))
        .find(|folder| folder.join("cmake").exists())
        .context("the package cmake has no program cmake")?;
    pip(EASY_GMSSL, &cmake)
}

/// Into the same environment.
fn schemathesis() -> Result<()> {
    let (_, version) = SCHEMATHESIS.split_once("==").unwrap_or((SCHEMATHESIS, ""));
    let program = workspace::root().join(".tools/venv/bin/schemathesis");
    let said = Command::new(&program).arg("--version").output();
    if said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(version)) {
        return Ok(());
    }
    quietly(pip_install(&environment()?, SCHEMATHESIS).arg(HYPOTHESIS))
}

/// A virtual environment of Python in the workspace's `.tools/venv`.
fn environment() -> Result<PathBuf> {
    let environment = workspace::root().join(".tools/venv");
    if environment.join("bin/pip").exists() {
        return Ok(environment);
    }
    if !on_path("python3") {
        apt_install(&["python3", "python3-venv"])?;
    }
    let make = |command: &mut Command| quietly(command.args(["-m", "venv"]).arg(&environment));
    if make(&mut Command::new("python3")).is_err() {
        apt_install(&["python3-venv"])?;
        make(&mut Command::new("/usr/bin/python3"))?;
    }
    Ok(environment)
}

fn pip_install(environment: &Path, package: &str) -> Command {
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", package]);
    pip
}

/// Whether a program is found on PATH.
pub fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(", ");
    if !on_path("apt-get") {
        bail!("install {list} (there is no apt-get here to do it)");
    }
    if !is_root() {
        bail!("install {list}, or run this as root");
    }
    eprintln!("installing {list}");
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    if quietly(&mut install).is_ok() {
        return Ok(());
    }
    // A fresh machine has no lists of packages, or old ones.
    quietly(Command::new("apt-get").args(["update", "-qq"]))?;
    quietly(&mut install)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs an installer without input; what it prints is kept for the error.
fn quietly(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} cannot be run"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    bail!("{name} failed ({}): {last}", output.status)
}
