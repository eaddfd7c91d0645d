//! Requests to the broker, sent again while the network or the broker is away.

use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{Response, StatusCode};

use yinqiao_protocol::Token;
use yinqiao_protocol::problem::{MEDIA_TYPE, Problem};

/// Bytes of the largest answer that is read: a statement over 1,000 items.
const MOST_BYTES: u64 = 16 << 20;
/// Seconds that one request may take, beside the time that the broker is asked to wait.
const REQUEST_SECONDS: u64 = 20;
/// How long a request is sent again and again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause between two sendings; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why the broker gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
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
}

impl HttpError {
    /// The problem's name, where the broker said no.
    pub fn problem_name(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(problem.name()),
            _ => None,
        }
    }
}

/// One broker. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub struct Broker {
    base: String,
    agent: Agent,
}

impl Broker {
    /// The broker at `base`, such as `https://broker.example`.
    ///
    /// # Errors
    /// [`HttpError::Address`], [`HttpError::NoTls`].
    pub fn new(base: &str) -> Result<Self, HttpError> {
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if !host
            .is_some_and(|host| !host.is_empty() && !host.contains(['@', '#', '?']) && !host.ends_with('/'))
        {
            return Err(HttpError::Address(base.to_owned()));
        }
        if base.starts_with("https://") && !cfg!(feature = "tls") {
            return Err(HttpError::NoTls(base.to_owned()));
        }
        // A redirect would carry tokens to another host.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .new_agent();
        Ok(Self { base: base.to_owned(), agent })
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Posts JSON. The same bytes are sent again while the network fails or the broker answers 503.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&Token>,
        json: &[u8],
    ) -> Result<T, HttpError> {
        self.again_and_again(|| {
            let request = self.agent.post(format!("{}{path}", self.base));
            let request = match bearer {
                Some(token) => request.header(AUTHORIZATION, format!("Bearer {}", token.expose())),
                None => request,
            };
            request
                .header(CONTENT_TYPE, "application/json")
                .config()
                .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS)))
                .build()
                .send(json)
        })
    }

    /// Gets JSON; `wait` seconds are the broker's to wait in.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, bearer: &Token, wait: u64) -> Result<T, HttpError> {
        self.again_and_again(|| {
            self.agent
                .get(format!("{}{path}", self.base))
                .header(AUTHORIZATION, format!("Bearer {}", bearer.expose()))
                .config()
                .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS + wait)))
                .build()
                .call()
        })
    }

    fn again_and_again<T: DeserializeOwned>(
        &self,
        send: impl Fn() -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, HttpError> {
        let give_up = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            let (error, wanted) = match send() {
                Ok(response) => {
                    let unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
                    let wanted = retry_after(&response);
                    match self.read(response) {
                        Err(error) if unavailable => (error, wanted),
                        Err(error @ HttpError::Unreachable { .. }) => (error, None),
                        done => return done,
                    }
                }
                Err(error) => (self.unreachable(&error), None),
            };
            let this_pause = wanted.unwrap_or(pause);
            if Instant::now() + this_pause > give_up {
                return Err(error);
            }
            thread::sleep(this_pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn read<T: DeserializeOwned>(&self, mut response: Response<ureq::Body>) -> Result<T, HttpError> {
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = media_type.is_some_and(|value| value.starts_with(MEDIA_TYPE));
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        let other = |what: String| HttpError::NotABroker { base: self.base.clone(), what };
        if is_problem {
            return match serde_json::from_slice(&body) {
                Ok(problem) => Err(HttpError::Problem(Box::new(problem))),
                Err(error) => Err(other(format!("a problem that cannot be read ({error})"))),
            };
        }
        if !status.is_success() {
            return Err(other(format!("status {status} without problem details")));
        }
        serde_json::from_slice(&body)
            .map_err(|error| other(format!("an answer that cannot be read ({error})")))
    }

    fn unreachable(&self, error: &ureq::Error) -> HttpError {
        HttpError::Unreachable { base: self.base.clone(), reason: error.to_string() }
    }
}

/// Seconds in `Retry-After`; dates are not taken.
fn retry_after(response: &Response<ureq::Body>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// Serves one canned answer per connection; an empty one is a broken connection. Gives the requests' first lines.
    fn serve(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let mut lines = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                lines.push(line.trim().to_owned());
                while line.trim() != "" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
            lines
        });
        (base, served)
    }

    const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nConnection: close\r\n\
        Content-Type: application/problem+json\r\nContent-Length: 66\r\n\r\n\
        {\"type\":\"urn:yinqiao:problem:busy\",\"title\":\"\",\"status\":503,\"detail\":\"\"}";
    const GOOD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
        Content-Length: 4\r\n\r\ntrue";

    #[test]
    fn a_request_is_sent_again_after_a_broken_connection_and_after_503() {
        let (base, served) = serve(&["", UNAVAILABLE, GOOD]);
        let answer: bool = Broker::new(&base).unwrap().get("/x", &Token::parse("t").unwrap(), 0).unwrap();
        assert!(answer);
        assert_eq!(served.join().unwrap(), ["GET /x HTTP/1.1"; 3]);
    }

    #[test]
    fn a_redirect_is_not_followed() {
        const AWAY: &str = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\
            Connection: close\r\nContent-Length: 0\r\n\r\n";
        let (base, served) = serve(&[AWAY]);
        let answer: Result<bool, _> = Broker::new(&base).unwrap().post("/x", None, b"{}");
        assert!(matches!(answer, Err(HttpError::NotABroker { .. })));
        served.join().unwrap();
    }

    #[test]
    fn other_addresses_are_refused() {
        for base in ["", "broker.example", "ftp://x", "http://", "http://a@b", "http://a/"] {
            assert!(Broker::new(base).is_err(), "{base}");
        }
    }
}
