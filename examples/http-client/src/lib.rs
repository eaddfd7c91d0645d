//! Requests to a broker, sent again while the network or the broker is away. The examples' phone and bid system share it.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, RETRY_AFTER};
use ureq::http::{Request, Response, StatusCode};

use yinqiao_protocol::Token;
use yinqiao_protocol::problem::MEDIA_TYPE;

mod error;
#[cfg(test)]
mod tests;

pub use error::HttpError;
pub use ureq::http::Method;

/// The first pause between two sendings; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What is borne with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the largest answer that is read.
    pub answer_bytes: u64,
    /// How long one request may take, beside the time that the broker is asked to wait.
    pub request: Duration,
    /// How long a request is sent again and again.
    pub patience: Duration,
}

/// How a program at which somebody sits bears with a broker that does not answer.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// In place of [`Limits::patience`] until the broker has answered for the first time.
    pub patience_at_first: Duration,
    /// Called once for each request that must be sent again.
    pub tell: fn(),
}

/// What a request does when it arrives twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Twice {
    /// Nothing more: it is sent again whatever happened to it.
    Harmless,
    /// Something again: it is sent again only where it certainly had no effect.
    Again,
}

/// A client of one broker. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    base: String,
    agent: Agent,
    limits: Limits,
    silence: Option<Silence>,
    /// Whether anything has come from the broker.
    answered: Arc<AtomicBool>,
}

impl HttpClient {
    /// Of the broker at `base`, such as `https://broker.example`.
    ///
    /// # Errors
    /// [`HttpError::Address`], [`HttpError::NoTls`].
    pub fn new(base: &str, limits: Limits) -> Result<Self, HttpError> {
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        let is_host =
            |host: &str| !host.is_empty() && !host.contains(['@', '#', '?']) && !host.ends_with('/');
        if !host.is_some_and(is_host) {
            return Err(HttpError::Address(base.to_owned()));
        }
        if base.starts_with("https://") && !cfg!(feature = "tls") {
            return Err(HttpError::NoTls(base.to_owned()));
        }
        // A redirect would carry tokens to another host.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_WITHIN))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .new_agent();
        Ok(Self { base: base.to_owned(), agent, limits, silence: None, answered: Arc::default() })
    }

    /// The same client, which bears with a broker that does not answer as `silence` says.
    #[must_use]
    pub fn with_silence(self, silence: Silence) -> Self {
        Self { silence: Some(silence), ..self }
    }

    /// Tells, where [`HttpClient::with_silence`] says how, that the broker does not answer.
    pub fn tell_of_silence(&self) {
        if let Some(silence) = self.silence {
            (silence.tell)();
        }
    }

    /// The broker's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gets JSON; `wait` seconds are the broker's to wait in.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, bearer: &Token, wait: u64) -> Result<T, HttpError> {
        self.parse(&self.get_bytes(path, bearer, wait)?)
    }

    /// Gets what need not be JSON; otherwise as [`HttpClient::get`].
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn get_bytes(&self, path: &str, bearer: &Token, wait: u64) -> Result<Vec<u8>, HttpError> {
        self.again_and_again(Twice::Harmless, || {
            self.agent
                .get(self.url(path))
                .header(AUTHORIZATION, authorization(bearer))
                .config()
                .timeout_global(Some(self.limits.request + Duration::from_secs(wait)))
                .build()
                .call()
        })
    }

    /// Posts JSON and gets JSON.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&Token>,
        json: &[u8],
        twice: Twice,
    ) -> Result<T, HttpError> {
        let send = || self.send(self.agent.post(self.url(path)), bearer, json);
        self.parse(&self.again_and_again(twice, send)?)
    }

    /// Puts JSON and gets JSON.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn put<T: DeserializeOwned>(&self, path: &str, bearer: &Token, json: &[u8]) -> Result<T, HttpError> {
        let send = || self.send(self.agent.put(self.url(path)), Some(bearer), json);
        self.parse(&self.again_and_again(Twice::Harmless, send)?)
    }

    /// Any request with any headers, which are made anew for each sending: a proof of a key is good once. Gives the answer's body
    /// and its `ETag`.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn exchange(
        &self,
        method: &Method,
        path: &str,
        headers: impl Fn() -> Vec<(String, String)>,
        body: Option<(&str, &[u8])>,
        twice: Twice,
    ) -> Result<(Vec<u8>, Option<String>), HttpError> {
        let tag = Cell::new(None);
        let send = || {
            let mut request = Request::builder().method(method).uri(self.url(path));
            for (name, value) in headers() {
                request = request.header(name, value);
            }
            if let Some((content_type, _)) = body {
                request = request.header(CONTENT_TYPE, content_type);
            }
            let request = request.body(body.map_or(&[][..], |(_, bytes)| bytes))?;
            let request =
                self.agent.configure_request(request).timeout_global(Some(self.limits.request)).build();
            let response = self.agent.run(request)?;
            let found = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
            tag.set(found.map(str::to_owned));
            Ok(response)
        };
        let body = self.again_and_again(twice, send)?;
        Ok((body, tag.take()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        bearer: Option<&Token>,
        json: &[u8],
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let request = match bearer {
            Some(token) => request.header(AUTHORIZATION, authorization(token)),
            None => request,
        };
        request
            .header(CONTENT_TYPE, "application/json")
            .config()
            .timeout_global(Some(self.limits.request))
            .build()
            .send(json)
    }

    fn again_and_again(
        &self,
        twice: Twice,
        send: impl Fn() -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, HttpError> {
        let patience = match self.silence {
            Some(silence) if !self.answered.load(Ordering::Relaxed) => silence.patience_at_first,
            _ => self.limits.patience,
        };
        let give_up = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            let (error, wanted) = match send() {
                Ok(response) => {
                    self.answered.store(true, Ordering::Relaxed);
                    let unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
                    let wanted = retry_after(&response);
                    match self.read(response) {
                        Err(error) if unavailable => (error, wanted),
                        Err(error @ HttpError::Unreachable { .. }) if twice == Twice::Harmless => {
                            (error, None)
                        }
                        done => return done,
                    }
                }
                Err(error) if twice == Twice::Harmless || never_arrived(&error) => {
                    (self.unreachable(&error), None)
                }
                Err(error) => return Err(self.unreachable(&error)),
            };
            let this_pause = wanted.unwrap_or(pause);
            if Instant::now() + this_pause > give_up {
                return Err(error);
            }
            if !told && matches!(error, HttpError::Unreachable { .. }) {
                self.tell_of_silence();
                told = true;
            }
            thread::sleep(this_pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn read(&self, mut response: Response<ureq::Body>) -> Result<Vec<u8>, HttpError> {
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = media_type.is_some_and(|value| value.starts_with(MEDIA_TYPE));
        let body = response.body_mut().with_config().limit(self.limits.answer_bytes).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        if is_problem {
            return match serde_json::from_slice(&body) {
                Ok(problem) => Err(HttpError::Problem(Box::new(problem))),
                Err(error) => Err(self.other(format!("a problem that cannot be read ({error})"))),
            };
        }
        if status.is_success() {
            Ok(body)
        } else {
            Err(self.other(format!("status {status} without problem details")))
        }
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, HttpError> {
        serde_json::from_slice(body)
            .map_err(|error| self.other(format!("an answer that cannot be read ({error})")))
    }

    fn other(&self, what: String) -> HttpError {
        HttpError::NotABroker { base: self.base.clone(), what }
    }

    fn unreachable(&self, error: &ureq::Error) -> HttpError {
        HttpError::Unreachable { base: self.base.clone(), reason: error.to_string() }
    }
}

fn authorization(token: &Token) -> String {
    format!("Bearer {}", token.expose())
}

/// Whether the request was certainly not taken.
fn never_arrived(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(ureq::Timeout::Connect) => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// Seconds in `Retry-After`; dates are not taken.
fn retry_after(response: &Response<ureq::Body>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
