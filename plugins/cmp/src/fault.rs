//! From what a CA says to the contract's classes.

use yinqiao_ca_sdk::{AdapterError, ErrorClass};

use crate::asn1::{ErrorMsgContent, FailureInfo, PkiStatusInfo};

/// Characters of a CA's text that are passed on.
const LONGEST_TEXT: usize = 500;

/// What a CA has said no with.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) failures: Vec<FailureInfo>,
    status: &'static str,
    text: Option<String>,
    code: Option<i64>,
}

impl Refusal {
    /// From a response.
    pub(crate) fn from_status(info: &PkiStatusInfo) -> Self {
        Self {
            failures: info.failures(),
            status: info.pki_status().map_or("an unknown status", |status| status.name()),
            text: info.text(),
            code: None,
        }
    }

    /// From an error message.
    pub(crate) fn from_error(content: &ErrorMsgContent) -> Self {
        let mut refusal = Self::from_status(&content.pki_status_info);
        let details = content.error_details.iter().flatten().cloned();
        let lines: Vec<String> = refusal.text.take().into_iter().chain(details).collect();
        refusal.text = (!lines.is_empty()).then(|| lines.join("; "));
        refusal.code = content.error_code;
        refusal
    }

    /// Whether this failure is among them.
    pub(crate) fn names(&self, failure: FailureInfo) -> bool {
        self.failures.contains(&failure)
    }

    /// The failures as the standard spells them, for `vendor_code`.
    pub(crate) fn vendor_code(&self) -> String {
        let mut names: Vec<String> = self.failures.iter().map(|failure| failure.name()).collect();
        names.extend(self.code.map(|code| format!("errorCode {code}")));
        if names.is_empty() { self.status.to_owned() } else { names.join(" ") }
    }

    /// The CA's words, or what can be said without any.
    pub(crate) fn text(&self) -> String {
        let text = self.text.as_deref().map(clean).filter(|text| !text.is_empty());
        text.unwrap_or_else(|| format!("the CA answers {} without a text", self.status))
    }

    /// What it means: nothing was done in any case, but for a transaction that the CA already has.
    pub(crate) fn class(&self) -> ErrorClass {
        let any = |failures: &[FailureInfo]| failures.iter().any(|failure| self.names(*failure));
        if any(&[FailureInfo::TRANSACTION_ID_IN_USE]) {
            ErrorClass::UnknownOutcome
        } else if any(&[
            FailureInfo::BAD_MESSAGE_CHECK,
            FailureInfo::WRONG_INTEGRITY,
            FailureInfo::SIGNER_NOT_TRUSTED,
            FailureInfo::NOT_AUTHORIZED,
        ]) {
            ErrorClass::Authentication
        } else if any(&[
            FailureInfo::SYSTEM_UNAVAIL,
            FailureInfo::SYSTEM_FAILURE,
            FailureInfo::TIME_NOT_AVAILABLE,
            FailureInfo::BAD_TIME,
        ]) {
            ErrorClass::Unhealthy
        } else {
            ErrorClass::Permanent
        }
    }

    /// The error for the host.
    pub(crate) fn to_error(&self) -> AdapterError {
        AdapterError::new(self.class(), self.text()).with_vendor_code(self.vendor_code())
    }
}

/// Without control characters, and not endless.
fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bits: &[u32]) -> Refusal {
        let failures = bits.iter().map(|bit| FailureInfo(*bit)).collect();
        Refusal { failures, status: "rejection", text: Some("no\u{7}".into()), code: None }
    }

    #[test]
    fn each_failure_has_the_class_that_tells_the_host_what_to_do() {
        for (bits, class) in [
            (&[9][..], ErrorClass::Permanent),
            (&[], ErrorClass::Permanent),
            (&[26], ErrorClass::Permanent),
            (&[24], ErrorClass::Unhealthy),
            (&[25], ErrorClass::Unhealthy),
            (&[3], ErrorClass::Unhealthy),
            (&[20], ErrorClass::Authentication),
            (&[23], ErrorClass::Authentication),
            (&[1], ErrorClass::Authentication),
            (&[21], ErrorClass::UnknownOutcome),
            (&[9, 21], ErrorClass::UnknownOutcome),
        ] {
            assert_eq!(refusal(bits).class(), class, "{bits:?}");
        }
    }

    #[test]
    fn code_and_text_are_the_cas_own_without_control_characters() {
        let error = refusal(&[9, 19]).to_error();
        assert_eq!(error.vendor_code.as_deref(), Some("badPOP badCertTemplate"));
        assert_eq!(error.text, "no");
    }
}
