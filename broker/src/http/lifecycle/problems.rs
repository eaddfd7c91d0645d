//! The errors that endpoints share, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use yinqiao_protocol::problem::Problem;

/// Of endpoints that everybody may call.
#[derive(IntoResponses)]
pub enum Public {
    /// A header, the query or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// A proof or token is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// It is not for this caller.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(#[to_schema] Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// A value breaks a rule.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// Something that the broker needs is out of reach, or too much is asked at once: try again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// Of endpoints that only read something, for a signed-in user or staff.
#[derive(IntoResponses)]
pub enum ForCaller {
    /// A header or the query cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// Not signed in, or a proof is missing or wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// Not for this caller.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(#[to_schema] Problem),
    /// There is no such thing, or it is not the caller's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// Something that the broker needs is out of reach, or too much is asked at once: try again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// Of endpoints that change something, for a signed-in user or staff: those of reading, and these.
pub struct ForChange;

impl IntoResponses for ForChange {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = ForCaller::responses();
        responses.extend(OfChange::responses());
        responses
    }
}

/// What only endpoints that change something answer.
#[derive(IntoResponses)]
pub enum OfChange {
    /// A header, the query or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// The state does not allow it (any more).
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// It was changed since the caller read it.
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(#[to_schema] Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// A value breaks a rule, or the idempotency key was used for something else.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// If-Match is missing.
    #[response(status = 428, content_type = "application/problem+json")]
    PreconditionRequired(#[to_schema] Problem),
}

/// What an enrolment is answered with beside what every request may be.
#[derive(IntoResponses)]
pub enum OfEnrolment {
    /// The code was used for another request, or the CA is not finished: the same request finds out.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// The CA's answer cannot be used.
    #[response(status = 502, content_type = "application/problem+json")]
    Broken(#[to_schema] Problem),
}
