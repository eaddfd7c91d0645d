//! `cargo xtask demo`: everything once, with the real programs over real sockets.
//!
//! A broker with the software CA, a registered bid system, and two phones of one company: its legal person's and an
//! employee's. The employee logs in, signs, encrypts and opens; the legal person seals and withdraws the seal. Software
//! that we did not write, where it is installed, verifies what comes out. Then a second company goes from the registration
//! of its people to its deletion.

mod broker;
mod check;
mod documents;
mod lifecycle;
mod officer;
mod picture;
mod screen;
mod session;
mod stage;
mod steps;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use self::lifecycle::LifecycleStep;
use self::screen::Screen;
use self::stage::Stage;
use self::steps::Step;
use crate::workspace::{self, Profile};

/// Options of the demo.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// A document to sign, seal, encrypt and open; may be repeated. Without it a PDF and a ZIP file are made.
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Keep what comes out in this folder. Without it, in a new folder of the system's temporary one.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// End after the run instead of serving until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// One JSON object as the last line of standard output, and nothing else there.
    #[arg(long)]
    json: bool,
}

/// Builds, plays, verifies, and serves on.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let screen = Screen { json: arguments.json };
    let played = play(arguments, &screen);
    let (broker, steps, lifecycle, error) = match &played {
        Ok(played) => {
            (Some(played.stage.broker.url()), played.steps.as_slice(), played.lifecycle.as_slice(), None)
        }
        Err(error) => (None, [].as_slice(), [].as_slice(), Some(format!("{error:#}"))),
    };
    let ok = error.is_none() && steps.iter().all(Step::is_ok) && lifecycle.iter().all(LifecycleStep::is_ok);
    if arguments.json {
        let mut report = json!({
            "ok": ok,
            "broker": broker,
            "steps": steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "lifecycle": lifecycle.iter().map(LifecycleStep::to_json).collect::<Vec<_>>(),
        });
        if let Some(error) = error {
            report["error"] = error.into();
        }
        println!("{report}");
    }
    let Played { mut stage, steps, lifecycle } = played?;
    let of_purposes = steps.iter().filter(|step| !step.is_ok()).map(|step| step.purpose);
    let of_lifecycle = lifecycle.iter().filter(|step| !step.is_ok()).map(|step| step.name);
    let failed: Vec<_> = of_purposes.chain(of_lifecycle).collect();
    if failed.is_empty() {
        let number = steps.len() + lifecycle.len();
        screen.say(&format!("All {number} steps done. What came out: {}", stage.out.display()));
    } else {
        screen.say(&format!(
            "Failed: {}. The broker's log:\n{}",
            failed.join(", "),
            stage.broker.last_log_lines()
        ));
    }
    if !arguments.once {
        stage.say_what_to_try(&screen);
        stage.broker.wait()?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was done.
struct Played {
    stage: Stage,
    steps: Vec<Step>,
    lifecycle: Vec<LifecycleStep>,
}

fn play(arguments: &Arguments, screen: &Screen) -> Result<Played> {
    let given =
        arguments.files.iter().map(|path| path.canonicalize().with_context(|| path.display().to_string()));
    let given = given.collect::<Result<Vec<_>>>()?;
    screen.say("Building the broker, the software CA, the phone and the bid system …");
    let programs = workspace::build(Profile::Dev, &[])?;
    let stage = Stage::prepare(programs, out_folder(arguments)?, screen)?;
    let files = if given.is_empty() { documents::make(&stage.out.join("documents"))? } else { given };
    for file in &files {
        let size = fs::metadata(file).with_context(|| file.display().to_string())?.len();
        screen.say(&format!("Document {} ({size} bytes)", file.display()));
    }
    let steps = steps::play(&stage, &files, screen)?;
    let lifecycle = lifecycle::play(&stage, screen);
    Ok(Played { stage, steps, lifecycle })
}

fn out_folder(arguments: &Arguments) -> Result<PathBuf> {
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => tempfile::Builder::new().prefix("yinqiao-demo-out-").tempdir()?.keep(),
    };
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    out.canonicalize().with_context(|| out.display().to_string())
}

/// `1.2 s` or `34 ms`
fn duration(time: Duration) -> String {
    if time.as_secs() > 0 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} ms", time.as_millis())
    }
}
