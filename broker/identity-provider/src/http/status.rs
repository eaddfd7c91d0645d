//! Every refusal over HTTP, in one table.

use actix_web::http::StatusCode;
use tracing::{error, warn};

use crate::refusal::Refusal;

/// How a refusal is answered.
pub(super) struct Status {
    /// The HTTP status code.
    pub(super) code: StatusCode,
    /// The problem's name in the JSON API.
    pub(super) name: &'static str,
    /// The problem's title in the JSON API.
    pub(super) title: &'static str,
    /// Seconds after which to try again.
    pub(super) retry_after: Option<u32>,
}

/// The table. What is nobody's fault but the provider's is logged here.
pub(super) fn of(refusal: &Refusal) -> Status {
    let status = |code, name, title| Status { code, name, title, retry_after: None };
    match refusal {
        Refusal::Invalid { .. } => {
            status(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "A value breaks its rule")
        }
        Refusal::Taken(_) => status(StatusCode::CONFLICT, "taken", "Another account has it"),
        Refusal::WrongPassword | Refusal::WrongCode => {
            status(StatusCode::FORBIDDEN, "wrong-credentials", "Not the right password or code")
        }
        Refusal::TooMany(wait) => Status {
            retry_after: Some(wait.seconds),
            ..status(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries")
        },
        Refusal::OutOfOrder { .. } => status(StatusCode::CONFLICT, "out-of-order", "The steps have an order"),
        Refusal::NotConfirmed(_) => status(StatusCode::FORBIDDEN, "not-confirmed", "The check says no"),
        Refusal::SignedOut => status(StatusCode::UNAUTHORIZED, "unauthorized", "Nobody is signed in"),
        Refusal::Unavailable(what) => {
            warn!(event = "unavailable", what);
            Status {
                retry_after: Some(60),
                ..status(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Something does not answer")
            }
        }
        Refusal::Store(reason) => {
            error!(event = "accounts_not_stored", %reason);
            status(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The provider fails")
        }
        Refusal::Internal(reason) => {
            error!(event = "internal", reason);
            status(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The provider fails")
        }
    }
}
