//! Recovery of encryption keys from the CAs' escrow: asked for by the holder, consented to by two security officers, carried
//! out by a job.

mod command;
mod job;
mod record;

#[cfg(test)]
mod tests;

pub use command::{decide, reject, reject_open, request};
pub use job::{expire_late, recover};
pub use record::{RecoveryRecord, open_for_consent, open_requests, requests_of};
