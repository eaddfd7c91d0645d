//! Problem details (RFC 9457): what every error over HTTP and on the websocket looks like.

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:yinqiao:problem:NAME`; `docs/protocol.md` lists the names.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What happened, to what, and what to do.
    pub detail: String,
    /// The request's id, as in the broker's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// More that a program may need.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub members: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// The kind's name, without the URN's prefix.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix("urn:yinqiao:problem:").unwrap_or(&self.kind)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {}): {}", self.title, self.name(), self.status, self.detail)
    }
}

impl std::error::Error for Problem {}
