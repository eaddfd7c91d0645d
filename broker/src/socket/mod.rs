//! The bid system's websocket: one actor per connection. It proves whose it is with its first message, gets what it
//! missed, then every event as it happens.
//!
//! This module alone knows actix-web-actors, which is deprecated in favour of actix-ws by the same maintainers. A client
//! that stops reading freezes its actor's timers (actix-web #2441), so nothing that others depend on hangs on them:
//! sessions expire elsewhere, the event hub drops a subscriber whose mailbox is full, and the kernel cuts the connection
//! (TCP_USER_TIMEOUT, set where connections are accepted).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use yinqiao_protocol::event::{ClientMessage, Event, ServerMessage};
use yinqiao_protocol::relying_party::MOST_SESSIONS;
use yinqiao_protocol::{RelyingPartyId, SessionId, Token, code};

use crate::broker::Broker;
use crate::clock;
use crate::event::{Deliver, Subscription};
use crate::http::ownership::own_session;
use crate::http::problem::{ApiError, Kind};
use crate::session::machine::Input;
use crate::session::record::{CodeSecret, State};
use crate::store::{EventsOf, StoredSession};

mod greeting;

/// How long a connection may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How often the broker pings.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A connection that was silent this long is closed.
const SILENT_AT_MOST: Duration = Duration::from_secs(70);
/// Events that wait for a slow connection before it is sent away. One request makes an event for each session of an
/// opening at once: a bid system that reads as it should must not be taken for a slow one.
const MAILBOX: usize = 2 * MOST_SESSIONS;
/// Events that may come while the missed ones are still being read.
const MOST_HELD: usize = 10_000;
/// Bytes of a message from a bid system.
const MOST_BYTES: usize = 16 << 10;

/// Answers an upgrade request. `relying_party` is set where it carried an API key.
///
/// # Errors
/// When it is no upgrade request.
pub fn start(
    broker: Arc<Broker>,
    relying_party: Option<RelyingPartyId>,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let socket = BidSocket {
        broker,
        relying_party,
        session: None,
        phase: Phase::Hello,
        subscription: None,
        overrun: Arc::default(),
        last_sent: 0,
        heard_at: Instant::now(),
    };
    ws::WsResponseBuilder::new(socket, request, body).frame_size(MOST_BYTES).start()
}

/// One connection.
struct BidSocket {
    broker: Arc<Broker>,
    relying_party: Option<RelyingPartyId>,
    /// Set where a session's token opened the connection: it is good for that session only.
    session: Option<SessionId>,
    phase: Phase,
    subscription: Option<Subscription>,
    overrun: Arc<AtomicBool>,
    last_sent: u64,
    heard_at: Instant,
}

enum Phase {
    /// Nothing is known of the other side.
    Hello,
    /// Missed events are being read; those that happen meanwhile are held.
    Replay { held: VecDeque<Arc<Event>> },
    /// Events go out as they come.
    Live,
    /// Closing.
    Over,
}

/// What a session's socket needs to compute codes.
#[derive(Clone)]
struct CodeSource {
    session: SessionId,
    secret: CodeSecret,
    opened_at: yinqiao_protocol::Timestamp,
}

type SocketContext = ws::WebsocketContext<BidSocket>;

impl Actor for BidSocket {
    type Context = SocketContext;

    fn started(&mut self, context: &mut SocketContext) {
        context.set_mailbox_capacity(MAILBOX);
        context.run_later(HELLO_WITHIN, |socket, context| {
            if matches!(socket.phase, Phase::Hello) {
                let problem =
                    ApiError::new(Kind::Unauthorized, "no hello came: send {\"type\":\"hello\",…} first");
                socket.refuse(&problem, context);
            }
        });
        context.run_interval(PING_EVERY, |socket, context| {
            if socket.overrun.load(Ordering::Acquire) {
                socket.close(ws::CloseCode::Again, "too slow: come back with after=N", context);
            } else if socket.heard_at.elapsed() > SILENT_AT_MOST {
                socket.close(ws::CloseCode::Away, "nothing was heard of you", context);
            } else {
                context.ping(b"");
            }
        });
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for BidSocket {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, context: &mut SocketContext) {
        self.heard_at = Instant::now();
        match message {
            Ok(ws::Message::Ping(bytes)) => context.pong(&bytes),
            Ok(ws::Message::Text(text)) => match serde_json::from_str(&text) {
                Ok(message) => self.receive(message, context),
                Err(error) => self.refuse(
                    &ApiError::new(
                        Kind::MalformedRequest,
                        format!("not a message of this protocol: {error}"),
                    ),
                    context,
                ),
            },
            Ok(ws::Message::Binary(_) | ws::Message::Continuation(_)) => self.refuse(
                &ApiError::new(Kind::MalformedRequest, "messages are unfragmented texts of JSON"),
                context,
            ),
            Ok(ws::Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => {}
            Err(error) => self.close(ws::CloseCode::Protocol, &error.to_string(), context),
        }
    }
}

impl Handler<Deliver> for BidSocket {
    type Result = ();

    fn handle(&mut self, Deliver(event): Deliver, context: &mut SocketContext) {
        if self.overrun.load(Ordering::Acquire) {
            self.close(ws::CloseCode::Again, "too slow: come back with after=N", context);
            return;
        }
        match &mut self.phase {
            Phase::Replay { held } if held.len() < MOST_HELD => held.push_back(event),
            Phase::Replay { .. } => {
                self.close(ws::CloseCode::Again, "too far behind: come back with after=N", context);
            }
            Phase::Live => self.send_event(&event, context),
            Phase::Hello | Phase::Over => {}
        }
    }
}

impl BidSocket {
    fn receive(&mut self, message: ClientMessage, context: &mut SocketContext) {
        match (message, &self.phase) {
            (ClientMessage::Hello { token, after, opening, codes }, Phase::Hello) => {
                self.phase = Phase::Replay { held: VecDeque::new() };
                let greeting = greeting::Greeting {
                    relying_party: self.relying_party.clone(),
                    token,
                    opening,
                    after,
                    deliver: context.address().recipient(),
                    overrun: Arc::clone(&self.overrun),
                };
                let broker = Arc::clone(&self.broker);
                context.spawn(async move { greeting.run(&broker).await }.into_actor(self).map(
                    move |welcomed, socket, context| match welcomed {
                        Ok(welcomed) => socket.welcome(welcomed, after, codes, context),
                        Err(error) => socket.refuse(&error, context),
                    },
                ));
            }
            (ClientMessage::Hello { .. }, _) => {
                let problem = ApiError::new(Kind::MalformedRequest, "hello comes once, as the first message");
                Self::send(&ServerMessage::Problem(problem.problem()), context);
            }
            (ClientMessage::Acknowledge { session }, Phase::Replay { .. } | Phase::Live) => {
                self.acknowledge(session, context);
            }
            (ClientMessage::Acknowledge { .. }, Phase::Hello | Phase::Over) => {
                let problem = ApiError::new(Kind::Unauthorized, "say hello first");
                self.refuse(&problem, context);
            }
        }
    }

    fn welcome(
        &mut self,
        welcomed: greeting::Welcomed,
        after: u64,
        codes: bool,
        context: &mut SocketContext,
    ) {
        self.subscription = Some(welcomed.subscription);
        self.relying_party = Some(welcomed.relying_party);
        self.session = welcomed.session.as_ref().map(|stored| stored.record.id);
        let welcome =
            ServerMessage::Welcome { after, complete: welcomed.complete, next_token: welcomed.next_token };
        Self::send(&welcome, context);
        for event in welcomed.missed {
            self.send_event(&event, context);
        }
        if let Phase::Replay { held } = std::mem::replace(&mut self.phase, Phase::Live) {
            for event in held {
                self.send_event(&event, context);
            }
        }
        if let (true, Some(stored)) = (codes, welcomed.session)
            && matches!(stored.record.state, State::Waiting { .. })
        {
            let record = &stored.record;
            let source =
                CodeSource { session: record.id, secret: record.secret.clone(), opened_at: record.opened_at };
            self.push_code(source, context);
        }
    }

    /// Sends the code of this moment and comes back when its step ends, until the session waits no more.
    fn push_code(&mut self, source: CodeSource, context: &mut SocketContext) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        let broker = Arc::clone(&self.broker);
        let session = source.session;
        let still_waits = async move { broker.store.session(session).await };
        context.spawn(still_waits.into_actor(self).map(move |stored, socket, context| {
            let waits = |stored: &StoredSession| matches!(stored.record.state, State::Waiting { .. });
            if !matches!(stored, Ok(Some(stored)) if waits(&stored)) {
                return;
            }
            let now = clock::now();
            let step = code::step_at(source.opened_at, now);
            let until = code::step_ends(source.opened_at, step);
            let text = code::text(&socket.broker.public_url, source.secret.expose(), &source.session, step);
            Self::send(&ServerMessage::Code { session: source.session, text, until }, context);
            let pause = Duration::from_millis(now.millis_until(until).max(1));
            context.run_later(pause, move |socket, context| socket.push_code(source, context));
        }));
    }

    fn acknowledge(&mut self, session: SessionId, context: &mut SocketContext) {
        let (broker, relying_party) = (Arc::clone(&self.broker), self.relying_party.clone());
        let allowed = self.session.is_none_or(|own| own == session);
        let acknowledged = async move {
            let owner = relying_party.filter(|_| allowed).ok_or_else(ApiError::no_session)?;
            own_session(&broker, &owner, session).await?;
            broker.sessions.apply(session, Input::Acknowledge).await.map_err(ApiError::from)
        };
        context.spawn(acknowledged.into_actor(self).map(move |result, _, context| {
            let message = match result {
                Ok(_) => ServerMessage::Acknowledged { session },
                Err(error) => ServerMessage::Problem(error.problem()),
            };
            Self::send(&message, context);
        }));
    }

    fn send_event(&mut self, event: &Arc<Event>, context: &mut SocketContext) {
        if event.sequence > self.last_sent {
            self.last_sent = event.sequence;
            Self::send(&ServerMessage::Event(Box::new(Event::clone(event))), context);
        }
    }

    fn send(message: &ServerMessage, context: &mut SocketContext) {
        match serde_json::to_string(message) {
            Ok(text) => context.text(text),
            Err(error) => tracing::error!(%error, "a message cannot be written"),
        }
    }

    fn refuse(&mut self, error: &ApiError, context: &mut SocketContext) {
        Self::send(&ServerMessage::Problem(error.problem()), context);
        self.close(ws::CloseCode::Policy, "see the problem sent before", context);
    }

    fn close(&mut self, code: ws::CloseCode, reason: &str, context: &mut SocketContext) {
        self.phase = Phase::Over;
        self.subscription = None;
        context.close(Some(ws::CloseReason { code, description: Some(reason.to_owned()) }));
        context.stop();
    }
}

/// The token of a session's websocket names the session, so that it can be looked up, and carries 32 random bytes.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_token(session: &SessionId) -> Result<Token, getrandom::Error> {
    let mut bytes = zeroize::Zeroizing::new([0u8; 48]);
    let (name, random) = bytes.split_at_mut(16);
    name.copy_from_slice(session.as_bytes());
    getrandom::fill(random)?;
    Ok(Token::from_bytes(bytes.as_ref()))
}

/// Which events a connection gets.
fn events_of(session: Option<SessionId>, opening: Option<yinqiao_protocol::OpeningId>) -> EventsOf {
    match (session, opening) {
        (Some(session), _) => EventsOf::Session(session),
        (None, Some(opening)) => EventsOf::Opening(opening),
        (None, None) => EventsOf::RelyingParty,
    }
}
