//! Reports of the conformance kit, as far as the catalogue relies on them.

use std::io;
use std::path::{Path, PathBuf};

use yinqiao_ca_conformance::{Outcome, Report};
use yinqiao_ca_worker::Digests;

/// A report that does not speak for a library.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be read.
    #[error("the conformance report {path} cannot be read: {reason}")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is none, was edited, or is about another file.
    #[error("the conformance report {path} does not count: {reason}; make one with `yinqiao adapter check`")]
    Unsound {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: yinqiao_ca_conformance::ReportError,
    },
    /// Something failed.
    #[error(
        "by the conformance report {path} the plugin failed: {failed}; ask its vendor for a version that passes"
    )]
    Failed {
        /// Where.
        path: PathBuf,
        /// Which checks.
        failed: String,
    },
    /// Not everything was checked.
    #[error(
        "the conformance report {path} is about some checks only: run `yinqiao adapter check` without choosing"
    )]
    Partial {
        /// Where.
        path: PathBuf,
    },
}

/// Reads a report that speaks for the library with these digests: whole, passed, about all checks.
///
/// # Errors
/// See [`ReportError`].
pub fn read(path: &Path, digests: &Digests) -> Result<Vec<u8>, ReportError> {
    let bytes = std::fs::read(path).map_err(|reason| ReportError::Read { path: path.to_owned(), reason })?;
    let unsound = |reason| ReportError::Unsound { path: path.to_owned(), reason };
    let report = Report::parse(&bytes).map_err(unsound)?;
    report.is_about(digests).map_err(unsound)?;
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let failed: Vec<&str> = failed.map(|check| check.id.as_str()).collect();
    if !report.passed || !failed.is_empty() {
        return Err(ReportError::Failed { path: path.to_owned(), failed: failed.join(", ") });
    }
    if !report.selection.is_empty() {
        return Err(ReportError::Partial { path: path.to_owned() });
    }
    Ok(bytes)
}
