//! A certificate authority for tests: a root, an issuing CA below it, and holders of key pairs.
#![allow(dead_code, reason = "each test file uses its part")]

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};

/// 2026-01-01T00:00:00Z.
pub const NOT_BEFORE: i64 = 1_767_225_600;
/// 2031-01-01T00:00:00Z.
pub const NOT_AFTER: i64 = 1_924_992_000;
/// A time within all validities.
pub const NOW: i64 = 1_795_000_000;

pub struct Authority {
    pub root: Certificate,
    pub issuing: Certificate,
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
        Self { root, issuing, key }
    }

    pub fn holder(&self, name: &str, profile: Profile) -> Holder {
        let key = PrivateKey::generate().unwrap();
        let certificate = builder(profile, name, &key).sign(&self.issuing, &self.key).unwrap();
        Holder { key, certificate }
    }

    pub fn signer(&self) -> Holder {
        self.holder("投标人", Profile::Signing)
    }

    pub fn recipient(&self) -> Holder {
        self.holder("招标人", Profile::Encryption)
    }
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
