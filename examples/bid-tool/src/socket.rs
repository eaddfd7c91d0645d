//! The bid system's websocket, which outlives its connections: it comes back with a growing pause and `after=N`, and
//! gives each event once.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::http::Uri;
use tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use yinqiao_protocol::event::{ClientMessage, ServerMessage};
use yinqiao_protocol::problem::Problem;
use yinqiao_protocol::relying_party::OpenedSession;
use yinqiao_protocol::{OpeningId, SessionId, Token};

use crate::client::Client;
use crate::http::ClientError;

/// Path of the websocket.
const PATH: &str = "/v1/socket";
/// How long connecting and the handshake may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A connection that was silent this long is given up: the broker pings every 20 s.
const SILENT_AT_MOST: Duration = Duration::from_secs(70);
/// The pause after the first failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Bytes of the largest message: a result of 1,000 items.
const MOST_BYTES: usize = 64 << 20;

/// Why a websocket cannot go on. Broken connections are no such reason: they are made anew.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The broker says no.
    #[error(transparent)]
    Refused(Box<Problem>),
    /// A new token cannot be had.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The broker's address is none that a websocket reaches.
    #[error("no websocket can be opened at {0}")]
    Address(String),
    /// A message cannot be written.
    #[error("a message cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A websocket of one session, of one opening, or of all sessions of the bid system.
#[derive(Debug)]
pub struct Socket {
    client: Client,
    watching: Watching,
    /// Of the last event that was given.
    after: u64,
    codes: bool,
    connection: Option<Connection>,
    pause: Duration,
    not_before: Instant,
    /// Whether the silence was told since the last welcome.
    told: bool,
}

#[derive(Debug)]
enum Watching {
    /// By a token that opens one connection; `None` when it was used and its successor never came.
    Session(SessionId, Option<Token>),
    /// By the API key.
    All(Option<OpeningId>),
}

struct Connection {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    /// The same connection, to set how long a read may take.
    stream: TcpStream,
    welcomed: bool,
    heard_at: Instant,
}

/// How one look at a connection ended.
enum Read {
    Message(Box<ServerMessage>),
    Nothing,
    Broken,
}

impl Socket {
    /// The websocket of a session that was just opened; the broker pushes its codes on it.
    pub fn connect_session(client: &Client, opened: &OpenedSession) -> Self {
        let watching = Watching::Session(opened.session, Some(opened.socket_token.clone()));
        Self::new(client, watching, opened.sequence, true)
    }

    /// The websocket of all sessions of the bid system, or of one opening, from the event after `after` on. It brings no
    /// codes: compute them from the sessions' secrets.
    pub fn connect_all(client: &Client, opening: Option<OpeningId>, after: u64) -> Self {
        Self::new(client, Watching::All(opening), after, false)
    }

    fn new(client: &Client, watching: Watching, after: u64, codes: bool) -> Self {
        let client = client.clone();
        Self {
            client,
            watching,
            after,
            codes,
            connection: None,
            pause: FIRST_PAUSE,
            not_before: Instant::now(),
            told: false,
        }
    }

    /// Without codes, where the bid system computes them itself.
    #[must_use]
    pub fn without_codes(mut self) -> Self {
        self.codes = false;
        self
    }

    /// The sequence number of the last event given.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The next message, or `None` when none comes within `timeout`. Connects and reconnects as needed; events that were
    /// given before are left out. A `Welcome` with `complete: false` says that events are lost: ask for the sessions'
    /// states.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub fn next_message(&mut self, timeout: Duration) -> Result<Option<ServerMessage>, SocketError> {
        let deadline = Instant::now() + timeout;
        loop {
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            let Some(connection) = &mut self.connection else {
                let pause = self.not_before.saturating_duration_since(now);
                if pause > left {
                    thread::sleep(left);
                    return Ok(None);
                }
                thread::sleep(pause);
                self.connect()?;
                continue;
            };
            match connection.read(left) {
                Read::Nothing if connection.heard_at.elapsed() > SILENT_AT_MOST => self.disconnect(),
                Read::Nothing if deadline <= Instant::now() => return Ok(None),
                Read::Nothing => {}
                Read::Broken => self.disconnect(),
                Read::Message(message) => {
                    if let Some(message) = self.take(*message)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    /// Tells the broker that a session's result is stored; over REST where the websocket is down.
    ///
    /// # Errors
    /// What the broker says over REST. On the websocket the answer comes as a message.
    pub fn acknowledge(&mut self, session: SessionId) -> Result<(), SocketError> {
        let text = serde_json::to_string(&ClientMessage::Acknowledge { session })?;
        let sent = match &mut self.connection {
            Some(connection) if connection.welcomed => connection.socket.send(Message::text(text)).is_ok(),
            _ => false,
        };
        if !sent {
            self.client.acknowledge(session)?;
        }
        Ok(())
    }

    /// Breaks the connection, as a network does; the next message makes a new one. For tests.
    pub fn break_connection(&mut self) {
        self.connection = None;
    }

    fn take(&mut self, message: ServerMessage) -> Result<Option<ServerMessage>, SocketError> {
        let welcomed = self.connection.as_ref().is_some_and(|connection| connection.welcomed);
        match message {
            ServerMessage::Welcome { after, complete, next_token } => {
                if let Watching::Session(_, token) = &mut self.watching {
                    *token = next_token.clone();
                }
                if let Some(connection) = &mut self.connection {
                    connection.welcomed = true;
                }
                self.pause = FIRST_PAUSE;
                self.told = false;
                Ok(Some(ServerMessage::Welcome { after, complete, next_token }))
            }
            ServerMessage::Event(event) if event.sequence <= self.after => Ok(None),
            ServerMessage::Event(event) => {
                self.after = event.sequence;
                Ok(Some(ServerMessage::Event(event)))
            }
            ServerMessage::Problem(problem) if !welcomed => {
                self.disconnect();
                self.refused(problem).map(|()| None)
            }
            message => Ok(Some(message)),
        }
    }

    /// After a wrong hello: `Ok` where another one may be right.
    fn refused(&mut self, problem: Problem) -> Result<(), SocketError> {
        let token_is_used = matches!(problem.name(), "unauthorized" | "socket-token-used");
        match &mut self.watching {
            Watching::Session(_, token) if token_is_used => {
                *token = None;
                Ok(())
            }
            _ if problem.status >= 500 => Ok(()),
            _ => Err(SocketError::Refused(Box::new(problem))),
        }
    }

    fn disconnect(&mut self) {
        self.connection = None;
        self.not_before = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn connect(&mut self) -> Result<(), SocketError> {
        let (token, opening) = match &mut self.watching {
            Watching::Session(session, token) => {
                let token = match token.take() {
                    Some(token) => token,
                    None => match self.client.socket_token(*session) {
                        Ok(token) => token,
                        Err(ClientError::Unreachable { .. }) => {
                            self.disconnect();
                            return Ok(());
                        }
                        Err(error) => return Err(error.into()),
                    },
                };
                (Some(token), None)
            }
            Watching::All(opening) => (None, *opening),
        };
        let api_key = token.is_none().then(|| self.client.api_key());
        match Connection::open(self.client.base(), api_key)? {
            Some(mut connection) => {
                let hello = ClientMessage::Hello { token, after: self.after, opening, codes: self.codes };
                if connection.socket.send(Message::text(serde_json::to_string(&hello)?)).is_ok() {
                    self.connection = Some(connection);
                } else {
                    self.disconnect();
                }
            }
            None => {
                // The token was not sent, so it is still good.
                if let Watching::Session(_, kept) = &mut self.watching {
                    *kept = token;
                }
                self.disconnect();
                if !self.told {
                    self.client.tell_of_silence();
                    self.told = true;
                }
            }
        }
        Ok(())
    }
}

impl Connection {
    /// `None` when nobody answers there now.
    fn open(base: &str, api_key: Option<&Token>) -> Result<Option<Self>, SocketError> {
        let address = || SocketError::Address(base.to_owned());
        let url = format!("ws{}{PATH}", base.strip_prefix("http").ok_or_else(address)?);
        let mut request = url.as_str().into_client_request().map_err(|_| address())?;
        if let Some(key) = api_key {
            let mut value =
                HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| address())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let Some(stream) = dial(request.uri()).ok_or_else(address)? else { return Ok(None) };
        let (Ok(control), Ok(())) = (stream.try_clone(), stream.set_read_timeout(Some(CONNECT_WITHIN)))
        else {
            return Ok(None);
        };
        let config =
            WebSocketConfig::default().max_message_size(Some(MOST_BYTES)).max_frame_size(Some(MOST_BYTES));
        match handshake(request, stream, config) {
            Ok(socket) => {
                Ok(Some(Self { socket, stream: control, welcomed: false, heard_at: Instant::now() }))
            }
            Err(Some(problem)) if problem.status < 500 => Err(SocketError::Refused(problem)),
            Err(_) => Ok(None),
        }
    }

    fn read(&mut self, at_most: Duration) -> Read {
        // Zero would mean to wait for ever.
        let at_most = at_most.clamp(Duration::from_millis(1), Duration::from_secs(5));
        if self.stream.set_read_timeout(Some(at_most)).is_err() {
            return Read::Broken;
        }
        match self.socket.read() {
            Ok(message) => {
                self.heard_at = Instant::now();
                match message {
                    Message::Text(text) => match serde_json::from_str(&text) {
                        Ok(message) => Read::Message(Box::new(message)),
                        Err(_) => Read::Broken,
                    },
                    Message::Close(_) | Message::Binary(_) => Read::Broken,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Read::Nothing,
                }
            }
            Err(tungstenite::Error::Io(error))
                // A signal interrupts a read that has a time limit.
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                Read::Nothing
            }
            Err(_) => Read::Broken,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("welcomed", &self.welcomed).finish_non_exhaustive()
    }
}

/// A TCP connection; the outer `None` for an address without a host, the inner when nobody answers.
fn dial(uri: &Uri) -> Option<Option<TcpStream>> {
    let host = uri.host()?.trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    let Ok(addresses) = (host, port).to_socket_addrs() else { return Some(None) };
    let stream =
        addresses.into_iter().find_map(|address| TcpStream::connect_timeout(&address, CONNECT_WITHIN).ok());
    if let Some(stream) = &stream {
        // Only latency is at stake where the system refuses.
        let _ = stream.set_nodelay(true);
    }
    Some(stream)
}

type Request = tungstenite::handshake::client::Request;

/// The websocket's and, with the feature `tls`, TLS's handshake; the problem where the broker gave one.
fn handshake(
    request: Request,
    stream: TcpStream,
    config: WebSocketConfig,
) -> Result<WebSocket<MaybeTlsStream<TcpStream>>, Option<Box<Problem>>> {
    #[cfg(feature = "tls")]
    let connected = tungstenite::client_tls_with_config(request, stream, Some(config), None).map_err(failure);
    #[cfg(not(feature = "tls"))]
    let connected =
        tungstenite::client::client_with_config(request, MaybeTlsStream::Plain(stream), Some(config))
            .map_err(failure);
    match connected {
        Ok((socket, _)) => Ok(socket),
        Err(Some(tungstenite::Error::Http(response))) => {
            Err(response.body().as_ref().and_then(|body| serde_json::from_slice(body).ok()))
        }
        Err(_) => Err(None),
    }
}

fn failure<R: tungstenite::handshake::HandshakeRole>(
    error: tungstenite::HandshakeError<R>,
) -> Option<tungstenite::Error> {
    match error {
        tungstenite::HandshakeError::Failure(error) => Some(error),
        tungstenite::HandshakeError::Interrupted(_) => None,
    }
}

#[cfg(test)]
mod tests;
