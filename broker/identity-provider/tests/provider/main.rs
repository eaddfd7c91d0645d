//! The provider over real sockets, with an OpenID client that we did not write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod browser;
mod code_flow;
mod fixture;
mod levels;
mod logout;
mod pages;
mod throttling;
