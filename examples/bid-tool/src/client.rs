//! The bid system's REST requests.

use yinqiao_protocol::event::EventPage;
use yinqiao_protocol::relying_party::{
    ExtendOpening, LateItems, OpenOpening, OpenSession, OpenedOpening, OpenedSession, OpeningChange,
    OpeningView, SessionView, SocketToken,
};
use yinqiao_protocol::{OpeningId, SessionId, Task, Timestamp, Token};

use crate::http::{ClientError, Http, Silence, Twice};

/// A bid system's connection to a broker. Cloning is cheap and shares the connections. `Debug` prints no key.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
}

impl Client {
    /// The broker at `base`, such as `https://broker.example`, asked with `api_key`.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::NoTls`].
    pub fn new(base: &str, api_key: Token) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(base, api_key)? })
    }

    /// The same client, which bears with a broker that does not answer as `silence` says.
    #[must_use]
    pub fn with_silence(self, silence: Silence) -> Self {
        Self { http: self.http.with_silence(silence) }
    }

    pub(crate) fn tell_of_silence(&self) {
        self.http.tell_of_silence();
    }

    /// The broker's address.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    pub(crate) fn api_key(&self) -> &Token {
        self.http.api_key()
    }

    /// `POST /v1/sessions`
    ///
    /// # Errors
    /// See [`ClientError`]. After a broken connection it is not sent again: it might open a second session.
    pub fn open_session(&self, request: &OpenSession) -> Result<OpenedSession, ClientError> {
        self.http.post("/v1/sessions", &serde_json::to_vec(request)?, Twice::Again)
    }

    /// `POST /v1/openings`
    ///
    /// # Errors
    /// As [`Client::open_session`].
    pub fn open_opening(&self, request: &OpenOpening) -> Result<OpenedOpening, ClientError> {
        self.http.post("/v1/openings", &serde_json::to_vec(request)?, Twice::Again)
    }

    /// `GET /v1/sessions/{id}`: at once, or with `wait` seconds as soon as there is an event after `after`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn session(&self, id: SessionId, wait: u64, after: u64) -> Result<SessionView, ClientError> {
        self.http.get(&format!("/v1/sessions/{id}?wait={wait}&after={after}"), wait)
    }

    /// `PUT /v1/sessions/{id}/items`: the session's task with its late items.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn put_items(&self, id: SessionId, task: &Task) -> Result<SessionView, ClientError> {
        let json = serde_json::to_vec(&LateItems { task: task.clone() })?;
        self.http.put(&format!("/v1/sessions/{id}/items"), &json)
    }

    /// `POST /v1/sessions/{id}/cancel`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cancel(&self, id: SessionId) -> Result<SessionView, ClientError> {
        self.http.post(&format!("/v1/sessions/{id}/cancel"), b"", Twice::Harmless)
    }

    /// `POST /v1/sessions/{id}/acknowledge`: the result is stored; the broker may forget it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn acknowledge(&self, id: SessionId) -> Result<SessionView, ClientError> {
        self.http.post(&format!("/v1/sessions/{id}/acknowledge"), b"", Twice::Harmless)
    }

    /// `POST /v1/sessions/{id}/socket-tokens`: a new token for the session's websocket.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn socket_token(&self, id: SessionId) -> Result<Token, ClientError> {
        let path = format!("/v1/sessions/{id}/socket-tokens");
        let answer: SocketToken = self.http.post(&path, b"", Twice::Harmless)?;
        Ok(answer.socket_token)
    }

    /// `GET /v1/events`: all sessions' events after `after`, at most `limit`; waits up to `wait` seconds for the first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn events(&self, after: u64, wait: u64, limit: usize) -> Result<EventPage, ClientError> {
        self.http.get(&format!("/v1/events?after={after}&wait={wait}&limit={limit}"), wait)
    }

    /// `GET /v1/sessions/{id}/events`: as [`Client::events`], of one session.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn session_events(&self, id: SessionId, after: u64, wait: u64) -> Result<EventPage, ClientError> {
        self.http.get(&format!("/v1/sessions/{id}/events?after={after}&wait={wait}"), wait)
    }

    /// `GET /v1/sessions/{id}/qr.png`: a PNG of the code of this moment.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn qr_picture(&self, id: SessionId) -> Result<Vec<u8>, ClientError> {
        self.http.get_bytes(&format!("/v1/sessions/{id}/qr.png"), 0)
    }

    /// `GET /v1/openings/{id}`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn opening(&self, id: OpeningId) -> Result<OpeningView, ClientError> {
        self.http.get(&format!("/v1/openings/{id}"), 0)
    }

    /// `POST /v1/openings/{id}/extend`: moves the window's end.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn extend_opening(&self, id: OpeningId, until: Timestamp) -> Result<OpeningChange, ClientError> {
        let json = serde_json::to_vec(&ExtendOpening { until })?;
        self.http.post(&format!("/v1/openings/{id}/extend"), &json, Twice::Harmless)
    }

    /// `POST /v1/openings/{id}/cancel`
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cancel_opening(&self, id: OpeningId) -> Result<OpeningChange, ClientError> {
        self.http.post(&format!("/v1/openings/{id}/cancel"), b"", Twice::Harmless)
    }
}
