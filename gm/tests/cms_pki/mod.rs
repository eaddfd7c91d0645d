//! A certificate authority for tests: a root, an issuing CA below it, and holders of key pairs.
#![allow(dead_code, reason = "each test file uses its part")]

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{
    Certificate, CertificateBuilder, CertificateRevocationList, DistinguishedName, Profile, RevokedEntry,
    SerialNumber,
};

/// 2026-01-01T00:00:00Z.
pub const NOT_BEFORE: i64 = 1_767_225_600;
/// 2031-01-01T00:00:00Z.
pub const NOT_AFTER: i64 = 1_924_992_000;
/// A time within all validities.
pub const NOW: i64 = 1_795_000_000;

pub struct Authority {
    pub root: Certificate,
    pub issuing: Certificate,
    root_key: PrivateKey,
    key: PrivateKey,
}

pub struct Holder {
    pub key: PrivateKey,
    pub certificate: Certificate,
}

impl Authority {
    pub fn new() -> Self {
        let root_key = PrivateKey::generate().unwrap();
        let root = builder(Profile::RootCa, "Root", &root_key).self_sign(&root_key).unwrap();
        let key = PrivateKey::generate().unwrap();
        let issuing = builder(Profile::IssuingCa { path_len: Some(0) }, "Issuing CA", &key)
            .sign(&root, &root_key)
            .unwrap();
        Self { root, issuing, root_key, key }
    }

    pub fn holder(&self, name: &str, profile: Profile) -> Holder {
        let key = PrivateKey::generate().unwrap();
        let certificate = builder(profile, name, &key).sign(&self.issuing, &self.key).unwrap();
        Holder { key, certificate }
    }

    /// The issuing CA's list, valid for a day around [`NOW`].
    pub fn revocation_list(
        &self,
        number: u64,
        entries: &[(SerialNumber, RevokedEntry)],
    ) -> CertificateRevocationList {
        list(&self.issuing, &self.key, number, entries)
    }

    /// The root's list.
    pub fn root_revocation_list(
        &self,
        number: u64,
        entries: &[(SerialNumber, RevokedEntry)],
    ) -> CertificateRevocationList {
        list(&self.root, &self.root_key, number, entries)
    }

    pub fn signer(&self) -> Holder {
        self.holder("投标人", Profile::Signing)
    }

    pub fn recipient(&self) -> Holder {
        self.holder("招标人", Profile::Encryption)
    }
}

fn list(
    issuer: &Certificate,
    key: &PrivateKey,
    number: u64,
    entries: &[(SerialNumber, RevokedEntry)],
) -> CertificateRevocationList {
    CertificateRevocationList::build(issuer, key, NOW - 43_200, NOW + 43_200, number, entries).unwrap()
}

fn builder(profile: Profile, name: &str, key: &PrivateKey) -> CertificateBuilder {
    let subject = DistinguishedName::builder().country("CN").common_name(name).build().unwrap();
    CertificateBuilder::new(
        profile,
        subject,
        key.public_key().clone(),
        SerialNumber::generate().unwrap(),
        NOT_BEFORE,
        NOT_AFTER,
    )
}
