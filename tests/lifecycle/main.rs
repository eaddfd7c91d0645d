//! The life of certificates, staff, companies and seals, over HTTP against the real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod access;
mod ca_down;
mod certificates;
mod companies;
mod conformance;
mod embedded_provider;
mod failpoints;
mod given_up;
mod kills;
mod manual;
mod officers;
mod once;
mod operators;
mod orders;
mod races;
mod seals;
mod sessions;
mod stage;
mod suspensions;
mod visitor;
