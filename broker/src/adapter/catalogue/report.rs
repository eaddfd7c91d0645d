//! Reports of the conformance kit, as far as the catalogue relies on them.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
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
        reason: String,
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

/// What is relied on of a report.
#[derive(Deserialize)]
struct Report {
    digests: ReportedDigests,
    selection: Vec<String>,
    checks: Vec<CheckResult>,
    passed: bool,
}

#[derive(Deserialize)]
struct ReportedDigests {
    sha256: String,
    sm3: String,
}

#[derive(Deserialize)]
struct CheckResult {
    id: String,
    outcome: String,
}

/// Reads a report that speaks for the library with these digests: whole, passed, about all checks.
///
/// # Errors
/// See [`ReportError`].
pub fn read(path: &Path, digests: &Digests) -> Result<Vec<u8>, ReportError> {
    let bytes = std::fs::read(path).map_err(|reason| ReportError::Read { path: path.to_owned(), reason })?;
    let unsound = |reason| ReportError::Unsound { path: path.to_owned(), reason };
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| unsound(error.to_string()))?;
    let found = (hex::encode(digests.sha256), hex::encode(digests.sm3));
    if (&report.digests.sha256, &report.digests.sm3) != (&found.0, &found.1) {
        let text =
            format!("it is about a file with sha256:{}, not sha256:{}", report.digests.sha256, found.0);
        return Err(unsound(text));
    }
    let failed = report.checks.iter().filter(|check| check.outcome == "failed");
    let failed: Vec<&str> = failed.map(|check| check.id.as_str()).collect();
    if !report.passed || !failed.is_empty() {
        return Err(ReportError::Failed { path: path.to_owned(), failed: failed.join(", ") });
    }
    if report.checks.is_empty() || !report.selection.is_empty() {
        return Err(ReportError::Partial { path: path.to_owned() });
    }
    Ok(bytes)
}
