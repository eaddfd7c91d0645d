//! Which version a change was made from (RFC 9110 sections 8.8.3 and 13.1.1): where two people may edit the same thing,
//! the second one is told.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use crate::http::problem::{ApiError, Kind};

/// The version that `If-Match` names.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch(u64);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(header::IF_MATCH) else {
            return ready(Err(ApiError::new(
                Kind::PreconditionRequired,
                "send If-Match with the ETag that you got when you read it, so that nobody's change is overwritten",
            )));
        };
        let digits = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        // A sign before them would be read too.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let version = digits.and_then(|digits| digits.parse().ok());
        ready(version.map(Self).ok_or_else(|| {
            ApiError::new(
                Kind::MalformedRequest,
                "If-Match is one ETag of this broker, like \"3\" with its quotes",
            )
        }))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^\"[0-9]{1,19}\"$"));
        let header = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header);
        let described = header.description(Some("ETag of what was read"));
        vec![described.required(Required::True).schema(Some(tag)).build()]
    }
}

impl IfMatch {
    /// Whether the version is the current one.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(self, version: u64) -> Result<(), ApiError> {
        if self.0 == version {
            return Ok(());
        }
        Err(ApiError::new(
            Kind::PreconditionFailed,
            "it was changed since you read it: read it again, look at the change, and decide anew",
        ))
    }
}

/// An answer with its version as `ETag`.
pub fn versioned(
    mut response: HttpResponseBuilder,
    version: Option<u64>,
    body: &impl Serialize,
) -> HttpResponse {
    if let Some(value) = version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
        response.insert_header((header::ETAG, value));
    }
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response.json(body)
}
