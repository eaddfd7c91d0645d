//! Work outside the broker that has to be done: at a CA, with a payment, by message. It is stored with the change that
//! asks for it, and done until it is done, whatever breaks in between.

mod attempt;
mod board;
mod supervisor;

pub use attempt::Attempt;
#[cfg(test)]
pub(crate) use attempt::attempt_with;
pub use board::JobBoard;
pub use supervisor::JobSupervisor;
