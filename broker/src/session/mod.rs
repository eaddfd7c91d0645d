//! Sessions: one QR code each, and what becomes of it.

pub mod actor;
pub mod machine;
pub mod opening;
pub mod opening_record;
pub mod picture;
pub mod record;
pub mod supervisor;
pub mod verification;
