//! The checks, a file for each group. `catalogue` names them and says what each needs.

pub(crate) mod canary;
pub(crate) mod deadline;
pub(crate) mod describe;
pub(crate) mod hostile;
pub(crate) mod idle;
pub(crate) mod issue;
pub(crate) mod kill;
pub(crate) mod leaks;
pub(crate) mod library;
pub(crate) mod list;
pub(crate) mod network;
pub(crate) mod open;
pub(crate) mod pending;
pub(crate) mod process;
pub(crate) mod recovery;
pub(crate) mod renew;
pub(crate) mod revocation;
pub(crate) mod seal;
pub(crate) mod table;
pub(crate) mod threading;
pub(crate) mod timestamp;
