//! A bid system's requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::Request;

use yinqiao_protocol::event::EventPage;
use yinqiao_protocol::holder::Acceptance;
use yinqiao_protocol::relying_party::{LateItems, OpenSession, OpenedSession, SessionView, SocketToken};
use yinqiao_protocol::statement::Display;
use yinqiao_protocol::{SessionId, Task, Timestamp, Token, code};

use crate::answer::Answer;
use crate::socket::Socket;

/// A bid system with its API key.
#[derive(Clone)]
pub struct RelyingParty {
    url: String,
    key: Token,
    agent: Agent,
}

impl RelyingParty {
    /// The bid system that holds `key` at the broker at `url`.
    pub fn new(url: &str, key: Token) -> Self {
        Self { url: url.to_owned(), key, agent: agent() }
    }

    /// Its API key.
    pub fn key(&self) -> &Token {
        &self.key
    }

    /// The broker's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends any bytes as JSON with any method to any path.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn try_send(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        send(&self.agent, &self.url, method, path, Some(&self.key), body)
    }

    /// As [`RelyingParty::try_send`], to a broker that is there.
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.try_send(method, path, body).unwrap()
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send("POST", path, &serde_json::to_vec(body).unwrap())
    }

    /// Gets JSON.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.send("GET", path, b"").expect()
    }

    /// Opens a session for `task`.
    pub fn open(&self, task: Task) -> OpenedSession {
        self.open_session(&session(task))
    }

    /// Opens a session whose items come after the claim.
    pub fn open_late(&self, task: Task) -> OpenedSession {
        self.open_session(&OpenSession { late_items: true, ..session(task) })
    }

    /// Opens a session.
    pub fn open_session(&self, request: &OpenSession) -> OpenedSession {
        self.post("/v1/sessions", request).expect()
    }

    /// Where a session stands.
    pub fn view(&self, session: &SessionId) -> SessionView {
        self.get(&format!("/v1/sessions/{session}"))
    }

    /// Sends late items.
    pub fn send_items(&self, session: &SessionId, task: Task) -> Answer {
        let body = serde_json::to_vec(&LateItems { task }).unwrap();
        self.send("PUT", &format!("/v1/sessions/{session}/items"), &body)
    }

    /// Asks for something to be done with a session: `cancel`, `acknowledge`.
    pub fn order(&self, session: &SessionId, verb: &str) -> Answer {
        self.send("POST", &format!("/v1/sessions/{session}/{verb}"), b"")
    }

    /// Its events after a sequence number.
    pub fn events(&self, after: u64) -> EventPage {
        self.get(&format!("/v1/events?after={after}"))
    }

    /// A session's events after a sequence number.
    pub fn session_events(&self, session: &SessionId, after: u64) -> EventPage {
        self.get(&format!("/v1/sessions/{session}/events?after={after}"))
    }

    /// A new token for a session's websocket.
    pub fn socket_token(&self, session: &SessionId) -> Token {
        let token: SocketToken = self.order(session, "socket-tokens").expect();
        token.socket_token
    }

    /// A websocket on one session.
    pub fn watch(&self, opened: &OpenedSession) -> Socket {
        let mut socket = Socket::connect(&self.url, None);
        socket.hello(Some(&opened.socket_token), 0);
        socket
    }

    /// A websocket on all its sessions.
    pub fn watch_all(&self, after: u64) -> Socket {
        let mut socket = Socket::connect(&self.url, Some(&self.key));
        socket.hello(None, after);
        socket
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// When the connection breaks.
pub fn send(
    agent: &Agent,
    url: &str,
    method: &str,
    path: &str,
    bearer: Option<&Token>,
    body: &[u8],
) -> Result<Answer, ureq::Error> {
    let mut request = Request::builder().method(method).uri(format!("{url}{path}"));
    if let Some(token) = bearer {
        request = request.header("authorization", format!("Bearer {}", token.expose()));
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    Answer::read(agent.run(request.body(body).unwrap())?)
}

/// A client that takes refusals as answers, and keeps no connection to a broker that may be killed.
pub fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_idle_connections(0)
        .timeout_global(Some(Duration::from_secs(90)));
    config.build().new_agent()
}

/// The smallest request for a session.
pub fn session(task: Task) -> OpenSession {
    OpenSession {
        task,
        late_items: false,
        display: Display::default(),
        accept: Acceptance::default(),
        time_to_scan: None,
        time_to_confirm: None,
        time_to_keep: None,
        reference: None,
    }
}

/// The code that a bid system computes itself for this moment.
pub fn current_code(url: &str, opened: &OpenedSession) -> String {
    let step = code::step_at(opened.opened_at, now());
    code::text(url, opened.secret.as_slice(), &opened.session, step)
}

/// Now, by the machine's clock.
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap())
}
