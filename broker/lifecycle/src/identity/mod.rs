//! Who a person and a company are.

mod assurance;
mod credit_code;
mod id_number;
mod phone_number;

pub use assurance::AssuranceLevel;
pub use credit_code::CreditCode;
pub use id_number::IdNumber;
pub use phone_number::PhoneNumber;

/// A text that is not what it should be, and what it should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
