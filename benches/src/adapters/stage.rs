//! The broker with everyone who logs in, and a rate of logins that this machine can keep up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::Arguments;
use crate::figure;
use crate::login::SocketKind;
use crate::login::broker::Broker;
use crate::login::load::{Load, Measured};
use crate::login::process::resident;
use crate::login::scene::Scene;

/// Logins before anything is counted.
const WARM_UP: u64 = 300;
/// How long it is tried whether a rate can be kept up.
const TRIAL: Duration = Duration::from_secs(5);
/// A rate counts as kept up from this share of it on.
const KEPT_UP: f64 = 0.95;
/// Share of the most that is possible, where the rate that is wanted is not.
const SUSTAINABLE: f64 = 0.6;

/// A broker with the software CA, and who logs in.
pub struct Stage {
    /// The broker.
    pub broker: Broker,
    scene: Scene,
    load: Load,
    rate: Rate,
}

struct Rate {
    wanted: f64,
    taken: f64,
    /// Logins a second at full speed, where that was asked.
    most: Option<f64>,
}

/// Logins over some time.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Them.
    pub logins: Measured,
    /// Octets of the broker's resident memory before and after the latest one.
    pub resident: (u64, u64),
    /// Octets by which it grew in all.
    pub growth: i64,
    /// How long, in seconds.
    pub seconds: f64,
}

impl Stage {
    /// Starts it and finds the rate, `share` of the one that is asked for.
    pub fn prepare(arguments: &Arguments, share: f64) -> Result<Self> {
        let broker = Broker::start_quietly("")?;
        let scene = Scene::prepare(&broker)?;
        let load = Load {
            clients: arguments.clients,
            at_most: u64::MAX,
            time: Duration::from_secs(arguments.seconds),
            per_second: None,
            socket: SocketKind::All,
        };
        let mut stage = Self { broker, scene, load, rate: Rate { wanted: 0.0, taken: 0.0, most: None } };
        eprintln!("first logins");
        load.with_sessions(WARM_UP).run(&stage.scene)?.whole()?;
        stage.rate = stage.find_rate(f64::from(arguments.rate) * share)?;
        stage.load.per_second = Some(stage.rate.taken);
        Ok(stage)
    }

    /// Logins at the stage's rate for the time of a window.
    pub fn window(&self) -> Result<Window> {
        self.window_until(self.load.time, &AtomicBool::new(false))
    }

    /// Logins at the stage's rate until `stop` is set, `longest` at most.
    pub fn window_until(&self, longest: Duration, stop: &AtomicBool) -> Result<Window> {
        let before = resident(self.broker.pid())?;
        let begun = Instant::now();
        let logins = Load { time: longest, ..self.load }.run_until(&self.scene, stop)?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = resident(self.broker.pid())?;
        let growth = after.cast_signed() - before.cast_signed();
        Ok(Window { logins, resident: (before, after), growth, seconds })
    }

    /// A window with something else beside it, which is told how long it goes, and to end when the logins have ended.
    pub fn window_beside<T: Send>(
        &self,
        longest: Duration,
        beside: impl FnOnce(&AtomicBool) -> Result<T> + Send,
    ) -> Result<(Window, T)> {
        let over = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(move || beside(over));
            let window = self.window_until(longest, over);
            over.store(true, Ordering::Release);
            let other = other.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked"));
            Ok((window?, other?))
        })
    }

    /// How long a window is.
    pub fn length(&self) -> Duration {
        self.load.time
    }

    /// The rate, as figures.
    pub fn rate(&self) -> Value {
        let reason = self.rate.most.map(|most| {
            format!(
                "this machine does {most:.0} logins a second at most, its clients and other work included"
            )
        });
        json!({
            "logins_per_s_wanted": figure(self.rate.wanted),
            "logins_per_s_taken": figure(self.rate.taken),
            "another_rate_because": reason,
        })
    }

    fn find_rate(&self, wanted: f64) -> Result<Rate> {
        eprintln!("can {wanted:.0} logins a second be kept up?");
        let trial = |per_second| Load { time: TRIAL, per_second, ..self.load }.run(&self.scene)?.whole();
        if trial(Some(wanted))?.per_second() >= wanted * KEPT_UP {
            return Ok(Rate { wanted, taken: wanted, most: None });
        }
        let most = trial(None)?.per_second();
        let taken = (most * SUSTAINABLE).min(wanted).max(1.0);
        if taken == wanted {
            return Ok(Rate { wanted, taken, most: None });
        }
        eprintln!("no: {most:.0} are the most here; {taken:.0} are taken");
        Ok(Rate { wanted, taken, most: Some(most) })
    }
}

impl Window {
    /// Puts another window of the same kind to this.
    pub fn add(&mut self, other: Self) {
        self.logins.add(other.logins);
        self.resident = other.resident;
        self.growth += other.growth;
        self.seconds += other.seconds;
    }

    /// Octets a second.
    pub fn growth_per_second(&self) -> f64 {
        self.growth as f64 / self.seconds.max(1.0)
    }

    /// As figures.
    pub fn to_json(&self) -> Value {
        json!({
            "logins": self.logins.count(),
            "logins_failed": self.logins.failed(),
            "first_failure": self.logins.first_failure(),
            "logins_per_s": figure(self.logins.per_second()),
            "response_to_push_p50_ms": figure(self.logins.percentile(0.50)),
            "response_to_push_p95_ms": figure(self.logins.percentile(0.95)),
            "response_to_push_p99_ms": figure(self.logins.percentile(0.99)),
            "rss_before_kib": self.resident.0 / 1024,
            "rss_after_kib": self.resident.1 / 1024,
            "rss_growth_kib": self.growth / 1024,
        })
    }
}
