//! Root, issuing CA and seal maker.

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::x509::{Certificate, Profile};

use crate::configuration::Configuration;
use crate::key_pair::{KeyPair, SealedPair};
use crate::store::Store;
use crate::vault::Vault;

/// The file, and the lock of the same name.
pub(crate) const FILE: &str = "authority";

const ROOT_DAYS: i64 = 20 * 365;
const ISSUING_DAYS: i64 = 15 * 365;
const MAKER_DAYS: i64 = 10 * 365;

/// The CA, opened.
pub(crate) struct Authority {
    pub(crate) root: Certificate,
    pub(crate) issuing: KeyPair,
    pub(crate) maker: KeyPair,
}

/// `authority.json`.
#[derive(Deserialize, Serialize)]
pub(crate) struct AuthorityRecord {
    pub(crate) name: String,
    root: SealedPair,
    issuing: SealedPair,
    maker: SealedPair,
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

impl AuthorityRecord {
    /// Its pairs by name.
    pub(crate) const fn pairs(&self) -> [(&'static str, &SealedPair); 3] {
        [("root", &self.root), ("issuing", &self.issuing), ("maker", &self.maker)]
    }

    /// As [`Self::pairs`], to be changed.
    pub(crate) const fn pairs_mut(&mut self) -> [(&'static str, &mut SealedPair); 3] {
        [("root", &mut self.root), ("issuing", &mut self.issuing), ("maker", &mut self.maker)]
    }
}

/// An error of our own cryptography: nothing was done, and the request is not to blame.
pub(crate) fn own(error: impl std::fmt::Display) -> AdapterError {
    AdapterError::unhealthy(error.to_string())
}

fn create(configuration: &Configuration, vault: &Vault, now: i64) -> Result<AuthorityRecord, AdapterError> {
    let root = KeyPair::generate(Profile::RootCa, "Root CA", ROOT_DAYS, now, None, configuration)?;
    let profile = Profile::IssuingCa { path_len: Some(0) };
    let issuing = KeyPair::generate(profile, "CA", ISSUING_DAYS, now, Some(&root), configuration)?;
    let title = "Seal Maker";
    let maker = KeyPair::generate(Profile::Signing, title, MAKER_DAYS, now, Some(&issuing), configuration)?;
    Ok(AuthorityRecord {
        name: configuration.name.clone(),
        root: SealedPair::new("root", &root, vault)?,
        issuing: SealedPair::new("issuing", &issuing, vault)?,
        maker: SealedPair::new("maker", &maker, vault)?,
    })
}
