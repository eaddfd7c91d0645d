//! Builds plugins and runs the kit on them.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod remote;
pub mod vendor;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use yinqiao_ca_conformance::{Options, Outcome, Report, render, run};
use yinqiao_ca_sdk::messages::Der;
use yinqiao_ca_worker::WorkerProgram;
use yinqiao_gm::sm2::PrivateKey;
use zeroize::Zeroizing;

/// The folder `adapters`, by its spelling: a symbolic link on the way is not followed.
pub fn adapters() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The software CA, built by the Cargo that runs this test, for its profile, beside it.
pub fn softca() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
            let mut build = Command::new(env!("CARGO"));
            build
                .args(["build", "--quiet", "-p", "yinqiao-softca", "--target-dir"])
                .arg(profile.parent().unwrap())
                .arg("--manifest-path")
                .arg(adapters().parent().unwrap().join("Cargo.toml"));
            if profile.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
            profile.join("libyinqiao_softca.so")
        })
        .clone()
}

/// A plugin from `tests/plugins`, compiled with the given macros.
pub fn c_plugin(folder: &TempDir, name: &str, macros: &[&str]) -> PathBuf {
    let sanitized = if macros.contains(&"SANITIZED") { "-sanitized" } else { "" };
    let library = folder.path().join(format!("lib{name}{sanitized}.so"));
    let mut arguments: Vec<String> = macros.iter().map(|name| format!("-D{name}")).collect();
    if macros.contains(&"SANITIZED") {
        arguments.extend(["-fsanitize=address".to_owned(), "-g".to_owned()]);
    }
    compile(&source(name), &library, &arguments);
    library
}

/// The plugin `lists`, linked with these arguments; `NEEDED` is a library that it needs by its path.
pub fn c_plugin_linked(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let (needed, library) = (folder.path().join("libneeded.so"), folder.path().join("liblists.so"));
    let nothing = folder.path().join("nothing.c");
    std::fs::write(&nothing, "int nothing(void);\nint nothing(void) { return 0; }\n").unwrap();
    compile(&nothing, &needed, &[]);
    let mut all = vec![r#"-DREPLY="{}""#.to_owned()];
    for argument in arguments {
        match *argument {
            "NEEDED" => all.extend(["-Wl,--no-as-needed".to_owned(), needed.display().to_string()]),
            other => all.push(other.to_owned()),
        }
    }
    compile(&source("lists"), &library, &all);
    library
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins").join(format!("{name}.c"))
}

fn compile(source: &Path, library: &Path, arguments: &[String]) {
    let output = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"])
        .arg("-fvisibility=hidden")
        .arg("-I")
        .arg(adapters().join("include"))
        .arg("-o")
        .arg(library)
        .arg(source)
        .args(arguments)
        .output()
        .expect("the C compiler `cc` runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The kit on a plugin, with the two roles of this crate.
pub fn options(plugin: &Path) -> Options {
    let role = |name: &str| WorkerProgram {
        program: env!("CARGO_BIN_EXE_yinqiao-conformance-roles").into(),
        arguments: vec![name.into()],
    };
    Options::new(plugin.to_owned(), role("worker"), role("probe"), "a test".to_owned())
}

/// The kit on the software CA in a folder of its own.
pub fn softca_options(folder: &TempDir) -> Options {
    let mut options = options(&softca());
    let directory = folder.path().join("ca");
    std::fs::create_dir_all(&directory).unwrap();
    // Two who would have to consent to a recovery, and do not: it stays pending.
    let operators: Vec<Value> = ["first", "second"]
        .iter()
        .map(|name| {
            let key = PrivateKey::generate().unwrap().public_key().to_spki_der().unwrap();
            json!({"name": name, "public_key": Der(key)})
        })
        .collect();
    options.configuration = Some(json!({"directory": directory, "name": "测试", "operators": operators}));
    options.pending = Duration::from_millis(500);
    options.write = vec![directory];
    let key = Zeroizing::new(b"a master key of the kit's own test".to_vec());
    options.secrets.insert("softca.master_key".to_owned(), key);
    options
}

pub fn with_configuration(mut options: Options, configuration: Value) -> Options {
    options.configuration = Some(configuration);
    options
}

pub async fn report(options: Options) -> Report {
    let report = run(options, |_| {}).await.unwrap();
    eprintln!("{}", render(&report));
    report
}

pub fn ids(report: &Report, outcome: Outcome) -> BTreeSet<&str> {
    report.checks.iter().filter(|check| check.outcome == outcome).map(|check| check.id.as_str()).collect()
}

/// The text of one check.
pub fn text<'a>(report: &'a Report, id: &str) -> &'a str {
    let check = report.checks.iter().find(|check| check.id == id).unwrap();
    check.text.as_deref().unwrap_or_default()
}
