//! What came back over HTTP.

use serde::de::DeserializeOwned;
use ureq::Body;
use ureq::http::Response;

use yinqiao_protocol::problem::{MEDIA_TYPE, Problem};

/// The largest answer that is read: a result with 1,000 items is some two megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`.
    pub media_type: String,
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a response.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn read(mut response: Response<Body>) -> Result<Self, ureq::Error> {
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (media_type, request_id) = (header("content-type").unwrap_or_default(), header("x-request-id"));
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_vec()?;
        Ok(Self { status, media_type, request_id, body })
    }

    /// What was asked for.
    pub fn expect<T: DeserializeOwned>(self) -> T {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A refusal of the kind `name`, with everything that each refusal must have.
    #[track_caller]
    pub fn refused(self, name: &str) -> Problem {
        assert_eq!(self.media_type, MEDIA_TYPE, "{}: {}", self.status, self.text());
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.name(), name, "{problem}");
        assert!(problem.kind.starts_with("urn:yinqiao:problem:"), "{problem:?}");
        assert_eq!(problem.status, self.status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        assert!(problem.request_id.is_some() && problem.request_id == self.request_id, "{problem:?}");
        problem
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
