//! The CA's HTTP service, and what each of its failures means for the broker.

use std::io::ErrorKind;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, Timeout};
use yinqiao_ca_sdk::messages::IdempotencyKey;
use yinqiao_ca_sdk::{AdapterError, Call, ErrorClass};

/// The name of the secret.
pub const TOKEN: &str = "acme.token";

/// What is kept of a call's time to write its answer.
const MARGIN: Duration = Duration::from_millis(100);

/// The service at one address.
pub struct Api {
    agent: Agent,
    url: String,
}

impl Api {
    /// Connects to nothing yet.
    pub fn new(url: String) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            // Each call has a connection of its own: none can have died while it was idle, and an error while
            // connecting says for certain that nothing was sent.
            .max_idle_connections(0)
            .build()
            .new_agent();
        Self { agent, url }
    }

    /// Asks, and changes nothing; `None` where there is nothing (404).
    pub fn get(&self, call: &Call<'_>, path: &str) -> Result<Option<Value>, AdapterError> {
        let (time, token) = prepare(call)?;
        let request = self.agent.get(format!("{}{path}", self.url)).header("Authorization", &token);
        let answer = request.config().timeout_global(Some(time)).build().call();
        match read(answer, ErrorClass::Unhealthy)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            answer => outcome(answer, ErrorClass::Unhealthy).map(Some),
        }
    }

    /// Has something done. Whatever goes wrong after the connection stood is an unknown outcome.
    pub fn put(&self, call: &Call<'_>, path: &str, body: &Value) -> Result<Value, AdapterError> {
        let (time, token) = prepare(call)?;
        let request = self.agent.put(format!("{}{path}", self.url)).header("Authorization", &token);
        let answer = request.config().timeout_global(Some(time)).build().send(body.to_string());
        outcome(read(answer, ErrorClass::UnknownOutcome)?, ErrorClass::UnknownOutcome)
    }
}

/// The number of a request at the CA. Keys may hold any printable character; a path may not.
pub fn number(key: &IdempotencyKey) -> String {
    key.as_str().bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A document of the CA.
pub fn parse<T: for<'de> Deserialize<'de>>(document: &Value) -> Result<T, AdapterError> {
    // Without the parser's text, which may quote personal data.
    T::deserialize(document)
        .map_err(|_| AdapterError::unhealthy("the CA's answer is not the document that it should be"))
}

fn prepare(call: &Call<'_>) -> Result<(Duration, String), AdapterError> {
    let time = call.remaining().saturating_sub(MARGIN);
    if time.is_zero() || call.cancelled() {
        return Err(AdapterError::new(ErrorClass::Retryable, "there was no time left to ask the CA"));
    }
    // Asked for each time: credentials rotate.
    let token = call.host().secret(TOKEN)?;
    let token = str::from_utf8(&token)
        .ok()
        .map(str::trim)
        .filter(|token| token.bytes().all(|b| b.is_ascii_graphic()));
    let refused = || AdapterError::new(ErrorClass::Authentication, "the token is not printable ASCII");
    Ok((time, format!("Bearer {}", token.ok_or_else(refused)?)))
}

/// Status and document; `late` is the class of what goes wrong once the request may have been sent.
fn read(
    answer: Result<Response<Body>, ureq::Error>,
    late: ErrorClass,
) -> Result<(StatusCode, Value), AdapterError> {
    let late = |text: String| AdapterError::new(late, text);
    let mut answer = answer.map_err(|error| match &error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            AdapterError::new(ErrorClass::Retryable, error.to_string())
        }
        ureq::Error::Io(reason) if reason.kind() == ErrorKind::ConnectionRefused => {
            AdapterError::new(ErrorClass::Retryable, error.to_string())
        }
        // The sandbox closes ports that the operator did not name.
        ureq::Error::Io(reason) if reason.kind() == ErrorKind::PermissionDenied => {
            AdapterError::unhealthy(format!("connecting is not allowed: {error}"))
        }
        _ => late(error.to_string()),
    })?;
    let status = answer.status();
    let body = answer.body_mut().read_to_string().map_err(|error| late(error.to_string()))?;
    match serde_json::from_str(&body) {
        Ok(document) => Ok((status, document)),
        // A refusal may come from something between us and the CA, in HTML.
        Err(_) if !status.is_success() => Ok((status, Value::Null)),
        Err(_) => Err(late("the CA's answer is no JSON".to_owned())),
    }
}

fn outcome((status, document): (StatusCode, Value), late: ErrorClass) -> Result<Value, AdapterError> {
    let class = match status {
        StatusCode::OK => return Ok(document),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorClass::Authentication,
        StatusCode::TOO_MANY_REQUESTS => ErrorClass::Limit,
        // Only where the CA itself says why. A proxy's page proves nothing.
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY
            if document["code"].is_string() =>
        {
            ErrorClass::Permanent
        }
        _ => late,
    };
    let text = document["text"].as_str().map_or_else(|| format!("the CA answers {status}"), str::to_owned);
    let error = AdapterError::new(class, text);
    Err(match document["code"].as_str() {
        Some(code) => error.with_vendor_code(code),
        None => error,
    })
}
