//! Wrong input gets a clear error and loses nothing: after each refusal the session still completes.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod certificates;
mod claims;
mod enrolments;
mod requests;
mod responses;
mod secrets;
mod tokens;
mod wire;
