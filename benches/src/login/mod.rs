//! What does a login cost the broker, and how long does its bid system wait?
//!
//! A broker runs as it would in earnest, in a process of its own, on a free port of the loopback, with the software CA in
//! its worker. Clients log in one after the other, each in two threads: a bid system, which opens a session, takes the
//! code from its websocket, and acknowledges the result that is pushed there; and a phone, which claims, fetches and
//! answers. Three parts:
//!
//! 1. **memory**: sessions that wait, each with a websocket; the broker's resident memory before and after.
//! 2. **full**: all clients as fast as they can. Sessions per second, processor time and instructions per session.
//! 3. **half**: the same at half of that rate: the time from the sending of the response to the push of the result.
//!
//! Clients use this process's processor time, which is given apart; on few processors they take from the broker what
//! `sessions_per_s` could be, but not from processor time per session. The ratio `cpu_to_verifications` compares it with
//! the SM2 verifications that a login needs (the claim's and the statement's), measured in this process before and after.
//! All clients' phones hold the same keys, so the broker's memory of certificates is always warm. The times of getting
//! ready (enrolment, first logins) are not counted.

pub mod broker;
pub mod load;
mod memory;
pub mod process;
pub mod scene;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::broker::Broker;
use self::load::{Load, Measured};
use self::process::Usage;
use self::scene::Scene;
use crate::{figure, sm2};

/// Signatures of a login that the broker must verify: the claim's, by the device key, and the statement's.
const VERIFICATIONS: u32 = 2;
/// Logins before anything is counted.
const WARM_UP: u64 = 100;

/// Options.
#[derive(Args, Clone, Copy, Debug)]
pub struct Arguments {
    /// Clients that log in at the same time.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    clients: u32,
    /// Seconds of each part under load.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Logins of each part under load, at most.
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Sessions that wait in the part about memory.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(0..=9000))]
    waiting: u32,
    /// Which websocket the bid system watches.
    #[arg(long, value_enum, default_value = "session")]
    socket: SocketKind,
    /// Threads of the broker. Default: as many as processors.
    #[arg(long)]
    threads: Option<usize>,
}

/// How a bid system hears of results.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SocketKind {
    /// A new websocket for each session, which is pushed the codes too.
    Session,
    /// One websocket for all, by the API key; codes come with the opened session.
    All,
}

/// Measures and gives the figures.
pub fn run(arguments: &Arguments) -> Result<Value> {
    let broker = Broker::start(&settings(arguments.threads))?;
    let scene = Scene::prepare(&broker)?;
    let full = Load {
        clients: arguments.clients,
        at_most: arguments.sessions,
        time: Duration::from_secs(arguments.seconds),
        per_second: None,
        socket: arguments.socket,
    };
    eprintln!("first logins");
    full.with_sessions(WARM_UP).run(&scene)?.whole()?;
    eprintln!("{} waiting sessions", arguments.waiting);
    let memory = memory::measure(&broker, &scene, arguments.waiting)?;
    let before = sm2::verification_time()?;
    eprintln!("full load: {} clients, {} s", arguments.clients, arguments.seconds);
    let counter = process::Instructions::start(broker.pid(), full.time);
    let usage = Usage::of(&broker)?;
    let at_full = full.run(&scene)?.whole()?;
    let used = Usage::of(&broker)?.since(&usage);
    let instructions = counter.read();
    let verification = before.min(sm2::verification_time()?);
    let half_rate = at_full.per_second() / 2.0;
    eprintln!("half load: {half_rate:.0} logins a second, {} s", arguments.seconds);
    let at_half = Load { per_second: Some(half_rate), ..full }.run(&scene)?.whole()?;

    let sessions = at_full.count();
    let per_session = |time: Duration| time.as_secs_f64() / sessions;
    let needed = verification.as_secs_f64() * f64::from(VERIFICATIONS);
    let (instructions, reason) = match instructions {
        Ok(count) => (figure(count / sessions), Value::Null),
        Err(reason) => (Value::Null, Value::String(format!("{reason:#}"))),
    };
    Ok(json!({
        "bench": "login",
        "clients": arguments.clients,
        "socket": match arguments.socket { SocketKind::Session => "session", SocketKind::All => "all" },
        "sessions": at_full.count(),
        "sessions_per_s": figure(at_full.per_second()),
        "broker_cpu_ms_per_session": figure(per_session(used.broker) * 1000.0),
        "worker_cpu_ms_per_session": figure(per_session(used.worker) * 1000.0),
        "client_cpu_ms_per_session": figure(per_session(used.clients) * 1000.0),
        "instructions_per_session": instructions,
        "instructions_missing_because": reason,
        "verifications_per_session": VERIFICATIONS,
        "verification_cpu_ms": figure(verification.as_secs_f64() * 1000.0),
        "cpu_to_verifications": figure(per_session(used.broker) / needed),
        "full_load": latency(&at_full),
        "half_load": latency(&at_half),
        "memory": memory,
    }))
}

/// The broker's settings, TOML.
fn settings(threads: Option<usize>) -> String {
    threads.map(|number| format!("threads = {number}\n")).unwrap_or_default()
}

fn latency(measured: &Measured) -> Value {
    json!({
        "sessions_per_s": figure(measured.per_second()),
        "response_to_push_p50_ms": figure(measured.percentile(0.50)),
        "response_to_push_p99_ms": figure(measured.percentile(0.99)),
    })
}
