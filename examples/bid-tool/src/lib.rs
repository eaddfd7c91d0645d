//! The client library of a bid system (a relying party), and what it does with results.
//!
//! | module | what |
//! | --- | --- |
//! | [`client`] | REST requests |
//! | [`socket`] | the websocket, which outlives its connections |
//! | [`watch`] | one session, step by step |
//! | [`verify`] | is a result what it says? |
//! | [`envelope`] | encrypted bids of any size |
//! | [`document`] | files, their digests, and results that appear whole |
//! | [`trust`] | roots |
//! | [`qr`] | codes in a terminal |

pub mod client;
pub mod clock;
pub mod document;
pub mod envelope;
#[cfg(test)]
mod fixture;
pub mod http;
pub mod qr;
pub mod socket;
pub mod trust;
pub mod verify;
pub mod watch;

pub use client::Client;
pub use envelope::Envelope;
pub use http::ClientError;
pub use socket::Socket;
pub use trust::Trust;
pub use verify::{Asked, Verified, VerifyError, verify_answer, verify_outcome};
pub use watch::{End, Step, Watch};
