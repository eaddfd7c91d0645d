//! What processes use: processor time and resident memory as Linux counts them, and instructions where `perf` can.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::broker::Broker;
use crate::clock;

/// Processor time used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// By all threads of the broker.
    pub broker: Duration,
    /// By the processes that it started: its adapters' workers.
    pub worker: Duration,
    /// By this process, in which the clients run.
    pub clients: Duration,
}

impl Usage {
    /// Reads it.
    pub fn of(broker: &Broker) -> Result<Self> {
        let worker = children(broker.pid())?.iter().map(|stat| stat.time).sum();
        Ok(Self { broker: Stat::read(broker.pid())?.time, worker, clients: clock::process() })
    }

    /// What was used since an earlier reading.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            broker: self.broker - before.broker,
            worker: self.worker.saturating_sub(before.worker),
            clients: self.clients - before.clients,
        }
    }
}

/// Bytes of resident memory (`VmRSS` of `/proc/PID/status`).
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the broker has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}

/// How many processes a process has started that have not ended: a broker's workers.
pub fn number_of_children(pid: u32) -> Result<usize> {
    Ok(children(pid)?.len())
}

fn children(parent: u32) -> Result<Vec<Stat>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        // A process may end while it is looked at.
        if let Some(Ok(stat)) = pid.map(Stat::read)
            && stat.parent == parent
        {
            children.push(stat);
        }
    }
    Ok(children)
}

/// Two fields of `/proc/PID/stat` (proc(5)): the parent, and user and system time together.
struct Stat {
    parent: u32,
    time: Duration,
}

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, rest) = text.rsplit_once(") ").context("stat has another form")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |number: usize| fields.get(number - 3).copied().context("stat is too short");
        let ticks = field(14)?.parse::<u64>()? + field(15)?.parse::<u64>()?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Self { parent: field(4)?.parse()?, time: Duration::from_millis(ticks * 1000 / per_second) })
    }
}

/// Instructions that a process executes in user mode, counted by `perf`.
pub struct Instructions(Result<Child>);

impl Instructions {
    /// Counts from now on for `time`.
    pub fn start(pid: u32, time: Duration) -> Self {
        let perf = Command::new("perf")
            .args(["stat", "-x,", "-e", "instructions:u", "-p", &pid.to_string(), "--", "sleep"])
            .arg(time.as_secs().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(perf.context("perf cannot be run"))
    }

    /// How many.
    pub fn read(self) -> Result<f64> {
        let output = self.0?.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let line =
            text.lines().find(|line| line.contains("instructions")).context("perf counts nothing here")?;
        match line.split(',').next().map(str::parse) {
            Some(Ok(count)) => Ok(count),
            _ => {
                bail!("perf counts no instructions on this machine: {}", line.split(',').next().unwrap_or(""))
            }
        }
    }
}
