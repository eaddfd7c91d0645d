//! What certificates of an adapter's CA are held against, as the catalogue has it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[adapter.trust]`: which further CA certificates belong to this CA, and how the status of its holders' certificates is
/// found out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntryTrust {
    /// PEM files with further certificates of the CA beside those that its adapter gives: roots, issuing CAs, and cross
    /// certificates between CAs. Absolute paths. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anchors: Vec<PathBuf>,
    /// Where the status comes from; the first that gives a fresh answer decides. Default: `["crl", "ocsp"]`.
    pub sources: Vec<Source>,
    /// Whether revocation lists and OCSP responders are asked at the addresses that certificates name, where the adapter
    /// offers none. The broker then connects to addresses outside. Default: false.
    pub fetch_by_url: bool,
    /// What happens when no source gives a fresh answer: `"refuse"` (the certificate answers no session), or `"accept"`
    /// (it does, and the result says that the status is unknown). Default: `"refuse"`.
    pub unknown: Unknown,
    /// Which CA certificates between the holder's and the root it holds for too: `"published"`, those whose status is published where
    /// the broker can look (an address in them and `fetch_by_url`, or a list of their issuer that is held), or `"all"`, as RFC 5280
    /// section 6.3 has it: a CA certificate without list and responder then makes the path unusable. Default: `"published"`.
    #[serde(skip_serializing_if = "Issuers::is_default")]
    pub issuers: Issuers,
    /// How long an OCSP answer is used, in seconds, also where its nextUpdate is later. Default: 300.
    pub ocsp_seconds: u32,
}

/// Where a status comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Certificate revocation lists (RFC 5280 section 5).
    Crl,
    /// The Online Certificate Status Protocol (RFC 6960).
    Ocsp,
}

/// What happens when the status is unknown.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// The certificate is not accepted.
    #[default]
    Refuse,
    /// The certificate is accepted.
    Accept,
}

/// Which CA certificates of a path must have a fresh status.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Issuers {
    /// Those whose status can be looked up.
    #[default]
    Published,
    /// All below the root.
    All,
}

impl Issuers {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for EntryTrust {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            sources: vec![Source::Crl, Source::Ocsp],
            fetch_by_url: false,
            unknown: Unknown::Refuse,
            issuers: Issuers::Published,
            ocsp_seconds: 300,
        }
    }
}

impl EntryTrust {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
