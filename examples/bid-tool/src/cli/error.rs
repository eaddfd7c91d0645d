//! Why a command failed, and the exit code for it.

use yinqiao_bid_tool::document::FileError;
use yinqiao_bid_tool::envelope::EnvelopeError;
use yinqiao_bid_tool::socket::SocketError;
use yinqiao_bid_tool::trust::TrustError;
use yinqiao_bid_tool::watch::WatchError;
use yinqiao_bid_tool::{ClientError, VerifyError};
use yinqiao_protocol::event::{Ending, SessionState};
use yinqiao_protocol::problem::Problem;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// REST.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The websocket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The session's course.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Files.
    #[error(transparent)]
    File(#[from] FileError),
    /// Encrypted documents.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The roots.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The result.
    #[error("the result is refused: {0}")]
    Verify(#[from] Box<VerifyError>),
    /// A session without a result.
    #[error("the session ended without a result: {}", ending_text(*.0, .1))]
    Ended(SessionState, Ending),
    /// The result was acknowledged by somebody else.
    #[error("the result was fetched and acknowledged before, and is gone")]
    ResultGone,
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// The system does not let signals be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[from] ctrlc::Error),
    /// What was typed, or a file says.
    #[error("{0}")]
    Input(String),
    /// A file that is no seal signature, or the like.
    #[error("{0}")]
    Content(String),
    /// A key cannot be made.
    #[error("a key cannot be made: {0}")]
    Key(#[from] yinqiao_gm::Error),
    /// JSON cannot be written.
    #[error("JSON cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<VerifyError> for CliError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(Box::new(error))
    }
}

impl CliError {
    /// One line for standard error.
    pub fn line(&self) -> String {
        let text = match self.problem() {
            Some(problem) => format!("{}: {}", problem.title, problem.detail),
            None => self.to_string(),
        };
        format!("yinqiao-bid-tool: {}", text.replace(['\n', '\r'], " "))
    }

    /// See the table in `main.rs`.
    pub fn exit_code(&self) -> u8 {
        if self.problem().is_some() {
            return 5;
        }
        match self {
            Self::Client(ClientError::Json(_)) | Self::Key(_) | Self::Json(_) | Self::Signals(_) => 1,
            Self::Input(_) => 2,
            Self::File(_) | Self::Trust(_) | Self::Envelope(EnvelopeError::File(_)) => 3,
            Self::Client(_) | Self::Socket(_) | Self::Watch(_) => 4,
            Self::Ended(..) | Self::ResultGone => 6,
            Self::Interrupted => super::interrupt::EXIT_CODE,
            Self::Envelope(_) | Self::Verify(_) | Self::Content(_) => 7,
        }
    }

    /// Whether the broker was asked in vain, for as long as it is borne with.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Client(ClientError::Unreachable { .. })
                | Self::Socket(SocketError::Client(ClientError::Unreachable { .. }))
                | Self::Watch(
                    WatchError::Client(ClientError::Unreachable { .. })
                        | WatchError::Socket(SocketError::Client(ClientError::Unreachable { .. })),
                )
        )
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Client(ClientError::Problem(problem))
            | Self::Socket(
                SocketError::Refused(problem) | SocketError::Client(ClientError::Problem(problem)),
            )
            | Self::Watch(
                WatchError::Problem(problem)
                | WatchError::Client(ClientError::Problem(problem))
                | WatchError::Socket(
                    SocketError::Refused(problem) | SocketError::Client(ClientError::Problem(problem)),
                ),
            ) => Some(problem),
            _ => None,
        }
    }
}

/// `expired: never scanned, through the holder`, in the protocol's own words.
pub fn ending_text(state: SessionState, ending: &Ending) -> String {
    let word = |value: Result<serde_json::Value, serde_json::Error>| {
        let value = value.unwrap_or_default();
        let text = value.as_str().or_else(|| value.get("code").and_then(|code| code.as_str()));
        text.unwrap_or_default().replace('_', " ")
    };
    format!(
        "{}: {}, through the {}",
        word(serde_json::to_value(state)),
        word(serde_json::to_value(&ending.cause)),
        word(serde_json::to_value(ending.attributed_to))
    )
}
