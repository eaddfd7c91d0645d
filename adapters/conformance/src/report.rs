//! What a run came to: a document that is bound to the plugin's file.
//!
//! ```text
//! {"format": 1, "plugin": {...}, "digests": {"sha256": hex, "sm3": hex}, "abi": "1.0", "kit": text, "host": text,
//!  "at": RFC 3339, "profile": text, "seed": integer, "configuration_sm3": hex | null, "selection": [text, ...],
//!  "checks": [{"id": text, "clause": text, "outcome": text, "text": text | null, "milliseconds": integer}, ...],
//!  "passed": boolean, "content_sm3": hex}
//! ```
//!
//! `content_sm3` is the SM3 of the document without that member, its members in the order above, without white space. It
//! shows that a report was edited by accident or by someone who knows no better. It proves no more: whoever can run the
//! kit can write any report, so a catalogue compares the digests with the file it installs, and trusts a report as far as
//! it trusts the one who handed it in.

use serde::{Deserialize, Serialize};
use yinqiao_ca_worker::Digests;
use yinqiao_gm::sm3;

/// The version of the document's format.
const FORMAT: u32 = 1;

/// What a run came to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this format.
    pub format: u32,
    /// The plugin by its own words; `None` when it could not be loaded.
    pub plugin: Option<ReportedPlugin>,
    /// The plugin's file.
    pub digests: ReportedDigests,
    /// Major and minor version of the contract that the kit holds a plugin to.
    pub abi: String,
    /// The kit's version.
    pub kit: String,
    /// The program that ran the kit, with its version.
    pub host: String,
    /// When the run began, RFC 3339 in UTC.
    pub at: String,
    /// `quick` or `full`.
    pub profile: String,
    /// Of random documents and instants.
    pub seed: u64,
    /// SM3 of the configuration as compact JSON, in hexadecimal; `None` without one.
    pub configuration_sm3: Option<String>,
    /// Checks or groups that were chosen; empty: all.
    pub selection: Vec<String>,
    /// Every check that was chosen, in the order of the kit.
    pub checks: Vec<CheckResult>,
    /// Whether nothing failed.
    pub passed: bool,
    /// SM3 of everything above.
    pub content_sm3: String,
}

/// A plugin by its own words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedPlugin {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub name: String,
    /// Which one it is.
    pub version: String,
    /// Names this build.
    pub build_id: String,
}

/// Digests of a file, in hexadecimal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedDigests {
    /// FIPS 180-4.
    pub sha256: String,
    /// GB/T 32905.
    pub sm3: String,
}

impl From<&Digests> for ReportedDigests {
    fn from(digests: &Digests) -> Self {
        Self { sha256: hex::encode(digests.sha256), sm3: hex::encode(digests.sm3) }
    }
}

/// What one check came to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// Which check.
    pub id: String,
    /// The section of `ca_adapter.h` that it is about.
    pub clause: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, or a note.
    pub text: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The plugin keeps the clause.
    Passed,
    /// It does not.
    Failed,
    /// It does not offer what the clause is about.
    NotOffered,
    /// It was not tried: the text says what is missing.
    Skipped,
}

/// A report that cannot be relied on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// Not a report.
    #[error("this is no conformance report: {0}")]
    Malformed(String),
    /// Another format.
    #[error("the report has the format {0}; this program reads {FORMAT}")]
    Format(u32),
    /// It was edited.
    #[error(
        "the report was changed after it was written: its content does not have the digest that it names"
    )]
    Edited,
    /// Its verdict does not follow from its checks.
    #[error("the report says passed={passed}, but its checks say otherwise")]
    Verdict {
        /// What it says.
        passed: bool,
    },
    /// It is about another file.
    #[error(
        "the report is about another file: it names sha256:{reported}, the plugin's file has sha256:{found}"
    )]
    OtherFile {
        /// What the report names.
        reported: String,
        /// What the file has.
        found: String,
    },
}

impl Report {
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Completes a report: verdict and digest.
    pub(crate) fn seal(mut self) -> Self {
        self.passed = self.passes();
        self.content_sm3 = self.digest();
        self
    }

    /// Reads a report that is whole and says of itself what its checks say.
    ///
    /// # Errors
    /// When it is no report, was edited, or contradicts itself.
    pub fn parse(json: &[u8]) -> Result<Self, ReportError> {
        let report: Self =
            serde_json::from_slice(json).map_err(|error| ReportError::Malformed(error.to_string()))?;
        if report.format != FORMAT {
            return Err(ReportError::Format(report.format));
        }
        if report.content_sm3 != report.digest() {
            return Err(ReportError::Edited);
        }
        if report.passed != report.passes() {
            return Err(ReportError::Verdict { passed: report.passed });
        }
        Ok(report)
    }

    /// Whether the report is about the file with these digests.
    ///
    /// # Errors
    /// When it is about another one.
    pub fn is_about(&self, digests: &Digests) -> Result<(), ReportError> {
        let found = ReportedDigests::from(digests);
        if self.digests == found {
            return Ok(());
        }
        Err(ReportError::OtherFile { reported: self.digests.sha256.clone(), found: found.sha256 })
    }

    /// The document, to be kept.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault of the kit.
    pub fn to_json(&self) -> Result<String, ReportError> {
        serde_json::to_string_pretty(self).map_err(|error| ReportError::Malformed(error.to_string()))
    }

    /// How many checks came to `outcome`.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    fn passes(&self) -> bool {
        !self.checks.is_empty() && self.count(Outcome::Failed) == 0
    }

    fn digest(&self) -> String {
        #[derive(Serialize)]
        struct Content<'a> {
            format: u32,
            plugin: &'a Option<ReportedPlugin>,
            digests: &'a ReportedDigests,
            abi: &'a str,
            kit: &'a str,
            host: &'a str,
            at: &'a str,
            profile: &'a str,
            seed: u64,
            configuration_sm3: &'a Option<String>,
            selection: &'a [String],
            checks: &'a [CheckResult],
            passed: bool,
        }
        let content = Content {
            format: self.format,
            plugin: &self.plugin,
            digests: &self.digests,
            abi: &self.abi,
            kit: &self.kit,
            host: &self.host,
            at: &self.at,
            profile: &self.profile,
            seed: self.seed,
            configuration_sm3: &self.configuration_sm3,
            selection: &self.selection,
            checks: &self.checks,
            passed: self.passed,
        };
        // Texts, numbers and lists always become JSON.
        let octets = serde_json::to_vec(&content).unwrap_or_default();
        hex::encode(sm3::digest(&octets).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let check = |outcome: &Outcome| CheckResult {
            id: "table.entry".to_owned(),
            clause: "ca_adapter_get".to_owned(),
            outcome: *outcome,
            text: None,
            milliseconds: 3,
        };
        let report = Report {
            format: FORMAT,
            plugin: None,
            digests: ReportedDigests { sha256: "aa".to_owned(), sm3: "bb".to_owned() },
            abi: "1.0".to_owned(),
            kit: "0.1.0".to_owned(),
            host: "a test".to_owned(),
            at: "2026-01-02T03:04:05Z".to_owned(),
            profile: "quick".to_owned(),
            seed: 1,
            configuration_sm3: None,
            selection: Vec::new(),
            checks: outcomes.iter().map(check).collect(),
            passed: false,
            content_sm3: String::new(),
        };
        report.seal()
    }

    #[test]
    fn a_report_survives_its_file() {
        let written = report(&[Outcome::Passed, Outcome::NotOffered, Outcome::Skipped]);
        assert!(written.passed);
        assert_eq!(Report::parse(written.to_json().unwrap().as_bytes()), Ok(written));
    }

    #[test]
    fn one_failure_fails_the_report_and_so_does_a_run_of_nothing() {
        assert!(!report(&[Outcome::Passed, Outcome::Failed]).passed);
        assert!(!report(&[]).passed);
    }

    #[test]
    fn an_edited_report_is_noticed_whatever_was_edited() {
        let written = report(&[Outcome::Failed]).to_json().unwrap();
        for (was, is) in
            [("\"failed\"", "\"passed\""), ("\"aa\"", "\"ab\""), ("quick", "full"), ("false", "true")]
        {
            let edited = written.replace(was, is);
            assert_ne!(edited, written);
            assert_eq!(Report::parse(edited.as_bytes()), Err(ReportError::Edited), "{was}");
        }
    }

    #[test]
    fn a_report_whose_verdict_is_not_its_checks_is_refused_even_with_a_right_digest() {
        let mut lying = report(&[Outcome::Failed]);
        lying.passed = true;
        lying.content_sm3 = lying.digest();
        let parsed = Report::parse(lying.to_json().unwrap().as_bytes());
        assert_eq!(parsed, Err(ReportError::Verdict { passed: true }));
    }

    #[test]
    fn a_report_is_about_one_file() {
        let digests = Digests { sha256: [1; 32], sm3: [2; 32] };
        let mut written = report(&[Outcome::Passed]);
        written.digests = (&digests).into();
        assert!(written.is_about(&digests).is_ok());
        assert!(written.is_about(&Digests { sm3: [3; 32], ..digests }).is_err());
    }
}
