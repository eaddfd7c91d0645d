//! Benchmarks. Each answers one question, prints a ratio beside its figures, and ends with one JSON object on the last
//! line, to be compared with an earlier run. `cargo xtask bench NAME` builds all they need and runs them.
//!
//! | name | question |
//! | --- | --- |
//! | `sm2` | How fast are our SM2 signatures, beside OpenSSL's? |
//! | `login` | What does a login cost the broker, and how long does its bid system wait? |
//! | `adapters` | Do CAs' plugins keep out of each other's way, upgrade in use, and call fast? |

// A benchmark prints: that is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod adapters;
mod clock;
mod login;
mod sm2;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

/// Benchmarks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", version, about)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
    #[command(flatten)]
    output: Output,
}

#[derive(Args, Clone, Copy, Debug)]
struct Output {
    /// Nothing on standard output but the JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// How fast are our SM2 signatures, beside OpenSSL's?
    Sm2(sm2::Arguments),
    /// What does a login cost the broker, and how long does its bid system wait?
    Login(login::Arguments),
    /// Do CAs' plugins keep out of each other's way, upgrade in use, and call fast?
    Adapters(adapters::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let measured = match &arguments.bench {
        Bench::Sm2(bench) => sm2::run(bench),
        Bench::Login(bench) => login::run(bench),
        Bench::Adapters(bench) => adapters::run(bench),
    };
    match measured {
        Ok(figures) => {
            if !arguments.output.json {
                print_lines("", &figures);
            }
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("yinqiao-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One line for each figure.
fn print_lines(path: &str, figures: &Value) {
    match figures {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                print_lines(&path, value);
            }
        }
        Value::String(text) => println!("{path:48} {text}"),
        value => println!("{path:48} {value}"),
    }
}

/// A figure with three decimals, or `null` where it is none.
fn figure(value: f64) -> Value {
    serde_json::Number::from_f64((value * 1000.0).round() / 1000.0).map_or(Value::Null, Value::Number)
}
