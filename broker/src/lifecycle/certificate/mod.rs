//! Certificates after they are issued: what people and the broker ask of them is stored at once and blocks at once; a job
//! brings the CA to it.

mod authorities;
mod command;
mod reconcile;
mod standing;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use authorities::{CaFuture, CertificateAuthorities};
pub use command::{CertificateCommand, change};
pub use reconcile::reconcile;
pub use standing::{check_standing, found_revoked, look_for_revocations};

pub use crate::directory::of_member;
