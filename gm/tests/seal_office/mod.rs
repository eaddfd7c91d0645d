//! A company's seal for tests: who made it, who may use it, and the signatures made with it.
#![allow(dead_code, reason = "each test file uses its part")]

use yinqiao_gm::seal::{
    CertificateStatus, Picture, SealDescription, SealReport, SignerList, TbsSign, VerifyPolicy,
    assemble_signature, make_seal, verify_der,
};
use yinqiao_gm::sm3;
use yinqiao_gm::x509::{Certificate, Profile};

use crate::cms_pki::{Authority, Holder, NOT_AFTER, NOT_BEFORE};

pub const PATH: &str = "/Doc_0/Signs/Sign_0/Signature.xml";

pub const DOCUMENT: &[u8] = b"<Signature/>";

/// The digest of [`DOCUMENT`].
pub fn document() -> sm3::Digest {
    sm3::digest(DOCUMENT)
}

/// A company's seal, with its maker and the one who may use it.
pub struct Office {
    pub authority: Authority,
    pub maker: Holder,
    pub signer: Holder,
}

impl Office {
    pub fn new() -> Self {
        let authority = Authority::new();
        let maker = authority.holder("制章中心", Profile::Signing);
        let signer = authority.signer();
        Self { authority, maker, signer }
    }

    pub fn description(&self) -> SealDescription {
        SealDescription {
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            vendor_id: "Yinqiao".to_owned(),
            kind: 1,
            name: "某某公司公章".to_owned(),
            signers: SignerList::certificates_of(std::slice::from_ref(&self.signer.certificate)),
            created: NOT_BEFORE + 86_400,
            valid_from: NOT_BEFORE + 86_400,
            valid_until: NOT_AFTER - 86_400,
            picture: Picture {
                kind: "PNG".to_owned(),
                data: b"\x89PNG\r\n\x1a\n".to_vec(),
                width_mm: 42,
                height_mm: 42,
            },
            extensions: Vec::new(),
        }
    }

    pub fn seal(&self, description: &SealDescription) -> Vec<u8> {
        make_seal(description, &self.maker.key, &self.maker.certificate).unwrap()
    }

    pub fn sign(&self, seal: &[u8], time: i64, signer: &Holder) -> Vec<u8> {
        let tbs = TbsSign::build(seal, time, &document(), PATH).unwrap();
        let signature = signer.key.sign(&tbs).unwrap();
        assemble_signature(&tbs, &signature, &signer.certificate).unwrap()
    }

    pub fn verify(&self, signature: &[u8]) -> SealReport {
        self.verify_with_status(signature, &|_, _| CertificateStatus::Good)
    }

    pub fn verify_with_status(
        &self,
        signature: &[u8],
        status: &dyn Fn(&Certificate, i64) -> CertificateStatus,
    ) -> SealReport {
        let policy = VerifyPolicy {
            roots: std::slice::from_ref(&self.authority.root),
            intermediates: std::slice::from_ref(&self.authority.issuing),
            status: Some(status),
            understood_extensions: &[],
        };
        verify_der(signature, &document(), &policy)
    }
}
