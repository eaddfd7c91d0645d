//! Problem documents (RFC 9457), and bodies of requests.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::de::DeserializeOwned;
use serde_json::Map;
use yinqiao_protocol::problem::{MEDIA_TYPE, Problem};

use super::super::status;
use crate::refusal::Refusal;

/// What the API answers instead.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The request itself does not fit: status, name, detail.
    Request(StatusCode, &'static str, String),
    /// The provider refuses.
    Refused(Refusal),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(_, _, detail) => f.write_str(detail),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Request(code, ..) => *code,
            Self::Refused(refusal) => status::of(refusal).code,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (code, name, title, retry_after, field) = match self {
            Self::Request(code, name, _) => (*code, *name, "The request does not fit", None, None),
            Self::Refused(refusal) => {
                let status = status::of(refusal);
                let field = match refusal {
                    Refusal::Invalid { field, .. } | Refusal::Taken(field) => Some(field.key()),
                    _ => None,
                };
                (status.code, status.name, status.title, status.retry_after, field)
            }
        };
        let problem = Problem {
            kind: format!("urn:yinqiao:problem:{name}"),
            title: title.to_owned(),
            status: code.as_u16(),
            detail: self.to_string(),
            request_id: None,
            members: field.map(|field| ("field".to_owned(), field.into())).into_iter().collect::<Map<_, _>>(),
        };
        let mut response = HttpResponse::build(code)
            .content_type(MEDIA_TYPE)
            .body(serde_json::to_vec(&problem).unwrap_or_default());
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if code == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"identity\""));
        }
        response
    }
}

/// Reads a JSON body strictly. Errors tell where, never what was there.
pub(super) fn read<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.and_then(|kind| kind.split(';').next()).map(str::trim) != Some("application/json") {
        return Err(ApiError::Request(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be application/json".to_owned(),
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!(
            "the body is not what is asked for here, from line {}, column {} on: see the members of this request",
            error.line(),
            error.column()
        );
        ApiError::Request(StatusCode::BAD_REQUEST, "malformed-request", detail)
    })
}
