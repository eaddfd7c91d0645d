//! What needs a person: seals, certificates of some profiles, and every recovery of a key.
//!
//! Such an operation is checked, recorded as pending and answered with a token. Operators look at it and decide with
//! `yinqiao-softca review`; each decision is signed by the operator's own key and lies in a file. Whoever polls counts
//! the decisions whose signatures hold, by the operators' keys in the configuration. So write access to the directory
//! neither consents nor refuses, it can only delay.

mod queue;
mod text;
mod verdict;

pub(crate) use text::{Matter, matter};
pub(crate) use verdict::{Verdict, decision_name, judge, rejection_text};
