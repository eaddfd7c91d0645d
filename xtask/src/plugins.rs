//! The two plugins that vendors start from: their own tests, and the conformance kit over the libraries that come out.

use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::workspace::{self, Profile};

/// What the test CA of the plugin in Rust lets callers in by.
const TOKEN: &str = "a-token-for-tests";
/// What the plugin in C encrypts its keys under.
const PASSPHRASE: &str = "a passphrase for tests";
/// The workspace's development profile, for a package outside it: what both depend on is compiled once.
const SAME_PROFILE: [&str; 3] = [
    "profile.dev.debug=\"line-tables-only\"",
    "profile.dev.package.\"*\".opt-level=2",
    "profile.dev.package.\"*\".debug=false",
];

/// Builds what the kit needs, and judges both.
///
/// # Errors
/// As [`judge`].
pub fn run() -> Result<ExitCode> {
    workspace::build(Profile::Dev, &[])?;
    Ok(if judge(true)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds and tests both plugins, and holds both against the contract; says what failed, and gives whether nothing did.
///
/// # Errors
/// When a program that it needs cannot be run.
pub fn judge(c_can_be_built: bool) -> Result<bool> {
    let programs = workspace::programs(Profile::Dev)?;
    let in_c = || if c_can_be_built { judge_c(&programs) } else { Ok(true) };
    thread::scope(|scope| {
        let in_rust = scope.spawn(|| judge_rust(&programs));
        let passed = in_c()?;
        let Ok(in_rust) = in_rust.join() else { bail!("the thread of the plugin in Rust panicked") };
        Ok(in_rust? && passed)
    })
}

/// Its own tests run plain and under sanitizers; the kit gets the build with AddressSanitizer beside the plain one.
fn judge_c(programs: &Path) -> Result<bool> {
    let folder = workspace::root().join("examples/vendor-plugin-c");
    if !succeeds("The C plugin's own tests", Command::new("make").arg("-C").arg(&folder).arg("check"))? {
        return Ok(false);
    }
    let bench = Bench::new("vendor_ca.passphrase", PASSPHRASE)?;
    let data = bench.folder("ca")?;
    let mut kit = bench.kit(
        programs,
        &folder.join("build/libvendor_ca.so"),
        &json!({ "directory": data, "name": "Test CA" }),
    )?;
    kit.arg("--write").arg(&data);
    kit.arg("--sanitized").arg(folder.join("build/check/address/libvendor_ca.so"));
    succeeds("The conformance kit over the C plugin", &mut kit)
}

/// Its package is no part of the workspace, as a vendor's is not.
fn judge_rust(programs: &Path) -> Result<bool> {
    let manifest = workspace::root().join("examples/vendor-plugin-rust/Cargo.toml");
    let target = programs.parent().context("the target folder has no name")?;
    let cargo = |verb: &str| {
        let mut command = workspace::cargo(verb);
        command.arg("--manifest-path").arg(&manifest).arg("--locked").arg("--target-dir").arg(target);
        SAME_PROFILE.iter().for_each(|setting| _ = command.args(["--config", setting]));
        command
    };
    if !succeeds("Building the Rust plugin", cargo("build").args(["--lib", "--examples"]))?
        || !succeeds("The Rust plugin's own tests", &mut cargo("test"))?
    {
        return Ok(false);
    }
    let bench = Bench::new("acme.token", TOKEN)?;
    let ca = TestCa::start(&programs.join("examples/test_ca"))?;
    let configuration = json!({ "url": format!("http://{}", ca.address) });
    let mut kit = bench.kit(programs, &programs.join("libacme_ca.so"), &configuration)?;
    kit.args(["--upstream", &ca.address, "--upstream-config-pointer", "/url"]);
    succeeds("The conformance kit over the Rust plugin", &mut kit)
}

/// Runs a command without input, and shows what it printed where it fails.
fn succeeds(what: &str, command: &mut Command) -> Result<bool> {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.with_context(|| format!("{} cannot be run", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        println!("{what}: passed.");
    } else {
        println!("{what}: failed:\n{}", String::from_utf8_lossy(&output.stdout));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

/// A folder for one run of the kit, with the plugin's one secret.
struct Bench(TempDir);

impl Bench {
    fn new(secret: &str, value: &str) -> Result<Self> {
        let bench = Self(TempDir::with_prefix("yinqiao-kit-")?);
        fs::write(bench.folder("secrets")?.join(secret), value)?;
        Ok(bench)
    }

    /// A folder that is its owner's only.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.0.path().join(name);
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(folder)
    }

    fn kit(&self, programs: &Path, library: &Path, configuration: &serde_json::Value) -> Result<Command> {
        let file = self.0.path().join("configuration.json");
        fs::write(&file, configuration.to_string())?;
        let mut kit = Command::new(programs.join("yinqiao"));
        kit.args(["adapter", "check"]).arg(library).arg("--config").arg(file);
        kit.arg("--secrets").arg(self.0.path().join("secrets"));
        Ok(kit)
    }
}

/// The CA behind the plugin in Rust. Killed when dropped.
struct TestCa {
    address: String,
    process: Child,
}

impl TestCa {
    fn start(program: &Path) -> Result<Self> {
        // The port is free again when the listener is dropped, and the system does not give it away at once.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(program);
        command.args([&address, TOKEN]).stdin(Stdio::null()).stdout(Stdio::piped());
        let process = command.spawn().context("the test CA cannot be run")?;
        let mut ca = Self { address, process };
        let mut line = String::new();
        if let Some(output) = ca.process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if !line.starts_with("listening") {
            bail!("the test CA does not listen on {}", ca.address);
        }
        Ok(ca)
    }
}

impl Drop for TestCa {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
