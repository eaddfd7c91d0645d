//! What a waiting session with its websocket costs the broker in memory.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use yinqiao_bid_tool::Socket;
use yinqiao_protocol::event::ServerMessage;

use super::broker::Broker;
use super::process::resident;
use super::scene::{Scene, login};
use crate::figure;

/// How long a websocket may take to be welcomed.
const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// What was freed is given back by now, what is written is written.
const SETTLE: Duration = Duration::from_secs(2);

/// Opens `number` sessions, each with a websocket, compares the broker's memory, and cancels them.
pub fn measure(broker: &Broker, scene: &Scene, number: u32) -> Result<Value> {
    if number == 0 {
        return Ok(Value::Null);
    }
    std::thread::sleep(SETTLE);
    let before = resident(broker.pid())?;
    let mut sessions = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..number {
        let opened = scene.bid_system.open_session(&login())?;
        let mut socket = Socket::connect_session(&scene.bid_system, &opened);
        let welcome = socket.next_message(WELCOME_WITHIN)?.context("a websocket was not welcomed")?;
        anyhow::ensure!(matches!(welcome, ServerMessage::Welcome { .. }), "the first message is no welcome");
        sessions.push(opened.session);
        sockets.push(socket);
    }
    std::thread::sleep(SETTLE);
    let after = resident(broker.pid())?;
    drop(sockets);
    for session in sessions {
        scene.bid_system.cancel(session)?;
    }
    let each = (after.saturating_sub(before)) as f64 / f64::from(number);
    Ok(json!({
        "waiting_sessions_with_socket": number,
        "rss_before_kib": before / 1024,
        "rss_after_kib": after / 1024,
        "kib_per_waiting_session": figure(each / 1024.0),
    }))
}
