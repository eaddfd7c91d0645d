//! What people do with Yinqiao, from the bid system's request to a result that anyone can check: real programs, real
//! sockets.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod codes;
mod endings;
mod events;
mod holders;
mod late_items;
mod opening_records;
mod openings;
mod purposes;
mod renewals;
mod repeated_requests;
mod seals;
mod trust_paths;
