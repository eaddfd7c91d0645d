//! CAs behind plugins of their vendors, good ones and faulty ones, in a broker that serves: what is issued once, who is
//! trusted, what waits for a person, and what everyone can see of it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod broken_plugins;
mod doubt;
mod metrics;
mod openmetrics;
mod refused_pairs;
mod reviews;
mod routes;
mod secrets;
mod services;
mod standstill;
mod steps;
mod trust;
mod unfit_seals;
mod wrong_keys;
