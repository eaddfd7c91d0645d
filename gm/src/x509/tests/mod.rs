//! A small PKI to change one part of.

mod certificate;
mod chain;
mod delta_list;
mod name;
mod path;
mod request;
mod revocation_list;

use der::{Decode, Encode};

use super::{any_certificate::TbsCertificate, *};
use crate::{Error, sm2::PrivateKey};

/// 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600;
pub(super) const DAY: i64 = 86_400;

pub(super) struct Holder {
    pub(super) key: PrivateKey,
    pub(super) certificate: Certificate,
}

pub(super) struct Pki {
    pub(super) root: Holder,
    pub(super) issuing: Holder,
    pub(super) leaf: Holder,
}

pub(super) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::builder()
        .country("CN")
        .organization("某某建设集团有限公司")
        .common_name(common_name)
        .build()
        .unwrap()
}

pub(super) fn builder(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(
        profile,
        name(common_name),
        key.public_key().clone(),
        serial,
        NOW,
        NOW + 365 * DAY,
    )
}

pub(super) fn root() -> Holder {
    let key = PrivateKey::generate().unwrap();
    Holder { certificate: builder(Profile::RootCa, "root", &key).self_sign(&key).unwrap(), key }
}

impl Holder {
    pub(super) fn issue(&self, profile: Profile, common_name: &str) -> Holder {
        let key = PrivateKey::generate().unwrap();
        let certificate = builder(profile, common_name, &key).sign(&self.certificate, &self.key).unwrap();
        Holder { key, certificate }
    }

    /// `certificate` with a change, signed anew by this holder.
    pub(super) fn reissue<'a>(
        &self,
        certificate: &'a Certificate,
        change: impl FnOnce(&mut TbsCertificate<'a>),
    ) -> Result<Certificate, Error> {
        let mut tbs = TbsCertificate::from_der(certificate.to_be_signed()).unwrap();
        change(&mut tbs);
        Certificate::from_der(&signed::sign("Certificate", &tbs.to_der().unwrap(), &self.key).unwrap())
    }
}

pub(super) fn pki() -> Pki {
    let root = root();
    let issuing = root.issue(Profile::IssuingCa { path_len: Some(0) }, "issuing");
    let leaf = issuing.issue(Profile::Signing, "leaf");
    Pki { root, issuing, leaf }
}

/// `bytes` with the one place where `from` stands replaced.
pub(super) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from);
    let (at, _) = places.next().expect("is there");
    let mut changed = bytes.to_vec();
    changed.splice(at..at + from.len(), to.iter().copied());
    changed
}
