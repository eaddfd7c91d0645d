//! Requests with the API key, sent again while the network or the broker is away.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{Response, StatusCode};

use yinqiao_protocol::Token;
use yinqiao_protocol::problem::{MEDIA_TYPE, Problem};

/// Bytes of the largest answer that is read: an opening of 1,000 sessions, or a result of 1,000 items.
const MOST_BYTES: u64 = 64 << 20;
/// Seconds that one request may take, beside the time that the broker is asked to wait.
const REQUEST_SECONDS: u64 = 30;
/// How long a request is sent again and again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause between two sendings; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why the broker gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address.
    #[error("\"{0}\" is not a broker's address: give one like https://broker.example, without a final /")]
    Address(String),
    /// `https` without TLS compiled in.
    #[error("this program was built without TLS: build it with --features tls to reach {0}")]
    NoTls(String),
    /// Nobody answered, however often it was tried.
    #[error("the broker at {base} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        base: String,
        /// What the last try said.
        reason: String,
    },
    /// The broker says no.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// Something else than a broker answered.
    #[error("what answers at {base} is no Yinqiao broker: {what}")]
    NotABroker {
        /// Its address.
        base: String,
        /// What came.
        what: String,
    },
    /// A request cannot be written.
    #[error("a request cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl ClientError {
    /// The problem's name, where the broker said no.
    pub fn problem_name(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(problem.name()),
            _ => None,
        }
    }
}

/// What a request does when it arrives twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Twice {
    /// Nothing more: it is sent again whatever happened to it.
    Harmless,
    /// Something again: it is sent again only where it certainly had no effect.
    Again,
}

#[derive(Clone, Debug)]
pub(crate) struct Http {
    base: String,
    api_key: Token,
    agent: Agent,
}

impl Http {
    pub(crate) fn new(base: &str, api_key: Token) -> Result<Self, ClientError> {
        let base = base.trim_end_matches('/');
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if !host.is_some_and(|host| !host.is_empty() && !host.contains(['@', '#', '?'])) {
            return Err(ClientError::Address(base.to_owned()));
        }
        if base.starts_with("https://") && !cfg!(feature = "tls") {
            return Err(ClientError::NoTls(base.to_owned()));
        }
        // A redirect would carry the API key to another host.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .new_agent();
        Ok(Self { base: base.to_owned(), api_key, agent })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn api_key(&self) -> &Token {
        &self.api_key
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, wait: u64) -> Result<T, ClientError> {
        self.parse(&self.get_bytes(path, wait)?)
    }

    pub(crate) fn get_bytes(&self, path: &str, wait: u64) -> Result<Vec<u8>, ClientError> {
        self.again_and_again(Twice::Harmless, || {
            self.agent
                .get(format!("{}{path}", self.base))
                .header(AUTHORIZATION, self.bearer())
                .config()
                .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS + wait)))
                .build()
                .call()
        })
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        json: &[u8],
        twice: Twice,
    ) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        self.parse(&self.again_and_again(twice, || self.send(self.agent.post(&url), json))?)
    }

    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        self.parse(&self.again_and_again(Twice::Harmless, || self.send(self.agent.put(&url), json))?)
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        json: &[u8],
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        request
            .header(AUTHORIZATION, self.bearer())
            .header(CONTENT_TYPE, "application/json")
            .config()
            .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS)))
            .build()
            .send(json)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.api_key.expose())
    }

    fn again_and_again(
        &self,
        twice: Twice,
        send: impl Fn() -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, ClientError> {
        let give_up = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            let (error, wanted) = match send() {
                Ok(response) => {
                    let unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
                    let wanted = retry_after(&response);
                    match self.read(response) {
                        Err(error) if unavailable => (error, wanted),
                        Err(error @ ClientError::Unreachable { .. }) if twice == Twice::Harmless => {
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
            thread::sleep(this_pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn read(&self, mut response: Response<ureq::Body>) -> Result<Vec<u8>, ClientError> {
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = media_type.is_some_and(|value| value.starts_with(MEDIA_TYPE));
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        if is_problem {
            return match serde_json::from_slice(&body) {
                Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
                Err(error) => Err(self.other(format!("a problem that cannot be read ({error})"))),
            };
        }
        if status.is_success() {
            Ok(body)
        } else {
            Err(self.other(format!("status {status} without problem details")))
        }
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body)
            .map_err(|error| self.other(format!("an answer that cannot be read ({error})")))
    }

    fn other(&self, what: String) -> ClientError {
        ClientError::NotABroker { base: self.base.clone(), what }
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        ClientError::Unreachable { base: self.base.clone(), reason: error.to_string() }
    }
}

/// Whether the request was certainly not taken.
fn never_arrived(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// Seconds in `Retry-After`; dates are not taken.
fn retry_after(response: &Response<ureq::Body>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
