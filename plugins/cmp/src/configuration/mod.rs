//! What the operator sets. README.md of this plugin has two whole examples.

mod document;
mod profile;
mod schema;

use std::path::PathBuf;

use serde_json::Value;
use yinqiao_ca_sdk::AdapterError;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::x509::AnyCertificate;

use crate::http::Server;
use crate::protection::{MacKind, MacScheme, TrustedServer};
use crate::x509::name;
use document::{Document, HashName, ProtectionDocument};

pub(crate) use document::{CrlSource, HealthCheck, RequestKind};
pub(crate) use profile::{Profile, SubjectSource};
pub(crate) use schema::schema;

/// The secret of protection by MAC.
pub const MAC_SECRET: &str = "mac_secret";
/// The private key of protection by signature.
pub const RA_KEY: &str = "ra_key";

/// The configuration, read and checked.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) server: Server,
    /// The journal's.
    pub(crate) directory: PathBuf,
    pub(crate) protection: ProtectionSettings,
    pub(crate) trusted: TrustedServer,
    /// DER of the header's recipient.
    pub(crate) recipient: Vec<u8>,
    /// The configured CA certificates: the issuing CA's first.
    pub(crate) authorities: Vec<AnyCertificate>,
    pub(crate) profiles: Vec<(String, Profile)>,
    pub(crate) update: Profile,
    pub(crate) suspension: bool,
    pub(crate) implicit_confirmation: bool,
    pub(crate) unprotected_errors: bool,
    pub(crate) crl: CrlSource,
    pub(crate) ask_ca_certificates: bool,
    pub(crate) ask_root_update: bool,
    pub(crate) health: HealthCheck,
    pub(crate) message_timeout_ms: u64,
    pub(crate) time_tolerance_s: u64,
    pub(crate) poll: PollSettings,
}

/// How messages are protected.
#[derive(Debug)]
pub(crate) enum ProtectionSettings {
    Mac(MacSettings),
    Signature(SignatureSettings),
}

/// Protection by a shared secret.
#[derive(Debug)]
pub(crate) struct MacSettings {
    kind: MacKind,
    hash: HashAlgorithm,
    rounds: u32,
    /// DER of the header's sender.
    pub(crate) sender: Option<Vec<u8>>,
    /// The header's senderKID.
    pub(crate) reference: Option<String>,
}

impl MacSettings {
    pub(crate) const fn scheme(&self) -> MacScheme {
        MacScheme { kind: self.kind, hash: self.hash, rounds: self.rounds }
    }
}

/// Protection by the registration authority's certificate.
#[derive(Debug)]
pub(crate) struct SignatureSettings {
    pub(crate) certificate: AnyCertificate,
    pub(crate) chain: Vec<AnyCertificate>,
}

/// How long to wait for a CA that says "later".
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollSettings {
    pub(crate) shortest_ms: u64,
    pub(crate) longest_ms: u64,
    pub(crate) give_up_ms: u64,
}

impl Configuration {
    /// Reads the document.
    ///
    /// # Errors
    /// Permanent, with the member that is wrong and what it must be.
    pub(crate) fn read(document: &Value) -> Result<Self, AdapterError> {
        let document: Document = serde_json::from_value(document.clone()).map_err(wrong)?;
        Self::check(document).map_err(wrong)
    }

    fn check(document: Document) -> Result<Self, String> {
        if !document.directory.is_absolute() {
            return Err("directory must be an absolute path".to_owned());
        }
        let https = document.url.starts_with("https://");
        if !https && !document.url.starts_with("http://") {
            return Err("url must begin with http:// or https://".to_owned());
        }
        if document.url.contains('@') || document.url.contains('#') {
            return Err("url must hold no credentials and no fragment".to_owned());
        }
        let tls_roots = match &document.tls_trusted_certificates {
            Some(pem) if https => {
                Server::read_roots(pem).map_err(|reason| format!("tls_trusted_certificates: {reason}"))?
            }
            Some(_) => return Err("tls_trusted_certificates is for an https:// url".to_owned()),
            None => Vec::new(),
        };
        let authorities = certificates("ca_certificates", &document.ca_certificates)?;
        if !authorities.iter().any(AnyCertificate::is_self_issued) {
            return Err("ca_certificates must hold the root, a self-issued certificate".to_owned());
        }
        let Some(issuing) = authorities.first().filter(|first| first.is_ca()) else {
            return Err("ca_certificates must begin with the issuing CA's certificate".to_owned());
        };
        let recipient = match &document.recipient {
            Some(text) => parse_name("recipient", text)?,
            None => issuing.subject().as_der().to_vec(),
        };
        let server_name = document.server_name.as_deref();
        let trusted = TrustedServer {
            certificates: match &document.trusted_certificates {
                Some(pem) => certificates("trusted_certificates", pem)?,
                None => Vec::new(),
            },
            name: server_name.map(|text| parse_name("server_name", text)).transpose()?,
        };
        let protection = protection(document.protection, &trusted)?;
        if document.profiles.is_empty() {
            return Err("profiles must name at least one".to_owned());
        }
        for (name, profile) in &document.profiles {
            profile.check().map_err(|reason| format!("profiles.{name}: {reason}"))?;
        }
        document.update.check_update().map_err(|reason| format!("update: {reason}"))?;
        let poll = document.poll;
        if poll.shortest_seconds > poll.longest_seconds {
            return Err("poll.shortest_seconds must not be more than poll.longest_seconds".to_owned());
        }
        within("message_timeout_seconds", document.message_timeout_seconds, 1, 600)?;
        within("reply_limit_kib", document.reply_limit_kib, 16, 65_536)?;
        within("time_tolerance_seconds", document.time_tolerance_seconds, 1, 86_400)?;
        within("poll.shortest_seconds", poll.shortest_seconds, 0, 86_400)?;
        within("poll.longest_seconds", poll.longest_seconds, 1, 604_800)?;
        within("poll.give_up_hours", poll.give_up_hours, 1, 8_760)?;
        Ok(Self {
            server: Server { url: document.url, tls_roots, reply_limit: document.reply_limit_kib * 1024 },
            directory: document.directory,
            protection,
            trusted,
            recipient,
            authorities,
            profiles: document.profiles.into_iter().collect(),
            update: document.update,
            suspension: document.suspension,
            implicit_confirmation: document.implicit_confirmation,
            unprotected_errors: document.accept_unprotected_errors,
            crl: document.crl,
            ask_ca_certificates: document.ask_ca_certificates,
            ask_root_update: document.ask_root_update,
            health: document.health,
            message_timeout_ms: document.message_timeout_seconds * 1000,
            time_tolerance_s: document.time_tolerance_seconds,
            poll: PollSettings {
                shortest_ms: poll.shortest_seconds * 1000,
                longest_ms: poll.longest_seconds * 1000,
                give_up_ms: poll.give_up_hours * 3_600_000,
            },
        })
    }

    /// The name of the secret that protection needs.
    pub(crate) const fn secret_name(&self) -> &'static str {
        match self.protection {
            ProtectionSettings::Mac(_) => MAC_SECRET,
            ProtectionSettings::Signature(_) => RA_KEY,
        }
    }

    /// The self-issued ones of the CA certificates.
    pub(crate) fn roots(&self) -> Vec<AnyCertificate> {
        self.authorities.iter().filter(|authority| authority.is_self_issued()).cloned().collect()
    }

    /// The CA certificates below the roots.
    pub(crate) fn intermediates(&self) -> Vec<AnyCertificate> {
        self.authorities.iter().filter(|authority| !authority.is_self_issued()).cloned().collect()
    }

    /// DER of the issuing CA's name.
    pub(crate) fn issuer(&self) -> &[u8] {
        self.authorities.first().map_or(&name::NULL_DN, |issuing| issuing.subject().as_der())
    }

    /// The profile of a product, else of the kind of holder, else "default".
    pub(crate) fn profile(&self, product: Option<&str>, kind: &str) -> Result<&Profile, AdapterError> {
        let find =
            |wanted: &str| self.profiles.iter().find(|(name, _)| name == wanted).map(|(_, profile)| profile);
        let found = match product {
            Some(product) => find(product),
            None => find(kind).or_else(|| find("default")),
        };
        found.ok_or_else(|| {
            let wanted = product.unwrap_or(kind);
            AdapterError::permanent(format!("the configuration's profiles have none for {wanted}"))
        })
    }
}

fn protection(document: ProtectionDocument, trusted: &TrustedServer) -> Result<ProtectionSettings, String> {
    match document {
        ProtectionDocument::Mac { algorithm, hash, iterations, sender, reference } => {
            within("protection.iterations", u64::from(iterations), 100, 100_000)?;
            Ok(ProtectionSettings::Mac(MacSettings {
                kind: algorithm,
                hash: match hash {
                    HashName::Sha256 => HashAlgorithm::Sha256,
                    HashName::Sha384 => HashAlgorithm::Sha384,
                    HashName::Sha512 => HashAlgorithm::Sha512,
                    HashName::Sm3 => HashAlgorithm::Sm3,
                },
                rounds: iterations,
                sender: sender.map(|text| parse_name("protection.sender", &text)).transpose()?,
                reference,
            }))
        }
        ProtectionDocument::Signature { certificates: pem } => {
            if trusted.certificates.is_empty() {
                return Err("trusted_certificates must be there when protection.kind is signature".to_owned());
            }
            let mut chain = certificates("protection.certificates", &pem)?;
            // At least one: `certificates` fails otherwise.
            Ok(ProtectionSettings::Signature(SignatureSettings { certificate: chain.remove(0), chain }))
        }
    }
}

fn certificates(member: &str, pem: &str) -> Result<Vec<AnyCertificate>, String> {
    AnyCertificate::chain_from_pem(pem).map_err(|error| format!("{member}: {error}"))
}

fn parse_name(member: &str, text: &str) -> Result<Vec<u8>, String> {
    name::parse(text).map_err(|error| format!("{member} must be a name like CN=CA,O=Example,C=CN: {error}"))
}

fn within(member: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{member} must be {least} to {most}"))
}

fn wrong(reason: impl std::fmt::Display) -> AdapterError {
    AdapterError::permanent(format!("the configuration is not valid: {reason}"))
}
