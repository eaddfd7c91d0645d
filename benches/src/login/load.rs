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
#[derive(Debug)]
pub struct Measured {
    /// From the response's sending to its result's push, sorted.
    latencies: Vec<Duration>,
    elapsed: Duration,
}

/// What the clients share.
struct Shared<'s> {
    scene: &'s Scene,
    load: Load,
    begin: Instant,
    begun: AtomicU64,
    /// With one websocket for all: who waits for which session's result. Held for a look-up only.
    waiting: Mutex<HashMap<SessionId, Sender<Instant>>>,
    over: AtomicBool,
}

impl Load {
    /// The same with another number of logins.
    pub fn with_sessions(self, at_most: u64) -> Self {
        Self { at_most, ..self }
    }

    /// Runs it to its end.
    pub fn run(self, scene: &Scene) -> Result<Measured> {
        let shared = Shared {
            scene,
            load: self,
            begin: Instant::now(),
            begun: AtomicU64::new(0),
            waiting: Mutex::default(),
            over: AtomicBool::new(false),
        };
        let shared = &shared;
        let mut latencies = thread::scope(|scope| -> Result<Vec<Duration>> {
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
            let mut latencies = Vec::new();
            for client in done {
                latencies.extend(joined(client)?);
            }
            Ok(latencies)
        })?;
        latencies.sort_unstable();
        Ok(Measured { latencies, elapsed: shared.begin.elapsed() })
    }
}

fn joined<T>(result: thread::Result<Result<T>>) -> Result<T> {
    result.unwrap_or_else(|_| bail!("a client panicked"))
}

impl Shared<'_> {
    /// One client: a bid system in this thread, its holder's phone in another.
    fn client(&self, number: u32) -> Result<Vec<Duration>> {
        let (show, codes) = channel::<String>();
        let (sent, sendings) = channel();
        thread::scope(|scope| {
            let phone = scope.spawn(move || self.phone(&codes, &sent));
            let seen = self.bid_system(number, &show, &sendings);
            drop(show);
            // The phone's error is the cause of the bid system's.
            joined(phone.join())?;
            seen
        })
    }

    fn phone(&self, codes: &Receiver<String>, sent: &Sender<Instant>) -> Result<()> {
        let phone = self.scene.phone()?;
        while let Ok(code) = codes.recv() {
            let answer = phone.scan(&code)?;
            sent.send(Instant::now())?;
            phone.send(&answer)?;
        }
        Ok(())
    }

    fn bid_system(
        &self,
        number: u32,
        show: &Sender<String>,
        sendings: &Receiver<Instant>,
    ) -> Result<Vec<Duration>> {
        let interval = self.load.per_second.map(|rate| f64::from(self.load.clients) / rate);
        let mut latencies = Vec::new();
        for turn in 0u32.. {
            if let Some(interval) = interval {
                let share = f64::from(number) / f64::from(self.load.clients);
                let due = Duration::from_secs_f64(interval * (f64::from(turn) + share));
                thread::sleep(due.saturating_sub(self.begin.elapsed()));
            }
            let is_over = self.begin.elapsed() >= self.load.time;
            if is_over || self.begun.fetch_add(1, Ordering::Relaxed) >= self.load.at_most {
                break;
            }
            let pushed = match self.load.socket {
                SocketKind::Session => self.login_with_socket(show)?,
                SocketKind::All => self.login_without_socket(show)?,
            };
            let sent = sendings.recv_timeout(PATIENCE)?;
            latencies.push(pushed.saturating_duration_since(sent));
        }
        Ok(latencies)
    }

    /// Gives the moment of the result's push; it is acknowledged.
    fn login_with_socket(&self, show: &Sender<String>) -> Result<Instant> {
        let opened = self.scene.bid_system.open_session(&login())?;
        let mut socket = Socket::connect_session(&self.scene.bid_system, &opened);
        let mut pushed = None;
        let mut shown = false;
        loop {
            match socket.next_message(PATIENCE)?.context("a session's websocket is silent")? {
                ServerMessage::Code { text, .. } if !shown => {
                    shown = true;
                    show.send(text)?;
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
                ServerMessage::Welcome { .. } | ServerMessage::Code { .. } => {}
            }
        }
    }

    fn login_without_socket(&self, show: &Sender<String>) -> Result<Instant> {
        let opened = self.scene.bid_system.open_session(&login())?;
        let (push, pushes) = channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(opened.session, push);
        show.send(opened.code)?;
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
    /// Logins.
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
