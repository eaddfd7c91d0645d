//! How a check ends.

use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_worker::StartError;
use yinqiao_ca_worker::probe::ProbeEnd;

/// A check that holds may have something to tell; one that stops says why.
pub(crate) type Verdict = Result<Option<String>, Stop>;

/// Why a check did not come to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The plugin breaks the contract.
    Failed(String),
    /// The plugin does not offer what the check is about.
    NotOffered(String),
    /// The check needs something that it was not given, or that another check says is broken.
    Skipped(String),
}

/// The check holds, and there is nothing to tell.
pub(crate) const HOLDS: Verdict = Ok(None);

/// The check holds, with a note.
pub(crate) fn holds(note: impl Into<String>) -> Verdict {
    Ok(Some(note.into()))
}

pub(crate) fn failed(why: impl Into<String>) -> Stop {
    Stop::Failed(why.into())
}

pub(crate) fn skipped(why: impl Into<String>) -> Stop {
    Stop::Skipped(why.into())
}

pub(crate) fn not_offered(what: impl Into<String>) -> Stop {
    Stop::NotOffered(what.into())
}

/// Fails with `why` unless `holds`.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Failed(why())) }
}

/// Says what was being done when something failed.
pub(crate) trait While<T> {
    /// Fails with `what` and the error's text.
    fn during(self, what: &str) -> Result<T, Stop>;
}

impl<T> While<T> for Result<T, AdapterError> {
    fn during(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| Stop::Failed(format!("{what}: {error}")))
    }
}

impl<T> While<T> for Result<T, ProbeEnd> {
    fn during(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| Stop::Failed(format!("{what}: {error}")))
    }
}

impl<T> While<T> for Result<T, StartError> {
    fn during(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| Stop::Failed(format!("{what}: {error}")))
    }
}

impl<T> While<T> for Result<T, yinqiao_gm::Error> {
    fn during(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| Stop::Failed(format!("{what}: {error}")))
    }
}

impl From<std::io::Error> for Stop {
    /// The kit's own trouble is not the plugin's fault.
    fn from(error: std::io::Error) -> Self {
        Self::Skipped(format!("the kit itself failed: {error}"))
    }
}
