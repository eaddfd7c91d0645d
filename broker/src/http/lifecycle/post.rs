//! Requests that change something, and may be sent again.
//!
//! Each carries an `Idempotency-Key`. The answer is stored in the same step as the change: the same request sent again
//! gets the same answer and does nothing, whatever happened in between.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::statement::digest_of_parts;

use super::precondition::versioned;
use crate::http::idempotency::{self, Sent};
use crate::http::problem::{ApiError, Kind};
use crate::records::{IdempotentAnswer, Repository, Transaction, Versioned};

/// What a request is about, and its key.
#[derive(Clone, Debug)]
pub struct Post {
    method: String,
    path: String,
    key: String,
}

impl FromRequest for Post {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match idempotency::sent(request) {
            Sent::Key(key) => Ok(Self {
                method: request.method().to_string(),
                path: request.path().to_owned(),
                key: key.to_owned(),
            }),
            Sent::Nothing | Sent::NoKey => Err(ApiError::new(
                Kind::MalformedRequest,
                "send an Idempotency-Key of 1 to 128 visible ASCII characters, a new UUID for each new request, and the \
                 same one when you send the same request again",
            )),
        })
    }
}

impl IntoParams for Post {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let key = text.min_length(Some(1)).max_length(Some(idempotency::LONGEST)).pattern(Some("^[!-~]+$"));
        let header = ParameterBuilder::new().name(idempotency::HEADER).parameter_in(ParameterIn::Header);
        let described =
            header.description(Some("New for each new request, the same for one that is sent again"));
        vec![described.required(Required::True).schema(Some(key)).build()]
    }
}

/// What a change answers.
#[derive(Clone, Debug)]
pub struct Answer<R> {
    status: StatusCode,
    version: Option<u64>,
    body: R,
}

impl<R: Serialize> Answer<R> {
    /// Something new: `201`.
    pub fn created(body: R) -> Self {
        Self { status: StatusCode::CREATED, version: None, body }
    }

    /// Something changed: `200`.
    pub fn ok(body: R) -> Self {
        Self { status: StatusCode::OK, version: None, body }
    }

    /// Something that goes on from here by itself: `202`.
    pub fn accepted(body: R) -> Self {
        Self { status: StatusCode::ACCEPTED, version: None, body }
    }

    /// The same with another body.
    pub fn map<S>(self, body: impl FnOnce(R) -> S) -> Answer<S> {
        Answer { status: self.status, version: self.version, body: body(self.body) }
    }

    /// With the version that a record has after this change of it.
    #[must_use]
    pub fn with_version_after<T>(mut self, before: Option<&Versioned<T>>) -> Self {
        self.version = Some(before.map_or(0, |found| found.version) + 1);
        self
    }
}

impl Post {
    /// The answer to the same request, where it was sent before: for what is prepared before it is decided, and costs something.
    ///
    /// # Errors
    /// When the key was used for another request; when the store fails.
    pub async fn answered<B: Serialize>(
        &self,
        repository: &Repository,
        caller: &str,
        body: &B,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let found = repository.get::<IdempotentAnswer>(self.stored_under(caller).as_bytes()).await?;
        let Some(found) = found else { return Ok(None) };
        let answer = found.value.again(Sm3Hex::of(&json(body)?))?;
        Ok(Some(answer.response(&answer.body)))
    }

    fn stored_under(&self, caller: &str) -> Sm3Hex {
        digest_of_parts(&[caller, &self.method, &self.path, &self.key].map(str::as_bytes))
    }

    /// Decides and stores, once: see [`Repository::transact`]. `caller` is who asks, so that nobody gets another's answer;
    /// `body` is what they ask.
    ///
    /// # Errors
    /// What `decide` says; when the key was used for another request; when the store fails.
    pub async fn run<B, R, F>(
        &self,
        repository: &Repository,
        caller: &str,
        body: &B,
        decide: F,
    ) -> Result<HttpResponse, ApiError>
    where
        B: Serialize,
        R: Serialize,
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<Answer<R>, ApiError>,
    {
        let answer = self.once(repository, caller, body, decide).await?;
        Ok(answer.response(&answer.body))
    }

    /// As [`Post::run`]; gives what was stored. For answers with a secret: it is not stored, but made anew of what is.
    ///
    /// # Errors
    /// As [`Post::run`].
    pub async fn once<B, R, F>(
        &self,
        repository: &Repository,
        caller: &str,
        body: &B,
        mut decide: F,
    ) -> Result<IdempotentAnswer, ApiError>
    where
        B: Serialize,
        R: Serialize,
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<Answer<R>, ApiError>,
    {
        let request_sm3 = Sm3Hex::of(&json(body)?);
        let key = self.stored_under(caller);
        repository
            .transact(async |transaction| {
                if let Some(found) = transaction.get::<IdempotentAnswer>(key.as_bytes()).await? {
                    return found.value.again(request_sm3);
                }
                let answer = decide(transaction).await?;
                let answer = IdempotentAnswer {
                    key,
                    request_sm3,
                    status: answer.status.as_u16(),
                    version: answer.version,
                    body: serde_json::to_value(&answer.body)
                        .map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?,
                    at: transaction.now(),
                };
                transaction.put(None, &answer)?;
                Ok(answer)
            })
            .await
    }
}

impl IdempotentAnswer {
    /// The answer with this body.
    pub fn response(&self, body: &impl Serialize) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        versioned(HttpResponse::build(status), self.version, body)
    }

    fn again(self, request_sm3: Sm3Hex) -> Result<Self, ApiError> {
        if self.request_sm3 == request_sm3 { Ok(self) } else { Err(idempotency::reused()) }
    }
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))
}
