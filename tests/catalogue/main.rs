//! The catalogue of adapters: what is refused, what two persons must agree upon, and what can always be done.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod commands;
mod consents;
mod doubt;
mod files;
mod in_force;
mod operators;
mod plugins;
mod refusals;
mod removals;
mod trust_and_routes;
mod upgrades;
