//! The life of certificates and seals around the sessions.

pub mod cascade;
pub mod certificate;
pub mod enrolment;
pub mod job;
pub mod order;
pub mod recovery;
pub mod reminder;
pub mod retention;
pub mod revocation;
pub mod seal;
pub mod supervisor;
