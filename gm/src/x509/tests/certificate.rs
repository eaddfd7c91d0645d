use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode, Tag, TagNumber,
    asn1::{AnyRef, OctetString, UintRef},
};
use proptest::prelude::*;
use spki::AlgorithmIdentifierRef;
use x509_cert::{certificate::Version, ext::Extension, time::Validity};

use super::{super::*, DAY, NOW, builder, name, pki, replaced, root};
use crate::{Error, oid, sm2::PrivateKey, sm3};

#[test]
fn a_certificate_says_what_was_put_into_it() {
    let root = root();
    let key = PrivateKey::generate().unwrap();
    let code = IdentityCode::ResidentCard("11010519491231002X".to_owned());
    let certificate = builder(Profile::Encryption, "张三", &key)
        .crl_distribution_point("http://ca.example/root.crl")
        .identity_code(code.clone())
        .sign(&root.certificate, &root.key)
        .unwrap();
    certificate.verify_signature(&root.certificate).unwrap();
    assert_eq!(certificate.common_name().unwrap(), "张三");
    assert_eq!(certificate.organization().unwrap(), "某某建设集团有限公司");
    assert_eq!(certificate.subject_attribute(&oid::COUNTRY).unwrap(), "CN");
    assert_eq!(certificate.subject().to_string(), "CN=张三,O=某某建设集团有限公司,C=CN");
    assert_eq!(certificate.issuer(), root.certificate.subject());
    assert_eq!(certificate.issuer_and_serial().serial, *certificate.serial());
    assert_eq!((certificate.not_before(), certificate.not_after()), (NOW, NOW + 365 * DAY));
    assert_eq!(certificate.public_key(), key.public_key());
    assert_eq!(
        certificate.key_usage().unwrap().to_string(),
        "keyEncipherment, dataEncipherment, keyAgreement"
    );
    assert!(!certificate.is_ca() && root.certificate.is_ca());
    assert_eq!(certificate.authority_key_identifier(), root.certificate.subject_key_identifier());
    assert_eq!(certificate.identity_code().unwrap(), Some(code.clone()));
    assert_eq!(certificate.crl_distribution_points().unwrap(), ["http://ca.example/root.crl"]);
    assert_eq!(certificate.fingerprint(), sm3::digest(certificate.der()));
    assert!(!format!("{certificate:?} {code:?}").contains("110105"));
}

#[test]
fn pem_reads_back_alone_and_in_a_chain_with_text_between() {
    let pki = pki();
    let pem = pki.leaf.certificate.to_pem().unwrap();
    assert_eq!(Certificate::from_pem(&pem).unwrap(), pki.leaf.certificate);
    let chain =
        format!("subject=leaf\n{pem}\nsubject=issuing\n{}\n", pki.issuing.certificate.to_pem().unwrap());
    let expected = [pki.leaf.certificate.clone(), pki.issuing.certificate];
    assert_eq!(Certificate::chain_from_pem(&chain).unwrap(), expected);
    assert!(matches!(Certificate::chain_from_pem("no certificate"), Err(Error::Pem { .. })));
    assert!(matches!(Certificate::chain_from_pem(&pem[..pem.len() - 5]), Err(Error::Pem { .. })));
    assert!(matches!(Certificate::from_pem(&chain), Err(Error::Pem { .. })));
    let other_label = pem.replace("CERTIFICATE", "X509 CRL");
    assert!(matches!(Certificate::from_pem(&other_label), Err(Error::Pem { .. })));
    let private = pki.leaf.key.to_pkcs8_pem().unwrap();
    assert!(Certificate::chain_from_pem(&format!("{}{pem}", *private)).is_err(), "a key in the chain's file");
}

#[test]
fn bytes_after_the_end_and_other_encodings_are_refused() {
    let certificate = pki().leaf.certificate;
    let der = certificate.der();
    assert!(Certificate::from_der(&[der, &[0]].concat()).is_err(), "trailing byte");
    assert!(Certificate::from_der(&der[..der.len() - 1]).is_err(), "cut");
    let indefinite = [&[0x30, 0x80], &der[4..], &[0, 0]].concat();
    assert!(Certificate::from_der(&indefinite).is_err(), "indefinite length");
    let long = [&[0x30, 0x83, 0], &der[2..]].concat();
    assert!(Certificate::from_der(&long).is_err(), "length with a leading zero");
}

#[test]
fn a_default_written_out_is_refused() {
    let pki = pki();
    let mut tbs = any_certificate::TbsCertificate::from_der(pki.leaf.certificate.to_be_signed()).unwrap();
    let extensions = tbs.extensions.take().unwrap();
    let fields = tbs.to_der().unwrap();
    let issue_with = |last: &[u8]| {
        let others: Vec<_> = extensions[..3].iter().map(|extension| extension.to_der().unwrap()).collect();
        let list = element(Tag::Sequence, &[&others.concat(), last]);
        let tagged = element(Tag::ContextSpecific { constructed: true, number: TagNumber(3) }, &[&list]);
        let tbs = element(Tag::Sequence, &[AnyRef::from_der(&fields).unwrap().value(), &tagged]);
        Certificate::from_der(&signed::sign("Certificate", &tbs, &pki.issuing.key).unwrap())
    };
    let parts = [extensions[3].extn_id.to_der().unwrap(), extensions[3].extn_value.to_der().unwrap()];
    issue_with(&element(Tag::Sequence, &[&parts[0], &parts[1]])).unwrap();
    // The extension is not critical; DER says so by saying nothing.
    let critical_false = element(Tag::Sequence, &[&parts[0], &[1, 1, 0], &parts[1]]);
    assert!(matches!(issue_with(&critical_false), Err(Error::NotCanonical { .. })));
}

fn element(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    AnyRef::new(tag, &parts.concat()).unwrap().to_der().unwrap()
}

#[test]
fn a_key_that_is_not_on_the_curve_is_refused() {
    let pki = pki();
    let spki = pki.leaf.certificate.public_key().to_spki_der().unwrap();
    let issue_with = |spki: &[u8]| {
        let any = AnyRef::try_from(spki).unwrap();
        pki.issuing.reissue(&pki.leaf.certificate, |tbs| tbs.subject_public_key_info = any)
    };
    issue_with(&spki).unwrap();
    let p256 = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7").to_der().unwrap();
    let other_curve = replaced(&spki, &oid::SM2_CURVE.to_der().unwrap(), &p256);
    assert!(matches!(issue_with(&other_curve), Err(Error::Curve { .. })));
    let mut off_curve = spki.clone();
    off_curve[90] ^= 1;
    assert!(matches!(issue_with(&off_curve), Err(Error::Point { .. })));
}

#[test]
fn a_signature_out_of_range_or_of_another_algorithm_is_refused() {
    let pki = pki();
    let tbs = pki.leaf.certificate.to_be_signed();
    let whole = |algorithm: AlgorithmIdentifierRef<'_>, signature: &[u8]| {
        let bits = der::asn1::BitStringRef::from_bytes(signature).unwrap().to_der().unwrap();
        let body = [tbs, &algorithm.to_der().unwrap(), &bits].concat();
        Certificate::from_der(&AnyRef::new(der::Tag::Sequence, &body).unwrap().to_der().unwrap())
    };
    let good = pki.issuing.key.sign(tbs).unwrap().to_der().unwrap();
    whole(signed::sm2_with_sm3(), &good).unwrap();
    let zero = [0x30, 6, 2, 1, 0, 2, 1, 1];
    assert!(matches!(whole(signed::sm2_with_sm3(), &zero), Err(Error::Scalar { name: "r" })));
    let ecdsa = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    let other = AlgorithmIdentifierRef { oid: ecdsa, parameters: None };
    assert!(matches!(whole(other, &good), Err(Error::Algorithm { found, .. }) if found == ecdsa));
    // NULL outside, nothing inside
    let null = AlgorithmIdentifierRef { oid: oid::SM2_WITH_SM3, parameters: Some(AnyRef::NULL) };
    assert!(matches!(whole(null, &good), Err(Error::Invalid { .. })));
    assert!(
        whole(signed::sm2_with_sm3(), &pki.issuing.key.sign(tbs).unwrap().to_raw()).is_err(),
        "raw r and s"
    );
}

#[test]
fn the_algorithm_may_have_the_parameter_null_in_both_places() {
    let pki = pki();
    let null = AlgorithmIdentifierRef { oid: oid::SM2_WITH_SM3, parameters: Some(AnyRef::NULL) };
    let mut tbs = any_certificate::TbsCertificate::from_der(pki.leaf.certificate.to_be_signed()).unwrap();
    tbs.signature = null;
    let tbs = tbs.to_der().unwrap();
    let signature = pki.issuing.key.sign(&tbs).unwrap().to_der().unwrap();
    let bits = der::asn1::BitStringRef::from_bytes(&signature).unwrap().to_der().unwrap();
    let body = [tbs, null.to_der().unwrap(), bits].concat();
    let der = AnyRef::new(der::Tag::Sequence, &body).unwrap().to_der().unwrap();
    Certificate::from_der(&der).unwrap().verify_signature(&pki.issuing.certificate).unwrap();
}

#[test]
fn versions_serials_validities_and_extensions_that_rfc_5280_forbids_are_refused() {
    let pki = pki();
    let reissue = |change: &dyn Fn(&mut any_certificate::TbsCertificate<'_>)| {
        pki.issuing.reissue(&pki.leaf.certificate, |tbs| change(tbs))
    };
    reissue(&|_| {}).unwrap();
    assert!(matches!(reissue(&|tbs| tbs.version = Version::V2), Err(Error::Invalid { .. })));
    assert!(matches!(
        reissue(&|tbs| tbs.serial_number = UintRef::new(&[1; 21]).unwrap()),
        Err(Error::Length { found: 21, .. })
    ));
    let backwards = |tbs: &mut any_certificate::TbsCertificate<'_>| {
        tbs.validity = Validity::new(tbs.validity.not_after, tbs.validity.not_before);
    };
    assert!(matches!(reissue(&backwards), Err(Error::Invalid { .. })));
    let twice = |tbs: &mut any_certificate::TbsCertificate<'_>| {
        let extensions = tbs.extensions.as_mut().unwrap();
        extensions.push(extensions[1].clone());
    };
    assert!(matches!(reissue(&twice), Err(Error::Invalid { .. })));
    let broken = |tbs: &mut any_certificate::TbsCertificate<'_>| {
        tbs.extensions.as_mut().unwrap()[1] = Extension {
            extn_id: oid::KEY_USAGE,
            critical: true,
            extn_value: OctetString::new([3, 2, 6, 0xc0, 0].as_slice()).unwrap(),
        };
    };
    assert!(matches!(reissue(&broken), Err(Error::Encoding { structure: "KeyUsage", .. })));
    let nameless = AnyRef::new(der::Tag::Sequence, &[]).unwrap();
    assert!(matches!(
        pki.issuing.reissue(&pki.leaf.certificate, |tbs| tbs.issuer = nameless),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn a_validity_may_reach_beyond_2050() {
    let root = root();
    let (key, serial) = (PrivateKey::generate().unwrap(), SerialNumber::from(7));
    // 9999-12-31T23:59:59Z
    let end = 253_402_300_799;
    let builder = |not_after| {
        let public = key.public_key().clone();
        CertificateBuilder::new(Profile::Signing, name("long"), public, serial, NOW, not_after)
    };
    let certificate = builder(end).sign(&root.certificate, &root.key).unwrap();
    assert_eq!(certificate.not_after(), end);
    assert!(builder(end + 1).sign(&root.certificate, &root.key).is_err());
    assert!(builder(-1).sign(&root.certificate, &root.key).is_err());
}

#[test]
fn only_a_ca_issues_and_only_with_its_own_key() {
    let pki = pki();
    let key = PrivateKey::generate().unwrap();
    let request = builder(Profile::Signing, "x", &key);
    assert!(matches!(request.sign(&pki.leaf.certificate, &pki.leaf.key), Err(Error::Invalid { .. })));
    assert!(matches!(request.sign(&pki.issuing.certificate, &pki.root.key), Err(Error::KeyMismatch { .. })));
    assert!(matches!(request.self_sign(&pki.root.key), Err(Error::KeyMismatch { .. })));
}

#[test]
fn a_signature_verifies_only_with_its_issuer() {
    let pki = pki();
    pki.leaf.certificate.verify_signature(&pki.issuing.certificate).unwrap();
    assert!(matches!(
        pki.leaf.certificate.verify_signature(&pki.root.certificate),
        Err(Error::Invalid { .. })
    ));
    let impostor = pki.root.issue(Profile::IssuingCa { path_len: Some(0) }, "issuing");
    assert!(matches!(pki.leaf.certificate.verify_signature(&impostor.certificate), Err(Error::Signature)));
}

#[test]
fn a_cas_own_idea_of_an_identity_code_does_not_make_its_certificate_unreadable() {
    let pki = pki();
    let odd = Extension {
        extn_id: oid::IDENTITY_CODE,
        critical: false,
        extn_value: OctetString::new(b"no DER at all".as_slice()).unwrap(),
    };
    let certificate =
        pki.issuing.reissue(&pki.leaf.certificate, |tbs| tbs.extensions.as_mut().unwrap().push(odd)).unwrap();
    assert!(certificate.identity_code().is_err());
    assert_eq!(certificate.extension(&oid::IDENTITY_CODE), Some(b"no DER at all".as_slice()));
}

#[test]
fn an_identity_code_is_read_with_explicit_and_implicit_tags() {
    for code in [
        IdentityCode::ResidentCard("11010519491231002X".to_owned()),
        IdentityCode::MilitaryOfficerCard("军字第1234567号".to_owned()),
        IdentityCode::Passport("E12345678".to_owned()),
    ] {
        let der = code.to_der().unwrap();
        assert_eq!(IdentityCode::from_der(&der).unwrap(), code);
        let implicit = [&[der[0] & !0x20, der[3]], &der[4..]].concat();
        assert_eq!(IdentityCode::from_der(&implicit).unwrap(), code);
        assert!(IdentityCode::from_der(&[der.as_slice(), &[0]].concat()).is_err());
        let other_string = [&der[..2], &[0x16], &der[3..]].concat();
        assert!(IdentityCode::from_der(&other_string).is_err());
    }
    assert!(IdentityCode::from_der(&[0x83, 1, b'1']).is_err());
    assert!(IdentityCode::from_der(&[0x13, 1, b'1']).is_err());
}

#[test]
fn serial_numbers_are_shown_in_hexadecimal_and_have_at_most_20_bytes() {
    let serial = SerialNumber::from_bytes(&[0, 0, 0x0a, 0xbc]).unwrap();
    assert_eq!(serial.to_string(), "0abc");
    assert_eq!("ABC".parse::<SerialNumber>().unwrap(), serial);
    assert_eq!(SerialNumber::from(0).as_bytes(), [0]);
    assert!(SerialNumber::from(255) < SerialNumber::from(256));
    assert!(SerialNumber::from_bytes(&[1; 21]).is_err());
    for bad in ["", "0x1", "g", &"1".repeat(41)] {
        assert!(bad.parse::<SerialNumber>().is_err(), "{bad}");
    }
    assert_ne!(SerialNumber::generate().unwrap(), SerialNumber::generate().unwrap());
}

proptest! {
    #[test]
    fn serial_numbers_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..=20)) {
        let serial = SerialNumber::from_bytes(&bytes).unwrap();
        prop_assert_eq!(serial.to_string().parse::<SerialNumber>().unwrap(), serial);
        prop_assert_eq!(SerialNumber::from_bytes(serial.as_bytes()).unwrap(), serial);
    }
}

thread_local! {
    static EXAMPLE: Certificate = pki().leaf.certificate;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_bytes_panic_the_parser_and_a_changed_certificate_never_verifies(
        data: Vec<u8>, at: usize, with: u8, cut: usize,
    ) {
        let _ = Certificate::from_der(&data);
        let _ = DistinguishedName::from_der(&data);
        let _ = IdentityCode::from_der(&data);
        let _ = Certificate::chain_from_pem(&String::from_utf8_lossy(&data));
        let good = EXAMPLE.with(Clone::clone);
        let mut changed = good.der().to_vec();
        let at = at % changed.len();
        changed[at] = with;
        if let Ok(parsed) = Certificate::from_der(&changed) {
            prop_assert_eq!(parsed.der(), changed.as_slice());
            let _ = (parsed.subject().to_string(), parsed.crl_distribution_points(), format!("{parsed:?}"));
        }
        prop_assert!(Certificate::from_der(&good.der()[..cut % good.der().len()]).is_err());
    }
}
