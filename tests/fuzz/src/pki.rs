//! A small CA that all seeds come from.

use std::sync::LazyLock;

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};

/// 2026-01-01T00:00:00Z.
pub const NOT_BEFORE: i64 = 1_767_225_600;
/// 2031-01-01T00:00:00Z.
pub const NOT_AFTER: i64 = 1_924_992_000;
/// A time within all validities.
pub const NOW: i64 = 1_795_000_000;

/// A key with its certificate.
pub struct Member {
    pub key: PrivateKey,
    pub certificate: Certificate,
}

/// One root, and one certificate of each profile below it.
pub struct Pki {
    pub root: Member,
    pub signer: Member,
    pub recipient: Member,
    pub responder: Member,
    pub stamper: Member,
}

/// Made once: targets verify against it.
pub static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let key = key(1);
    let certificate = builder(Profile::RootCa, "根", &key).self_sign(&key).unwrap();
    let root = Member { key, certificate };
    Pki {
        signer: member(&root, Profile::Signing, 2),
        recipient: member(&root, Profile::Encryption, 3),
        responder: member(&root, Profile::OcspSigner, 4),
        stamper: member(&root, Profile::TimeStamping, 5),
        root,
    }
});

fn member(root: &Member, profile: Profile, number: u8) -> Member {
    let key = key(number);
    let builder = builder(profile, "王小明", &key)
        .crl_distribution_point("http://ca.example/list")
        .freshest_crl("http://ca.example/delta")
        .ocsp_responder("http://ca.example/ocsp")
        .ca_issuers("http://ca.example/root");
    Member { certificate: builder.sign(&root.certificate, &root.key).unwrap(), key }
}

/// The same key whenever it is asked for, so that inputs of one run mean the same in the next.
pub fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[number; 32]).unwrap()
}

/// A certificate for `key`.
pub fn builder(profile: Profile, name: &str, key: &PrivateKey) -> CertificateBuilder {
    let number = key.public_key().to_sec1()[1];
    let name =
        DistinguishedName::builder().country("CN").organization("桥").common_name(name).build().unwrap();
    let serial = SerialNumber::from(u64::from(number) + 1);
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, NOT_BEFORE, NOT_AFTER)
}
