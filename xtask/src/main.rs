//! Tasks of the workspace: `cargo xtask test`, `fuzz`, `miri`, `plugins`, `failpoints`, `bench NAME`, `demo`.

// A command line prints: that is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod demo;
mod failpoints;
mod fuzz;
mod judge;
mod miri;
mod plugins;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::fs::Mode;

/// Tasks of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run all tests, with the judges that can be had.
    Test(test::Arguments),
    /// Fuzz the parsers of foreign bytes.
    Fuzz(fuzz::Arguments),
    /// Run the unsafe code that plugins in Rust stand on under Miri.
    Miri,
    /// Build and test the plugins that vendors start from, and run the conformance kit over both.
    Plugins,
    /// Build the broker that dies where a test says.
    Failpoints,
    /// Measure: the last line is one JSON object.
    Bench(bench::Arguments),
    /// Show it whole: a broker, two phones and a bid system, and who verifies what comes out.
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    // What is built must not be writable by others: the broker takes no plugin that they could exchange.
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    if let Err(error) = fuzz::wrap_compiler() {
        eprintln!("cargo xtask: {error:#}");
        return ExitCode::FAILURE;
    }
    let done = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Miri => miri::run(),
        Task::Plugins => plugins::run(),
        Task::Failpoints => failpoints::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("cargo xtask: {error:#}");
        ExitCode::FAILURE
    })
}
