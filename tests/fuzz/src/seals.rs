//! Electronic seals and what is signed with them.

use yinqiao_gm::seal::{
    Picture, SealDescription, SesSeal, SesSignature, SignerList, TbsSign, VerifyPolicy, assemble_signature,
    make_seal, verify_der,
};
use yinqiao_gm::sm3;

use crate::pki::{NOT_AFTER, NOT_BEFORE, NOW, PKI};

/// Reads the bytes as a seal, a signature or what is signed, and verifies.
pub fn read(bytes: &[u8]) -> bool {
    let policy = VerifyPolicy {
        roots: std::slice::from_ref(&PKI.root.certificate),
        intermediates: &[],
        status: None,
        understood_extensions: &[],
    };
    let report = verify_der(bytes, &sm3::digest(b"a bid"), &policy);
    if let Ok(signature) = SesSignature::from_der(bytes) {
        assert_eq!(signature.der(), bytes);
        let _ = signature.verify_signer_signature();
        return true;
    }
    assert!(!report.is_ok(), "what cannot be read verifies");
    if let Ok(seal) = SesSeal::from_der(bytes) {
        assert_eq!(seal.der(), bytes);
        let _ = seal.verify_maker_signature();
        let _ = seal.signers().contains(&PKI.signer.certificate);
        return true;
    }
    TbsSign::parse(bytes).is_ok()
}

/// A seal for listed certificates, one for their digests, and a signature.
pub fn seeds() -> Vec<Vec<u8>> {
    let certificates = std::slice::from_ref(&PKI.signer.certificate);
    let lists = [SignerList::certificates_of(certificates), SignerList::digests_of(certificates)];
    let mut seeds: Vec<_> = lists.into_iter().map(seal).collect();
    let tbs =
        TbsSign::build(&seeds[0], NOW, &sm3::digest(b"a bid"), "/Doc_0/Signs/Sign_0/Signature.xml").unwrap();
    let signature = PKI.signer.key.sign(&tbs).unwrap();
    seeds.push(assemble_signature(&tbs, &signature, &PKI.signer.certificate).unwrap());
    seeds.push(tbs);
    seeds
}

fn seal(signers: SignerList) -> Vec<u8> {
    let picture =
        Picture { kind: "PNG".to_owned(), data: b"\x89PNG\r\n\x1a\n".to_vec(), width_mm: 42, height_mm: 42 };
    let description = SealDescription {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        vendor_id: "Yinqiao".to_owned(),
        kind: 1,
        name: "公章".to_owned(),
        signers,
        created: NOT_BEFORE + 86_400,
        valid_from: NOT_BEFORE + 86_400,
        valid_until: NOT_AFTER - 86_400,
        picture,
        extensions: Vec::new(),
    };
    make_seal(&description, &PKI.signer.key, &PKI.signer.certificate).unwrap()
}
