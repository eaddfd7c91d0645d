//! The document as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::profile::Profile;
use crate::protection::MacKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(super) url: String,
    pub(super) directory: PathBuf,
    pub(super) protection: ProtectionDocument,
    pub(super) trusted_certificates: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) recipient: Option<String>,
    pub(super) ca_certificates: String,
    pub(super) tls_trusted_certificates: Option<String>,
    pub(super) profiles: BTreeMap<String, Profile>,
    #[serde(default = "Profile::update")]
    pub(super) update: Profile,
    #[serde(default)]
    pub(super) suspension: bool,
    #[serde(default)]
    pub(super) implicit_confirmation: bool,
    #[serde(default)]
    pub(super) accept_unprotected_errors: bool,
    #[serde(default)]
    pub(super) crl: CrlSource,
    #[serde(default)]
    pub(super) ask_ca_certificates: bool,
    #[serde(default)]
    pub(super) ask_root_update: bool,
    #[serde(default)]
    pub(super) health: HealthCheck,
    #[serde(default = "default_message_timeout")]
    pub(super) message_timeout_seconds: u64,
    #[serde(default = "default_reply_limit")]
    pub(super) reply_limit_kib: u64,
    #[serde(default = "default_tolerance")]
    pub(super) time_tolerance_seconds: u64,
    #[serde(default)]
    pub(super) poll: PollDocument,
}

const fn default_message_timeout() -> u64 {
    30
}

const fn default_reply_limit() -> u64 {
    1024
}

const fn default_tolerance() -> u64 {
    300
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ProtectionDocument {
    Mac {
        #[serde(default = "default_mac")]
        algorithm: MacKind,
        #[serde(default)]
        hash: HashName,
        #[serde(default = "default_iterations")]
        iterations: u32,
        sender: Option<String>,
        reference: Option<String>,
    },
    Signature {
        certificates: String,
    },
}

const fn default_mac() -> MacKind {
    MacKind::PasswordBasedMac
}

const fn default_iterations() -> u32 {
    10_000
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HashName {
    #[default]
    Sha256,
    Sha384,
    Sha512,
    Sm3,
}

/// Which message asks for a certificate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestKind {
    /// Initialisation request: the holder has no certificate of this CA yet.
    Ir,
    /// Certification request.
    Cr,
    /// Key update request; for update only.
    Kur,
    /// The PKCS#10 request as it is.
    P10cr,
}

/// How the current revocation list is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CrlSource {
    /// It is not.
    #[default]
    None,
    /// id-it-crlStatusList (RFC 9483, 4.3.4).
    StatusList,
    /// id-it-currentCRL (RFC 4210).
    Current,
}

/// What the health check does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HealthCheck {
    /// A general message; any answer that is protected as it should be is a healthy CA.
    #[default]
    GeneralMessage,
    /// Nothing is sent: the journal and the credentials only.
    Local,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PollDocument {
    pub(super) shortest_seconds: u64,
    pub(super) longest_seconds: u64,
    pub(super) give_up_hours: u64,
}

impl Default for PollDocument {
    fn default() -> Self {
        Self { shortest_seconds: 5, longest_seconds: 3600, give_up_hours: 720 }
    }
}
