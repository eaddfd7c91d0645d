//! Why there is no answer.

use yinqiao_protocol::problem::Problem;

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
    /// A request cannot be written.
    #[error("a request cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
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
