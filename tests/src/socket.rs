//! A bid system's websocket.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use yinqiao_protocol::event::{ClientMessage, Event, Happening, ServerMessage};
use yinqiao_protocol::problem::Problem;
use yinqiao_protocol::{OpeningId, SessionId, Token};

/// How long a message that must come may take.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// A connection. It remembers what it has received, as a bid system does that wants to miss nothing.
pub struct Socket {
    stream: WebSocket<TcpStream>,
    /// Sequence number of the last event received.
    pub last: u64,
    /// Token for the next connection, on one session's socket.
    pub next_token: Option<Token>,
    /// Whether the broker still had all events that were asked for.
    pub complete: bool,
    /// What the broker said when it closed the connection.
    pub farewell: Option<String>,
}

impl Socket {
    /// Connects; `key` goes with the upgrade request.
    ///
    /// # Panics
    /// When there is no connection.
    pub fn connect(url: &str, key: Option<&Token>) -> Self {
        Self::try_connect(url, key).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Socket::connect`].
    ///
    /// # Errors
    /// When there is no connection, or the upgrade is refused.
    pub fn try_connect(url: &str, key: Option<&Token>) -> Result<Self, String> {
        let address = url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(COMES_WITHIN)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{address}/v1/socket").into_client_request().unwrap();
        if let Some(key) = key {
            let value = format!("Bearer {}", key.expose()).parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let (stream, _) = tungstenite::client(request, stream).map_err(|error| error.to_string())?;
        Ok(Self { stream, last: 0, next_token: None, complete: false, farewell: None })
    }

    /// Says whose it is, and asks for the events after `after`.
    pub fn hello(&mut self, token: Option<&Token>, after: u64) {
        self.try_hello(token, after, None, true).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// As [`Socket::hello`], with all that can be said.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn try_hello(
        &mut self,
        token: Option<&Token>,
        after: u64,
        opening: Option<OpeningId>,
        codes: bool,
    ) -> Result<(), Box<Problem>> {
        self.say(&ClientMessage::Hello { token: token.cloned(), after, opening, codes });
        match self.message() {
            ServerMessage::Welcome { complete, next_token, .. } => {
                (self.last, self.complete, self.next_token) = (after, complete, next_token);
                Ok(())
            }
            ServerMessage::Problem(problem) => Err(Box::new(problem)),
            other => panic!("not an answer to hello: {other:?}"),
        }
    }

    /// Sends a message.
    pub fn say(&mut self, message: &ClientMessage) {
        self.say_text(&serde_json::to_string(message).unwrap());
    }

    /// Sends any text.
    pub fn say_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).unwrap();
    }

    /// The next message.
    pub fn message(&mut self) -> ServerMessage {
        let text = match self.try_text() {
            Ok(text) => text,
            Err(error) => panic!("{error} ({:?})", self.farewell),
        };
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The text of the next message.
    ///
    /// # Errors
    /// When the connection is closed, or nothing came in time.
    pub fn try_text(&mut self) -> Result<String, tungstenite::Error> {
        let begun = Instant::now();
        // The broker's pings come through here too: a read that ends with one must not wait anew.
        while begun.elapsed() < COMES_WITHIN {
            match self.stream.read()? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(frame) => {
                    self.farewell = frame.map(|frame| frame.to_string());
                    return Err(tungstenite::Error::ConnectionClosed);
                }
                _ => {}
            }
        }
        Err(tungstenite::Error::Io(io::ErrorKind::WouldBlock.into()))
    }

    /// The next event, which must come after those before; codes in between are left out.
    pub fn event(&mut self) -> Event {
        let event = self.any_event();
        assert!(event.sequence > self.last, "event {} came after {}", event.sequence, self.last);
        self.last = event.sequence;
        event
    }

    /// The next event, whatever its number; codes in between are left out.
    pub fn any_event(&mut self) -> Event {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < COMES_WITHIN, "no event came");
            match self.message() {
                ServerMessage::Event(event) => return *event,
                ServerMessage::Code { .. } | ServerMessage::Acknowledged { .. } => {}
                other => panic!("not an event: {other:?}"),
            }
        }
    }

    /// The events up to and with the first that `wanted` takes.
    pub fn events_until(&mut self, wanted: impl Fn(&Happening) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let done = wanted(&event.happening);
            events.push(event);
            if done {
                return events;
            }
        }
    }

    /// The next code; events that come before are left out.
    pub fn code(&mut self) -> String {
        loop {
            match self.message() {
                ServerMessage::Code { text, .. } => return text,
                ServerMessage::Event(_) => {}
                other => panic!("not a code: {other:?}"),
            }
        }
    }

    /// Acknowledges a result and waits until that is stored; events that come before are left out.
    pub fn acknowledge(&mut self, session: SessionId) {
        self.say(&ClientMessage::Acknowledge { session });
        loop {
            match self.message() {
                ServerMessage::Acknowledged { session: acknowledged } if acknowledged == session => return,
                ServerMessage::Event(_) | ServerMessage::Code { .. } => {}
                other => panic!("not an acknowledgement: {other:?}"),
            }
        }
    }

    /// Whether the broker closes the connection in a short time; what still comes is left out.
    pub fn is_closed(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(5);
        self.stream.get_ref().set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        while Instant::now() < until {
            match self.try_text() {
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return false;
                }
                Err(_) => return true,
            }
        }
        false
    }

    /// The connection beneath.
    pub fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}
