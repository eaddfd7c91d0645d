//! `cargo xtask fuzz`: parsers of foreign bytes under libFuzzer, guided by what of our code each input reaches.
//!
//! The stable compiler can instrument, and only the workspace's own crates are instrumented: cargo calls this program in
//! the compiler's place for them (`RUSTC_WORKSPACE_WRAPPER`), so that all others are taken as they were built before.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace;

/// Set where this program is called in the compiler's place.
const WRAPS: &str = "YINQIAO_FUZZ_WRAPS_RUSTC";
/// What LLVM is told: count edges, and keep what values are compared with.
const INSTRUMENTATION: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// What one input may take: seconds and mebibytes.
const LIMITS: [&str; 3] = ["-timeout=5", "-rss_limit_mb=1024", "-malloc_limit_mb=64"];

/// Enough to see on every run that parsers stand what is near to valid; what is far needs hours.
const SECONDS: u64 = 30;

/// What is fuzzed, and for how long.
#[derive(Args, Debug)]
pub struct Arguments {
    /// How long, over all targets together.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// The seed of the first mutations; each run has its own without.
    #[arg(long)]
    seed: Option<u32>,
    /// Only these targets.
    targets: Vec<String>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { seconds: SECONDS, seed: None, targets: Vec::new() }
    }
}

/// Fuzzes every target for its part of the time. Inputs that reached something new are kept in the target folder for the
/// next run; one that broke a target is shown, and kept.
///
/// # Errors
/// When it cannot be built or run.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    Ok(if passes(arguments)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As [`run`]: whether nothing broke.
///
/// # Errors
/// As [`run`].
pub fn passes(arguments: &Arguments) -> Result<bool> {
    let program = build()?;
    let corpus = program.parent().context("the program lies in no folder")?.join("fuzz-corpus");
    let targets = write_seeds(&program, &corpus, &arguments.targets)?;
    let threads = thread::available_parallelism()?.get().min(targets.len());
    let seconds = (arguments.seconds * threads as u64).div_ceil(targets.len() as u64).max(1);
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = fuzz(&program, &corpus, target, seconds, arguments.seed);
                    if !outcome.unwrap_or_else(|error| {
                        eprintln!("{}: {error:#}", target.name);
                        false
                    }) {
                        broken.lock().unwrap_or_else(PoisonError::into_inner).push(target.name.as_str());
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    if broken.is_empty() {
        println!("Fuzzing: {} targets, {seconds} s each: none broke.", targets.len());
        return Ok(true);
    }
    println!(
        "Fuzzing: {} broke. Mend it, and put the input into tests/fuzz/regressions/TARGET/.",
        broken.join(", ")
    );
    Ok(false)
}

/// Whether this program is called in the compiler's place; then it does not come back from a call that succeeds.
///
/// # Errors
/// When the compiler cannot be run.
pub fn wrap_compiler() -> Result<()> {
    if env::var_os(WRAPS).is_none() {
        return Ok(());
    }
    let mut arguments = env::args_os().skip(1);
    let mut compiler = Command::new(arguments.next().context("there is no compiler to be called")?);
    let arguments: Vec<OsString> = arguments.collect();
    let follows =
        |option: &str, value: &str| arguments.windows(2).any(|pair| pair[0] == option && pair[1] == value);
    // Programs that run while building do not have the fuzzer's functions.
    let runs_now = follows("--crate-type", "proc-macro") || follows("--crate-name", "build_script_build");
    if !runs_now && arguments.iter().any(|argument| argument == "--crate-name") {
        compiler.args(INSTRUMENTATION);
    }
    Err(compiler.args(arguments).exec()).context("the compiler cannot be run")
}

/// The fuzzer with instrumented code, beside the workspace's other programs.
fn build() -> Result<PathBuf> {
    // Without the fuzzer's functions instrumented code does not link: the seeds are made by code as it is.
    workspace::run(workspace::cargo("build").args(["-p", "yinqiao-fuzz", "--bin", "yinqiao-fuzz-seeds"]))?;
    let mut command = workspace::cargo("build");
    command.args(["-p", "yinqiao-fuzz", "--bin", "yinqiao-fuzz", "--features", "libfuzzer"]);
    command.env("RUSTC_WORKSPACE_WRAPPER", env::current_exe()?).env(WRAPS, "1");
    workspace::run(&mut command)?;
    Ok(workspace::programs(workspace::Profile::Dev)?.join("yinqiao-fuzz"))
}

/// One parser.
struct Target {
    name: String,
    longest: String,
}

fn write_seeds(program: &Path, corpus: &Path, wanted: &[String]) -> Result<Vec<Target>> {
    let output =
        Command::new(program.with_file_name("yinqiao-fuzz-seeds")).arg(corpus.join("seeds")).output();
    let output = output.context("the seeds cannot be made")?;
    if !output.status.success() {
        bail!("the seeds cannot be made: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let all = text.lines().filter_map(|line| line.split_once(' '));
    let all: Vec<_> =
        all.map(|(name, longest)| Target { name: name.to_owned(), longest: longest.to_owned() }).collect();
    if let Some(unknown) = wanted.iter().find(|name| !all.iter().any(|target| target.name == **name)) {
        let names: Vec<_> = all.iter().map(|target| target.name.as_str()).collect();
        bail!("no target is called {unknown}; there are {}", names.join(", "));
    }
    Ok(all.into_iter().filter(|target| wanted.is_empty() || wanted.contains(&target.name)).collect())
}

/// Whether nothing broke.
fn fuzz(program: &Path, corpus: &Path, target: &Target, seconds: u64, seed: Option<u32>) -> Result<bool> {
    let Target { name, longest } = target;
    let (found, broke) = (corpus.join("found").join(name), corpus.join("broke").join(name));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broke)?;
    let log = corpus.join(format!("{name}.log"));
    let mut fuzzer = Command::new(program);
    fuzzer
        .arg(&found)
        .arg(corpus.join("seeds").join(name))
        .args(
            Some(workspace::root().join("tests/fuzz/regressions").join(name))
                .filter(|folder| folder.exists()),
        )
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={longest}"))
        .arg(format!("-artifact_prefix={}/", broke.display()))
        .args(seed.map(|seed| format!("-seed={seed}")))
        .args(LIMITS)
        .args(["-print_final_stats=1", "-verbosity=0"])
        .env("YINQIAO_FUZZ_TARGET", name)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?);
    let mut process = fuzzer.spawn().context("the fuzzer cannot be run")?;
    let ended = wait_at_most(&mut process, Duration::from_secs(seconds + 60))?;
    let lines: Vec<String> = BufReader::new(File::open(&log)?).lines().collect::<std::io::Result<_>>()?;
    if ended {
        let runs = lines.iter().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        println!("  {name}: {} inputs", runs.unwrap_or("?").trim());
        return Ok(true);
    }
    println!("{name} broke; its log is {}, its input lies in {}:", log.display(), broke.display());
    lines
        .iter()
        .filter(|line| line.contains("panicked") || line.contains("ERROR"))
        .for_each(|line| println!("  {line}"));
    Ok(false)
}

/// Whether it ended well and by itself.
fn wait_at_most(process: &mut std::process::Child, longest: Duration) -> Result<bool> {
    let begun = std::time::Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > longest {
            process.kill()?;
            process.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
}
