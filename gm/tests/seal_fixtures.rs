//! Seals that other software made: read, written back, verified, and damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use der::{Encode, Reader, SliceReader};
use proptest::prelude::*;
use yinqiao_gm::seal::{
    Check, Failure, SealVersion, SesSeal, SesSignature, SignerList, TbsSign, VerifyPolicy,
    assemble_signature, verify_der, verify_signature,
};
use yinqiao_gm::sm2::Signature;
use yinqiao_gm::sm3;

const SEAL: &[u8] = include_bytes!("../../tests/vectors/ofdrw/UserV4.esl");
const SIGNATURE: &[u8] = include_bytes!("../../tests/vectors/ofdrw/SignedValueV4.dat");

const NO_TRUST: VerifyPolicy<'static> =
    VerifyPolicy { roots: &[], intermediates: &[], status: None, understood_extensions: &[] };

#[test]
fn the_seal_says_what_its_makers_put_in() {
    let seal = SesSeal::from_der(SEAL).unwrap();
    assert_eq!(seal.version(), SealVersion::Gbt38540V4);
    assert_eq!(seal.id(), "51f044b76510434e9bc67a1185c2fba5");
    assert_eq!(seal.vendor_id(), "OFDR&WTest");
    assert_eq!(seal.name(), "OFD R&W 测试用印章");
    assert_eq!(seal.kind(), 3);
    // 2020-04-22 to 2022-04-22, each at 02:09:00Z.
    assert_eq!(seal.created(), 1_587_521_340);
    assert_eq!(seal.valid_from(), 1_587_521_340);
    assert_eq!(seal.valid_until(), 1_650_593_340);
    let picture = seal.picture();
    assert_eq!((picture.kind.as_str(), picture.width_mm, picture.height_mm), ("PNG", 40, 40));
    assert!(picture.data.starts_with(b"\x89PNG\r\n\x1a\n"));
    let SignerList::Certificates(certificates) = seal.signers() else { panic!("a list of certificates") };
    assert_eq!(certificates.len(), 1);
    assert!(seal.time_stamp().is_none());
    assert!(seal.extensions().is_empty());
}

#[test]
fn the_seal_and_the_signature_encode_to_the_bytes_they_came_from() {
    assert_eq!(SesSeal::from_der(SEAL).unwrap().der(), SEAL);
    let signature = SesSignature::from_der(SIGNATURE).unwrap();
    assert_eq!(signature.der(), SIGNATURE);
    assert_eq!(signature.seal().der(), SEAL);
}

#[test]
fn the_makers_and_the_signers_signatures_verify() {
    SesSeal::from_der(SEAL).unwrap().verify_maker_signature().unwrap();
    let signature = SesSignature::from_der(SIGNATURE).unwrap();
    signature.verify_signer_signature().unwrap();
    signature.seal().verify_maker_signature().unwrap();
}

#[test]
fn the_signature_is_what_we_would_have_made_of_the_same_parts() {
    let signature = SesSignature::from_der(SIGNATURE).unwrap();
    // 2020-10-12T11:14:03Z
    assert_eq!(signature.time(), 1_602_501_243);
    assert_eq!(signature.property_info(), "/Doc_0/Signs/Sign_0/Signature.xml");

    let tbs =
        TbsSign::build(SEAL, signature.time(), signature.data_hash(), signature.property_info()).unwrap();
    assert_eq!(tbs, signature.signed_bytes());
    let assembled = assemble_signature(&tbs, &signature_value(), signature.signer()).unwrap();
    assert_eq!(assembled, SIGNATURE);
}

#[test]
fn all_checks_hold_but_the_chains_to_a_root_that_is_not_there() {
    let signature = SesSignature::from_der(SIGNATURE).unwrap();
    let report = verify_signature(&signature, signature.data_hash(), &NO_TRUST);
    let failed: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(failed, [Check::SignerCertificate, Check::MakerCertificate]);
}

#[test]
fn another_document_is_named_as_the_fault() {
    let signature = SesSignature::from_der(SIGNATURE).unwrap();
    let report = verify_signature(&signature, &sm3::digest(b"another"), &NO_TRUST);
    assert!(
        report
            .failures()
            .any(|(check, failure)| { check == Check::DataHash && matches!(failure, Failure::DataHash) })
    );
}

#[test]
fn trailing_bytes_and_truncations_are_refused() {
    for der in [SEAL, SIGNATURE] {
        let longer = [der, &[0]].concat();
        assert!(SesSeal::from_der(&longer).is_err() && SesSignature::from_der(&longer).is_err());
        for length in (0..der.len()).step_by(97) {
            let shorter = &der[..length];
            assert!(SesSeal::from_der(shorter).is_err() && SesSignature::from_der(shorter).is_err());
        }
    }
}

/// The last BIT STRING of the structure.
fn signature_value() -> Signature {
    let value = SliceReader::new(SIGNATURE)
        .unwrap()
        .sequence(|fields| {
            let mut last = Vec::new();
            while !fields.is_finished() {
                last = fields.tlv_bytes()?.to_vec();
            }
            Ok::<_, der::Error>(last)
        })
        .unwrap();
    let bits = <der::asn1::BitString as der::Decode>::from_der(&value).unwrap();
    assert_eq!(bits.to_der().unwrap(), value);
    Signature::from_der(bits.as_bytes().unwrap()).unwrap()
}

/// Checks that hold for the fixture as it is, so that each altered byte must break one of them.
fn holds(report: &yinqiao_gm::seal::SealReport) -> bool {
    report.failures().all(|(check, _)| matches!(check, Check::SignerCertificate | Check::MakerCertificate))
}

proptest! {
    #[test]
    fn any_flipped_byte_of_the_signature_breaks_a_check(
        position in any::<prop::sample::Index>(),
        mask in 1u8..,
    ) {
        let original = SesSignature::from_der(SIGNATURE).unwrap();
        let mut altered = SIGNATURE.to_vec();
        *position.get_mut(&mut altered) ^= mask;
        prop_assert!(!holds(&verify_der(&altered, original.data_hash(), &NO_TRUST)));
    }

    #[test]
    fn no_mutation_makes_the_parsers_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for fixture in [SEAL, SIGNATURE] {
            let mut altered = fixture.to_vec();
            for (position, value) in &changes {
                *position.get_mut(&mut altered) = *value;
            }
            let _ = SesSeal::from_der(&altered);
            let _ = SesSignature::from_der(&altered);
            let _ = TbsSign::parse(&altered);
            let _ = SesSignature::from_der(&altered[..cut.index(altered.len())]);
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = SesSeal::from_der(&bytes);
        let _ = SesSignature::from_der(&bytes);
        let _ = TbsSign::parse(&bytes);
    }
}
