//! Clients that log in, again and again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use yinqiao_bid_tool::Socket;
use yinqiao_protocol::SessionId;
use yinqiao_protocol::event::{Happening, ServerMessage};

use super::SocketKind;
use super::scene::{Scene, login};

/// How long a message may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// At the same time.
    pub clients: u32,
    /// Logins.
    pub at_most: u64,
    /// After this no login begins.
    pub time: Duration,
    /// Logins begun per second over all clients; as fast as they can where there is none.
    pub per_second: Option<f64>,
    /// Where results are heard.
    pub socket: SocketKind,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// From the response's sending to its result's push, sorted.
    latencies: Vec<Duration>,
    /// Logins that did not come to their end.
    failed: u64,
    /// Why the first of them did not.
    first_failure: Option<String>,
    elapsed: Duration,
}

/// What the clients share.
struct Shared<'s> {
    scene: &'s Scene,
    load: Load,
    begin: Instant,
    begun: AtomicU64,
    /// Set by the caller: no login begins any more.
    stop: &'s AtomicBool,
    /// With one websocket for all: who waits for which session's result. Held for a look-up only.
    waiting: Mutex<HashMap<SessionId, Sender<Instant>>>,
    over: AtomicBool,
}

/// A code on a bid system's page, and where its phone says when it answered.
struct Shown {
    code: String,
    sent: Sender<Result<Instant>>,
}

impl Load {
    /// The same with another number of logins.
    pub fn with_sessions(self, at_most: u64) -> Self {
        Self { at_most, ..self }
    }

    /// Runs it to its end.
    pub fn run(self, scene: &Scene) -> Result<Measured> {
        self.run_until(scene, &AtomicBool::new(false))
    }

    /// Runs it to its end, or until `stop` is set.
    pub fn run_until(self, scene: &Scene, stop: &AtomicBool) -> Result<Measured> {
        let shared = Shared {
            scene,
            load: self,
            begin: Instant::now(),
            begun: AtomicU64::new(0),
            stop,
            waiting: Mutex::default(),
            over: AtomicBool::new(false),
        };
        let shared = &shared;
        let mut measured = thread::scope(|scope| -> Result<Measured> {
            let listener = match self.socket {
                SocketKind::All => Some(scope.spawn(|| shared.listen())),
                SocketKind::Session => None,
            };
            let clients: Vec<_> =
                (0..self.clients).map(|number| scope.spawn(move || shared.client(number))).collect();
            let done: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
            shared.over.store(true, Ordering::Release);
            if let Some(listener) = listener {
                joined(listener.join())?;
            }
            let mut measured = Measured::default();
            for client in done {
                measured.add(joined(client)?);
            }
            Ok(measured)
        })?;
        measured.elapsed = shared.begin.elapsed();
        Ok(measured)
    }
}

fn joined<T>(result: thread::Result<Result<T>>) -> Result<T> {
    result.unwrap_or_else(|_| bail!("a client panicked"))
}

impl Shared<'_> {
    /// One client: a bid system in this thread, its holder's phone in another.
    fn client(&self, number: u32) -> Result<Measured> {
        let (show, shown) = channel::<Shown>();
        thread::scope(|scope| {
            let phone = scope.spawn(move || self.phone(&shown));
            let seen = self.bid_system(number, &show);
            drop(show);
            joined(phone.join())?;
            Ok(seen)
        })
    }

    fn phone(&self, shown: &Receiver<Shown>) -> Result<()> {
        let phone = self.scene.phone()?;
        while let Ok(Shown { code, sent }) = shown.recv() {
            let answer = phone.scan(&code).and_then(|answer| {
                let moment = Instant::now();
                phone.send(&answer).map(|()| moment)
            });
            // A bid system that gave up has said why.
            let _ = sent.send(answer);
        }
        Ok(())
    }

    fn bid_system(&self, number: u32, show: &Sender<Shown>) -> Measured {
        let interval = self.load.per_second.map(|rate| f64::from(self.load.clients) / rate);
        let mut measured = Measured::default();
        for turn in 0u32.. {
            if let Some(interval) = interval {
                let share = f64::from(number) / f64::from(self.load.clients);
                let due = Duration::from_secs_f64(interval * (f64::from(turn) + share));
                if due >= self.load.time {
                    break;
                }
                thread::sleep(due.saturating_sub(self.begin.elapsed()));
            }
            let is_over = self.stop.load(Ordering::Acquire) || self.begin.elapsed() >= self.load.time;
            if is_over || self.begun.fetch_add(1, Ordering::Relaxed) >= self.load.at_most {
                break;
            }
            match self.login(show) {
                Ok(latency) => measured.latencies.push(latency),
                Err(reason) => {
                    measured.failed += 1;
                    measured.first_failure.get_or_insert_with(|| format!("{reason:#}"));
                }
            }
        }
        measured
    }

    /// One login; gives the time from the response's sending to its result's push.
    fn login(&self, show: &Sender<Shown>) -> Result<Duration> {
        let (sent, sendings) = channel();
        let pushed = match self.load.socket {
            SocketKind::Session => self.login_with_socket(show, sent),
            SocketKind::All => self.login_without_socket(show, sent),
        };
        // The phone's error is the cause of the bid system's.
        match (pushed, sendings.recv_timeout(PATIENCE)) {
            (_, Ok(Err(phone))) => Err(phone.context("the phone")),
            (Err(bid_system), _) => Err(bid_system.context("the bid system")),
            (Ok(_), Err(silent)) => Err(silent).context("the phone says nothing"),
            (Ok(pushed), Ok(Ok(sent))) => Ok(pushed.saturating_duration_since(sent)),
        }
    }

    /// Gives the moment of the result's push; it is acknowledged.
    fn login_with_socket(&self, show: &Sender<Shown>, sent: Sender<Result<Instant>>) -> Result<Instant> {
        let opened = self.scene.bid_system.open_session(&login())?;
        let mut socket = Socket::connect_session(&self.scene.bid_system, &opened);
        let mut pushed = None;
        let mut sent = Some(sent);
        loop {
            match socket.next_message(PATIENCE)?.context("a session's websocket is silent")? {
                ServerMessage::Code { text: code, .. } => {
                    if let Some(sent) = sent.take() {
                        show.send(Shown { code, sent })?;
                    }
                }
                ServerMessage::Event(event) => match event.happening {
                    Happening::Completed { .. } => {
                        pushed = Some(Instant::now());
                        socket.acknowledge(opened.session)?;
                    }
                    Happening::Opened { .. } | Happening::Claimed { .. } => {}
                    other => bail!("a login ended otherwise: {other:?}"),
                },
                ServerMessage::Acknowledged { .. } => return pushed.context("acknowledged before the push"),
                ServerMessage::Problem(problem) => bail!("{}: {}", problem.title, problem.detail),
                ServerMessage::Welcome { .. } => {}
            }
        }
    }

    fn login_without_socket(&self, show: &Sender<Shown>, sent: Sender<Result<Instant>>) -> Result<Instant> {
        let opened = self.scene.bid_system.open_session(&login())?;
        let (push, pushes) = channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(opened.session, push);
        show.send(Shown { code: opened.code, sent })?;
        Ok(pushes.recv_timeout(PATIENCE)?)
    }

    /// The one websocket of a bid system that watches all its sessions by it.
    fn listen(&self) -> Result<()> {
        let latest = self.scene.bid_system.open_session(&login())?;
        self.scene.bid_system.cancel(latest.session)?;
        let mut socket = Socket::connect_all(&self.scene.bid_system, None, latest.sequence);
        while !self.over.load(Ordering::Acquire) {
            let message = socket.next_message(Duration::from_millis(50))?;
            if let Some(ServerMessage::Event(event)) = message
                && matches!(event.happening, Happening::Completed { .. })
            {
                let pushed = Instant::now();
                socket.acknowledge(event.session)?;
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(push) = waiting.remove(&event.session) {
                    // A client that gave up has said why.
                    let _ = push.send(pushed);
                }
            }
        }
        Ok(())
    }
}

impl Measured {
    /// Puts what was seen elsewhere to this.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.elapsed += other.elapsed;
    }

    /// The same, where no login failed.
    pub fn whole(self) -> Result<Self> {
        match &self.first_failure {
            Some(reason) => bail!("{} logins failed; the first: {reason}", self.failed),
            None => Ok(self),
        }
    }

    /// Logins that failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Why the first of them failed.
    pub fn first_failure(&self) -> Option<&str> {
        self.first_failure.as_deref()
    }

    /// Logins that came to their end.
    pub fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    /// Logins per second of the wall's clock.
    pub fn per_second(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    /// Milliseconds within which this share of results was pushed (nearest rank).
    pub fn percentile(&self, share: f64) -> f64 {
        let rank = (self.count() * share).ceil() as usize;
        let latency = self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        latency.as_secs_f64() * 1000.0
    }
}
