//! What the tests of the real programs stand on: a broker that can be killed, a bid system, phones, and the checks that
//! anyone can make with a result and the CA's published certificates.
//!
//! | module | what |
//! | --- | --- |
//! | [`broker`] | starts, kills and restarts the real program; operators' commands |
//! | [`programs`] | finds the programs under test, and builds them where they are missing |
//! | [`plugins`] | CA vendors' plugins in C, good and faulty ones |
//! | [`catalogue`] | a catalogue of adapters |
//! | [`applicant`] | one request for a certificate pair, sent as often as wanted |
//! | [`relying_party`] | a bid system's requests |
//! | [`socket`] | a bid system's websocket |
//! | [`answer`] | what came back over HTTP, and the rules that every refusal keeps |
//! | [`holder`] | a person with a phone |
//! | [`identity`] | an identity provider, and persons whom it knows |
//! | [`officer`] | the officer of a software CA, who reviews what it is asked for |
//! | [`tasks`] | the smallest valid tasks |
//! | [`evidence`] | checks of results without the broker |
//!
//! Everything here panics where something is not as it must be: it runs in tests only.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod answer;
pub mod applicant;
pub mod broker;
pub mod catalogue;
pub mod evidence;
pub mod holder;
pub mod identity;
pub mod officer;
pub mod plugins;
pub mod programs;
pub mod relying_party;
pub mod socket;
pub mod tasks;

pub use answer::Answer;
pub use applicant::Applicant;
pub use broker::Broker;
pub use catalogue::Adapter;
pub use holder::Holder;
pub use identity::{IdentityProvider, Person};
pub use officer::Officer;
pub use relying_party::RelyingParty;
pub use socket::Socket;
