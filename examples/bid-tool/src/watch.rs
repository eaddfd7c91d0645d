//! One session as its bid system sees it, step by step.

use std::time::{Duration, Instant};

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::event::{Ending, Event, Happening, ServerMessage, SessionState};
use yinqiao_protocol::holder::Claimant;
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::problem::Problem;
use yinqiao_protocol::relying_party::{OpenSession, OpenedSession, SessionView};

use crate::client::Client;
use crate::http::ClientError;
use crate::socket::{Socket, SocketError};

/// What happened to a session.
#[derive(Clone, Debug)]
pub enum Step {
    /// Show this code now.
    Code {
        /// The text to draw.
        text: String,
        /// The next one comes then.
        until: Timestamp,
    },
    /// A phone has scanned: show no code any more, but the match code.
    Claimed {
        /// By whom.
        claimant: Claimant,
        /// Send the items now.
        items_awaited: bool,
    },
    /// It is over.
    Ended(End),
}

/// How a session ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With a result. It is not verified yet.
    Completed(Box<Outcome>),
    /// With a result that was acknowledged before, and is gone.
    ResultGone,
    /// Without one.
    Without {
        /// Declined, failed, expired or cancelled.
        state: SessionState,
        /// Why, and through whom.
        ending: Ending,
    },
}

/// Why a session cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Over REST.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Over the websocket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The broker complains about a message.
    #[error(transparent)]
    Problem(Box<Problem>),
}

/// A session with its websocket.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    opened: OpenedSession,
    socket: Socket,
}

impl Watch {
    /// Opens a session and its websocket.
    ///
    /// # Errors
    /// What the broker says.
    pub fn open(client: &Client, request: &OpenSession) -> Result<Self, ClientError> {
        let opened = client.open_session(request)?;
        let socket = Socket::connect_session(client, &opened);
        Ok(Self { client: client.clone(), opened, socket })
    }

    /// What opening it answered.
    pub fn opened(&self) -> &OpenedSession {
        &self.opened
    }

    /// The websocket under it.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// The next step, or `None` when none comes within `timeout`.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub fn next_step(&mut self, timeout: Duration) -> Result<Option<Step>, WatchError> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(message) = self.socket.next_message(left)? else { return Ok(None) };
            let step = match message {
                ServerMessage::Code { text, until, .. } => Some(Step::Code { text, until }),
                ServerMessage::Event(event) => match step_of(*event) {
                    Some(Step::Ended(End::ResultGone)) => self.step_of_state()?,
                    step => step,
                },
                ServerMessage::Welcome { complete: false, .. } => self.step_of_state()?,
                ServerMessage::Welcome { .. } | ServerMessage::Acknowledged { .. } => None,
                ServerMessage::Problem(problem) => return Err(WatchError::Problem(Box::new(problem))),
            };
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// Tells the broker that the result is stored.
    ///
    /// # Errors
    /// What the broker says.
    pub fn acknowledge(&mut self) -> Result<(), WatchError> {
        Ok(self.client.acknowledge(self.opened.session).map(|_| ())?)
    }

    fn step_of_state(&self) -> Result<Option<Step>, ClientError> {
        Ok(step_of_view(self.client.session(self.opened.session, 0, 0)?))
    }
}

/// The step that an event stands for; `None` where nothing is to be done.
pub fn step_of(event: Event) -> Option<Step> {
    let without = |state, ending| Some(Step::Ended(End::Without { state, ending }));
    match event.happening {
        Happening::Opened { .. } | Happening::Ready { .. } | Happening::Extended { .. } => None,
        Happening::Claimed { claimant, items_awaited, .. } => Some(Step::Claimed { claimant, items_awaited }),
        Happening::Completed { result: Some(result), .. } => Some(Step::Ended(End::Completed(result))),
        Happening::Completed { result: None, .. } => Some(Step::Ended(End::ResultGone)),
        Happening::Declined(ending) => without(SessionState::Declined, ending),
        Happening::Failed(ending) => without(SessionState::Failed, ending),
        Happening::Expired(ending) => without(SessionState::Expired, ending),
        Happening::Cancelled(ending) => without(SessionState::Cancelled, ending),
    }
}

/// The step that a session's state stands for, where events were missed.
pub fn step_of_view(view: SessionView) -> Option<Step> {
    match (view.state, view.result, view.cause, view.claimant) {
        (SessionState::Completed, Some(result), ..) => Some(Step::Ended(End::Completed(result))),
        (SessionState::Completed, None, ..) => Some(Step::Ended(End::ResultGone)),
        (state, _, Some(cause), _) if state.is_final() => {
            Some(Step::Ended(End::Without { state, ending: cause.into() }))
        }
        (state @ (SessionState::ItemsAwaited | SessionState::Ready), _, _, Some(claimant)) => {
            Some(Step::Claimed { claimant, items_awaited: state == SessionState::ItemsAwaited })
        }
        _ => None,
    }
}
