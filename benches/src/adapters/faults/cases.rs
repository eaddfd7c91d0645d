//! The faulty plugins of `examples/vendor-plugin-c/faulty`, whose README says what each does.

use serde_json::{Value, json};

use crate::login::broker::Broker;

/// How a plugin is faulty.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its file without `lib` and `.so`.
    pub library: &'static str,
    /// Which form of the fault; none for the first.
    pub variant: Option<&'static str>,
}

/// Plugins that load and misbehave when they are to issue, with the variants beside the first.
const STRIKING: [(&str, &[&str]); 15] = [
    ("crash_on_issue", &["stack", "division", "after_issue"]),
    ("hang", &["busy", "after_issue"]),
    ("endless_reply", &["for_ever", "deep"]),
    ("memory_growth", &["endless"]),
    ("write_stdout", &["for_ever", "close"]),
    ("fork", &["exec", "daemon"]),
    ("read_other", &[]),
    ("exit", &["_exit", "abort", "kill", "thread"]),
    ("signals", &["block", "raise", "stop", "fault_for_ever", "orphan"]),
    ("threads_and_descriptors", &[]),
    ("secret_leak", &["error", "reply", "base64", "hex"]),
    ("late_host_calls", &[]),
    ("double_issue", &[]),
    ("stale_absent", &["honest_submit"]),
    ("wrong_key", &["encryption", "envelope"]),
];

/// Plugins whose table is wrong; the Makefile makes them of one source. All are one case: they are to be refused at load.
pub const WRONG_SIZES: [&str; 19] = [
    "larger_than_room",
    "larger_than_filled",
    "writes_beyond",
    "smaller",
    "cuts_a_member",
    "zero",
    "bit_without_pointer",
    "pointer_without_bit",
    "required_null",
    "slice_too_long",
    "slice_overflows",
    "slice_null",
    "slice_empty",
    "slice_not_text",
    "wrong_major",
    "wrong_threading",
    "unknown_flags",
    "unknown_bit",
    "missing_symbol",
];

/// All cases, or the first form of each fault.
pub fn all(with_variants: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for (library, variants) in STRIKING {
        cases.push(Case { library, variant: None });
        if with_variants {
            cases.extend(variants.iter().map(|variant| Case { library, variant: Some(variant) }));
        }
    }
    cases
}

impl Case {
    /// What the figures call it.
    pub fn name(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}/{variant}", self.library),
            None => self.library.to_owned(),
        }
    }

    /// A name that an adapter can have.
    pub fn adapter(&self) -> String {
        self.name().replace(['_', '/'], "-").replace("--", "-")
    }

    /// The members of its configuration beside the good plugin's.
    pub fn configuration(&self, broker: &Broker) -> Value {
        let mut members = serde_json::Map::new();
        if let Some(variant) = self.variant {
            members.insert("variant".to_owned(), json!(variant));
        }
        if self.library == "read_other" {
            let folder = broker.directory();
            let port = broker.url().rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
            let targets = json!({
                "read": [folder.join("adapters.toml"), folder.join("secrets/softca/softca.master_key")],
                "list": [folder.join("softca"), folder.join("secrets")],
                "write": [folder.clone()],
                "address": "127.0.0.1",
                "port": port.unwrap_or_default(),
            });
            members.insert("targets".to_owned(), targets);
        }
        Value::Object(members)
    }
}
