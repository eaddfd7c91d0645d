//! Seals: the application for one, and the life of one that was made.
//!
//! ```text
//! UnderReview ──→ Made{seal}              a seal: Active ──→ Revoking ──→ Revoked
//!    │      └──→ Rejected{reason}
//!    └──→ Cancelled{settled: false} ──the CA's answer──→ Cancelled{settled: true}
//! ```
//!
//! An application that is cancelled while the CA has it may still give a seal: that one is revoked as soon as it is known. A
//! change of a seal is an application that names the seal it replaces: the old one is revoked when the new one is made.

mod application;
mod refusal;
mod review;
mod standing;
mod usage;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use application::{
    Awaited, NewSealApplication, Picture, ReplacedSeal, SealApplication, SealApplicationState, Surroundings,
};
pub use refusal::SealRefusal;
pub use review::{Review, Reviewed};
pub use standing::{SealFacts, SealRevocation, SealRevocationReason, SealStanding, SealState};
pub use usage::Usage;
