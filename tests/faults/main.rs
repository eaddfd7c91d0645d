//! Processes that die and clients that hang: nothing is lost, nothing happens twice.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod adapter;
mod downtime;
mod load;
mod slow_client;
mod steps;
