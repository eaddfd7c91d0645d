//! What the operator sets. Every key stands here; [`schema`] says the same to the host.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use yinqiao_ca_sdk::AdapterError;
use yinqiao_protocol::consent::{OperatorKey, Operators};

mod profile;
mod schema;

pub use profile::{AttributeType, CertificateProfile, Certificates, HolderClass, SubjectAttribute};
pub(crate) use profile::{PAIR, object_identifier};

/// The configuration document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Where everything is kept; an absolute path. Made when it is missing.
    pub directory: PathBuf,
    /// The CA's name, 1 to 40 characters: "NAME Root CA", "NAME CA", "NAME Seal Maker". It cannot be changed later.
    pub name: String,
    /// How long a certificate is valid when neither the request nor its profile says, in days.
    #[serde(default = "default_validity_days")]
    pub validity_days: u32,
    /// Where the revocation list is published; it becomes part of each certificate.
    #[serde(default)]
    pub crl_url: Option<String>,
    /// From one revocation list to its next update, in hours.
    #[serde(default = "default_crl_hours")]
    pub crl_hours: u32,
    /// From one delta list to its next update, in hours. Absent: no delta lists are made.
    #[serde(default)]
    pub delta_crl_hours: Option<u32>,
    /// Where the delta list is published; it becomes part of each certificate (freshestCRL). Needs `delta_crl_hours`.
    #[serde(default)]
    pub delta_crl_url: Option<String>,
    /// Where the OCSP responder answers; it becomes part of each certificate.
    #[serde(default)]
    pub ocsp_url: Option<String>,
    /// How long an OCSP response is good, in minutes.
    #[serde(default = "default_ocsp_minutes")]
    pub ocsp_minutes: u32,
    /// Where the issuing CA's certificate can be fetched; it becomes part of each certificate.
    #[serde(default)]
    pub issuer_url: Option<String>,
    /// The policy that timestamps are given under (TSAPolicyId, RFC 3161, 2.4.1). The default is anyPolicy, which promises
    /// nothing: set the identifier of your own.
    #[serde(default = "default_timestamp_policy")]
    pub timestamp_policy: String,
    /// Kinds of certificates. The profile `pair` is there without being named.
    #[serde(default)]
    pub profiles: Vec<CertificateProfile>,
    /// Whether an operator must consent to each seal.
    #[serde(default)]
    pub seal_review: bool,
    /// Who may consent: name, and SubjectPublicKeyInfo of an SM2 key in Base64. Without any, keys are not recovered.
    #[serde(default)]
    pub operators: Vec<OperatorKey>,
    /// Consents of how many different operators a key recovery needs; at least 2.
    #[serde(default = "default_recovery_consents")]
    pub recovery_consents: u32,
    /// After how many days without a decision a review ends as refused.
    #[serde(default = "default_review_days")]
    pub review_days: u32,
    /// For load and fault tests: every issue of a certificate pair sleeps so many milliseconds before its record is
    /// stored, and again before it is answered.
    #[serde(default)]
    pub issue_delay_ms: u64,
}

const fn default_validity_days() -> u32 {
    365
}

const fn default_crl_hours() -> u32 {
    24
}

const fn default_ocsp_minutes() -> u32 {
    60
}

fn default_timestamp_policy() -> String {
    "2.5.29.32.0".to_owned()
}

const fn default_recovery_consents() -> u32 {
    2
}

const fn default_review_days() -> u32 {
    30
}

impl Configuration {
    /// Reads the document.
    ///
    /// # Errors
    /// Permanent, with the member that is wrong.
    pub fn read(document: &Value) -> Result<Self, AdapterError> {
        let wrong = |what: String| AdapterError::permanent(format!("the configuration is not valid: {what}"));
        let mut configuration = Self::deserialize(document).map_err(|error| wrong(error.to_string()))?;
        configuration.check().map_err(wrong)?;
        if !configuration.profiles.iter().any(|profile| profile.name == PAIR) {
            configuration.profiles.insert(0, CertificateProfile::pair());
        }
        Ok(configuration)
    }

    /// The profile that an issue request names as its product.
    ///
    /// # Errors
    /// Permanent, with the names there are.
    pub(crate) fn profile(&self, product: Option<&str>) -> Result<&CertificateProfile, AdapterError> {
        let product = product.unwrap_or(PAIR);
        self.profiles.iter().find(|profile| profile.name == product).ok_or_else(|| {
            let names: Vec<&str> = self.profiles.iter().map(|profile| profile.name.as_str()).collect();
            AdapterError::permanent(format!("this CA has no product {product:?}, only {}", names.join(", ")))
        })
    }

    fn check(&self) -> Result<(), String> {
        let demand = |holds: bool, text: &str| if holds { Ok(()) } else { Err(text.to_owned()) };
        demand(self.directory.is_absolute(), "directory must be an absolute path")?;
        demand((1..=40).contains(&self.name.chars().count()), "name must have 1 to 40 characters")?;
        demand((1..=3650).contains(&self.validity_days), "validity_days must be 1 to 3650")?;
        demand((1..=720).contains(&self.crl_hours), "crl_hours must be 1 to 720")?;
        let delta = self.delta_crl_hours.is_none_or(|hours| (1..=self.crl_hours).contains(&hours));
        demand(delta, "delta_crl_hours must be 1 to crl_hours")?;
        let delta = self.delta_crl_url.is_none() || self.delta_crl_hours.is_some();
        demand(delta, "delta_crl_url needs delta_crl_hours")?;
        demand((1..=10_080).contains(&self.ocsp_minutes), "ocsp_minutes must be 1 to 10080")?;
        demand((1..=365).contains(&self.review_days), "review_days must be 1 to 365")?;
        demand(self.issue_delay_ms <= 600_000, "issue_delay_ms must be at most 600000")?;
        object_identifier(&self.timestamp_policy)?;
        let urls = [
            ("crl_url", &self.crl_url),
            ("delta_crl_url", &self.delta_crl_url),
            ("ocsp_url", &self.ocsp_url),
            ("issuer_url", &self.issuer_url),
        ];
        urls.iter().try_for_each(|(member, url)| profile::check_url(member, url.as_deref()))?;
        self.check_profiles()?;
        self.check_operators()
    }

    fn check_profiles(&self) -> Result<(), String> {
        for (position, profile) in self.profiles.iter().enumerate() {
            profile.check().map_err(|what| format!("profile {:?}: {what}", profile.name))?;
            if self.profiles[..position].iter().any(|other| other.name == profile.name) {
                return Err(format!("two profiles are called {:?}", profile.name));
            }
        }
        Ok(())
    }

    fn check_operators(&self) -> Result<(), String> {
        if self.recovery_consents < 2 {
            return Err("recovery_consents must be at least 2: nobody recovers a key alone".to_owned());
        }
        if self.operators.is_empty() {
            let reviewed = self.profiles.iter().any(|profile| profile.review);
            return match reviewed || self.seal_review {
                true => Err("seal_review and review of a profile need operators".to_owned()),
                false => Ok(()),
            };
        }
        Operators::new(&self.operators, 1).map(drop).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use yinqiao_gm::sm2;
    use yinqiao_protocol::Base64;

    use super::*;

    fn read(change: Value) -> Result<Configuration, AdapterError> {
        let mut document = json!({"directory": "/ca", "name": "测试"});
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Configuration::read(&document)
    }

    #[test]
    fn the_profile_pair_is_there_and_can_be_replaced() {
        let plain = read(json!({})).unwrap();
        assert_eq!(plain.profile(None).unwrap().name, PAIR);
        let error = plain.profile(Some("seal")).unwrap_err();
        assert!(error.text.contains("\"seal\"") && error.text.contains("pair"), "{error}");
        let replaced = read(json!({"profiles": [{"name": "pair", "certificates": "signing"}]})).unwrap();
        assert_eq!(replaced.profiles.len(), 1);
        assert_eq!(replaced.profile(None).unwrap().certificates, Certificates::Signing);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_member() {
        let key = Base64(sm2::PrivateKey::generate().unwrap().public_key().to_spki_der().unwrap());
        for (change, word) in [
            (json!({"delta_crl_hours": 25}), "delta_crl_hours"),
            (json!({"delta_crl_url": "http://x"}), "delta_crl_hours"),
            (json!({"ocsp_url": "x"}), "ocsp_url"),
            (json!({"timestamp_policy": "x"}), "object identifier"),
            (json!({"seal_review": true}), "operators"),
            (json!({"profiles": [{"name": "a", "review": true}]}), "operators"),
            (json!({"profiles": [{"name": "a"}, {"name": "a"}]}), "two profiles"),
            (json!({"recovery_consents": 1}), "recovery_consents"),
            (json!({"operators": [{"name": "a", "public_key": "AAAA"}]}), "SM2"),
            (
                json!({"operators": [{"name": "a", "public_key": key}, {"name": "b", "public_key": key}]}),
                "same key",
            ),
        ] {
            let error = read(change.clone()).unwrap_err();
            assert!(error.text.contains(word), "{change}: {error}");
        }
    }

    #[test]
    fn the_schema_knows_every_member() {
        let schema = Configuration::schema();
        // A struct with deny_unknown_fields names its members when one is not known.
        let error = read(json!({"surprise": 1})).unwrap_err().text;
        let members = schema["properties"].as_object().unwrap();
        for member in error.split('`').skip(3).step_by(2) {
            assert!(members.contains_key(member), "{member}");
        }
        assert!(error.matches('`').count() / 2 - 1 == members.len(), "{error}");
    }
}
