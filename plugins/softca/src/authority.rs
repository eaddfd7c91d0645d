//! Root, issuing CA and seal maker.

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};

use crate::configuration::Configuration;
use crate::store::Store;
use crate::vault::{SealedKey, Vault};

const FILE: &str = "authority";
const DAY: i64 = 86_400;
const ROOT_DAYS: i64 = 20 * 365;
const ISSUING_DAYS: i64 = 15 * 365;
const MAKER_DAYS: i64 = 10 * 365;

/// The CA, opened.
pub(crate) struct Authority {
    pub(crate) root: Certificate,
    pub(crate) issuing: KeyPair,
    pub(crate) maker: KeyPair,
}

/// A certificate with its private key.
pub(crate) struct KeyPair {
    pub(crate) certificate: Certificate,
    pub(crate) key: sm2::PrivateKey,
}

/// `authority.json`.
#[derive(Deserialize, Serialize)]
struct AuthorityRecord {
    name: String,
    root: Member,
    issuing: Member,
    maker: Member,
}

#[derive(Deserialize, Serialize)]
struct Member {
    certificate: Der,
    key: SealedKey,
}

impl Authority {
    /// Opens the CA of the directory, or makes it.
    pub(crate) fn open(
        configuration: &Configuration,
        store: &Store,
        vault: &Vault,
        now: i64,
    ) -> Result<Self, AdapterError> {
        let _lock = store.lock(FILE)?;
        let record: Option<AuthorityRecord> = store.read_top(FILE)?;
        let record = match record {
            Some(record) if record.name == configuration.name => record,
            Some(record) => {
                return Err(AdapterError::permanent(format!(
                    "the directory holds the CA {:?}, not {:?}; set that name or another directory",
                    record.name, configuration.name
                )));
            }
            None => {
                let record = create(configuration, vault, now)?;
                store.replace_top(FILE, &record)?;
                record
            }
        };
        Ok(Self {
            // The root's key is decrypted too: a wrong master key is found now, and not when it is needed.
            root: record.root.open("root", vault)?.certificate,
            issuing: record.issuing.open("issuing", vault)?,
            maker: record.maker.open("maker", vault)?,
        })
    }

    /// From the issuer to the root.
    pub(crate) fn chain(&self) -> Vec<Der> {
        [&self.issuing.certificate, &self.root].map(|certificate| certificate.der().to_vec().into()).into()
    }
}

impl Member {
    fn new(name: &str, pair: &KeyPair, vault: &Vault) -> Result<Self, AdapterError> {
        let certificate = pair.certificate.der().to_vec().into();
        Ok(Self { certificate, key: vault.seal(&key_name(name), &pair.key)? })
    }

    fn open(&self, name: &str, vault: &Vault) -> Result<KeyPair, AdapterError> {
        let key = vault.open(&key_name(name), &self.key)?;
        let certificate = Certificate::from_der(self.certificate.as_bytes()).map_err(own)?;
        if certificate.public_key() != key.public_key() {
            return Err(AdapterError::unhealthy(format!(
                "the {name} certificate and key do not belong together"
            )));
        }
        Ok(KeyPair { certificate, key })
    }
}

/// An error of our own cryptography: nothing was done, and the request is not to blame.
pub(crate) fn own(error: impl std::fmt::Display) -> AdapterError {
    AdapterError::unhealthy(error.to_string())
}

fn key_name(name: &str) -> String {
    format!("authority/{name}")
}

fn create(configuration: &Configuration, vault: &Vault, now: i64) -> Result<AuthorityRecord, AdapterError> {
    let subject = |title: &str| {
        let name = &configuration.name;
        let subject = DistinguishedName::builder().country("CN").organization(name);
        subject.common_name(&format!("{name} {title}")).build().map_err(own)
    };
    let root = member(Profile::RootCa, subject("Root CA")?, now, ROOT_DAYS, None, configuration)?;
    let profile = Profile::IssuingCa { path_len: Some(0) };
    let issuing = member(profile, subject("CA")?, now, ISSUING_DAYS, Some(&root), configuration)?;
    let maker =
        member(Profile::Signing, subject("Seal Maker")?, now, MAKER_DAYS, Some(&issuing), configuration)?;
    Ok(AuthorityRecord {
        name: configuration.name.clone(),
        root: Member::new("root", &root, vault)?,
        issuing: Member::new("issuing", &issuing, vault)?,
        maker: Member::new("maker", &maker, vault)?,
    })
}

fn member(
    profile: Profile,
    subject: DistinguishedName,
    now: i64,
    days: i64,
    issuer: Option<&KeyPair>,
    configuration: &Configuration,
) -> Result<KeyPair, AdapterError> {
    let key = sm2::PrivateKey::generate().map_err(own)?;
    let serial = SerialNumber::generate().map_err(own)?;
    let builder =
        CertificateBuilder::new(profile, subject, key.public_key().clone(), serial, now, now + days * DAY);
    // Only the issuing CA publishes a list, so only what it issued points there.
    let builder = match (&configuration.crl_url, profile) {
        (Some(url), Profile::Signing) => builder.crl_distribution_point(url),
        _ => builder,
    };
    let certificate = match issuer {
        Some(issuer) => builder.sign(&issuer.certificate, &issuer.key),
        None => builder.self_sign(&key),
    };
    Ok(KeyPair { certificate: certificate.map_err(own)?, key })
}
