//! The life of certificates, staff, companies and seals, as decisions: who may do what, and what follows from it.
//!
//! Pure: no clock, no I/O, no randomness. The time and new identifiers come in as arguments; records, notes for the audit
//! log and work to be done come out. Each aggregate is one record, so that a store that compares versions lets one of two
//! simultaneous changes win.

pub mod actor;
pub mod audit;
pub mod cascade;
pub mod certificate;
pub mod enterprise;
pub mod identity;
pub mod job;
pub mod membership;
pub mod money;
pub mod offer;
pub mod operator;
pub mod order;
pub mod recovery;
pub mod refusal;
pub mod reminder;
pub mod seal;
pub mod step;
pub mod user;

pub use actor::Actor;
pub use audit::AuditNote;
pub use job::{Job, JobKind};
pub use money::Fen;
pub use refusal::RefusalKind;
pub use step::Step;
