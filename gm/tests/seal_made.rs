//! Seals and seal signatures that we make: every check passes, and each fault is named by its own check.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cms_pki;
mod seal_office;

use std::collections::BTreeSet;

use yinqiao_gm::oid;
use yinqiao_gm::seal::{
    CertificateStatus, Check, Error, Extension, Failure, Outcome, SealDescription, SealReport, SealVersion,
    SesSeal, SesSignature, SignerList, TbsSign, VerifyPolicy, make_seal, verify_der,
};

use cms_pki::{Authority, Holder, NOT_AFTER, NOT_BEFORE, NOW};
use seal_office::{Office, PATH, document};

/// The only failed check and its failure.
fn only_failure(report: &SealReport) -> (Check, &Failure) {
    let mut failures = report.failures();
    let first = failures.next().expect("a failure");
    assert!(failures.next().is_none(), "{report:?}");
    first
}

#[test]
fn a_seal_with_certificates_and_one_with_digests_pass_every_check() {
    let office = Office::new();
    let with_digests = SealDescription {
        signers: SignerList::digests_of(std::slice::from_ref(&office.signer.certificate)),
        ..office.description()
    };
    for description in [office.description(), with_digests] {
        let seal = office.seal(&description);
        let parsed = SesSeal::from_der(&seal).unwrap();
        assert_eq!(parsed.version(), SealVersion::Gbt38540V4);
        assert_eq!(parsed.signers(), &description.signers);
        assert_eq!(parsed.picture(), &description.picture);
        assert_eq!(parsed.name(), description.name);

        let report = office.verify(&office.sign(&seal, NOW, &office.signer));
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(report.results.len(), 11);
        assert!(report.results.iter().all(|result| matches!(result.outcome, Outcome::Passed)));
    }
}

#[test]
fn what_is_to_be_signed_parses_to_what_it_was_built_of() {
    let office = Office::new();
    let seal = office.seal(&office.description());
    let tbs = TbsSign::build(&seal, NOW, &document(), PATH).unwrap();
    let parsed = TbsSign::parse(&tbs).unwrap();
    assert_eq!(parsed.seal.der(), seal);
    assert_eq!(parsed.time, NOW);
    assert_eq!(parsed.data_hash, document());
    assert_eq!(parsed.property_info, PATH);

    assert!(TbsSign::parse(&[tbs.clone(), vec![0]].concat()).is_err());
    for length in 0..tbs.len() {
        assert!(TbsSign::parse(&tbs[..length]).is_err());
    }
}

#[test]
fn every_flipped_byte_of_a_seal_signature_makes_the_check_fail() {
    let office = Office::new();
    let signature = office.sign(&office.seal(&office.description()), NOW, &office.signer);
    for position in 0..signature.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = signature.clone();
            altered[position] ^= mask;
            assert!(!office.verify(&altered).is_ok(), "byte {position} xor {mask:02x}");
        }
    }
}

#[test]
fn a_signer_who_is_not_in_the_list_is_named_as_the_fault() {
    let office = Office::new();
    let stranger = office.authority.signer();
    for signers in [
        SignerList::certificates_of(std::slice::from_ref(&office.signer.certificate)),
        SignerList::digests_of(std::slice::from_ref(&office.signer.certificate)),
    ] {
        let seal = office.seal(&SealDescription { signers, ..office.description() });
        let report = office.verify(&office.sign(&seal, NOW, &stranger));
        assert!(matches!(only_failure(&report), (Check::SignerListed, Failure::SignerNotListed)));
    }
}

#[test]
fn a_signature_by_another_key_is_named_as_the_fault() {
    let office = Office::new();
    let seal = office.seal(&office.description());
    let impostor = Holder { key: office.maker.key.clone(), certificate: office.signer.certificate.clone() };
    let report = office.verify(&office.sign(&seal, NOW, &impostor));
    assert!(matches!(only_failure(&report), (Check::SignerSignature, Failure::SignerSignature)));
}

#[test]
fn a_seal_that_its_maker_did_not_sign_is_named_as_the_fault() {
    let office = Office::new();
    let description = office.description();
    let refused = make_seal(&description, &office.signer.key, &office.maker.certificate);
    assert!(matches!(refused, Err(Error::Primitive(_))));

    let tbs = description.to_tbs().unwrap();
    let forged = office.signer.key.sign(&tbs).unwrap();
    let seal = yinqiao_gm::seal::assemble_seal(&tbs, &forged, &office.maker.certificate).unwrap();
    let report = office.verify(&office.sign(&seal, NOW, &office.signer));
    assert!(matches!(only_failure(&report), (Check::MakerSignature, Failure::MakerSignature)));
}

#[test]
fn a_signing_time_outside_the_seals_validity_is_named_with_the_side_it_is_on() {
    let office = Office::new();
    let description = office.description();
    let seal = office.seal(&description);
    for time in [description.valid_from, description.valid_until] {
        assert!(office.verify(&office.sign(&seal, time, &office.signer)).is_ok());
    }
    let early = office.verify(&office.sign(&seal, description.valid_from - 1, &office.signer));
    assert!(matches!(only_failure(&early), (Check::SealValidity, Failure::SealNotYetValid { .. })));
    let late = office.verify(&office.sign(&seal, description.valid_until + 1, &office.signer));
    assert!(matches!(only_failure(&late), (Check::SealValidity, Failure::SealExpired { .. })));
}

#[test]
fn a_certificate_that_is_expired_untrusted_or_not_for_signing_is_named_for_signer_and_maker() {
    let office = Office::new();
    let endless = SealDescription { valid_until: NOT_AFTER + 1_000, ..office.description() };
    let report = office.verify(&office.sign(&office.seal(&endless), NOT_AFTER + 1, &office.signer));
    assert!(matches!(only_failure(&report), (Check::SignerCertificate, Failure::SignerCertificate(_))));

    let encryption = office.authority.recipient();
    let signers = SignerList::certificates_of(std::slice::from_ref(&encryption.certificate));
    let seal = office.seal(&SealDescription { signers, ..office.description() });
    let report = office.verify(&office.sign(&seal, NOW, &encryption));
    assert!(matches!(only_failure(&report), (Check::SignerCertificate, Failure::SignerCertificate(_))));

    let stranger = Authority::new().signer();
    let seal = make_seal(&office.description(), &stranger.key, &stranger.certificate).unwrap();
    let report = office.verify(&office.sign(&seal, NOW, &office.signer));
    assert!(matches!(only_failure(&report), (Check::MakerCertificate, Failure::MakerCertificate(_))));
}

#[test]
fn the_status_is_asked_at_signing_time_for_the_signer_and_at_creation_for_the_maker() {
    let office = Office::new();
    let seal = office.seal(&office.description());
    let signature = office.sign(&seal, NOW, &office.signer);
    let (signer, maker) = (office.signer.certificate.clone(), office.maker.certificate.clone());
    let revoked = CertificateStatus::Revoked { revoked_at: NOW - 1 };

    let report = office.verify_with_status(&signature, &|certificate, at| {
        if *certificate == signer && at == NOW { revoked } else { CertificateStatus::Good }
    });
    assert!(matches!(
        only_failure(&report),
        (Check::SignerStatus, Failure::SignerRevoked { revoked_at }) if *revoked_at == NOW - 1
    ));

    let created = office.description().created;
    let report = office.verify_with_status(&signature, &|certificate, at| {
        if *certificate == maker && at == created { revoked } else { CertificateStatus::Good }
    });
    assert!(matches!(only_failure(&report), (Check::MakerStatus, Failure::MakerRevoked { .. })));

    let report = office.verify_with_status(&signature, &|_, _| CertificateStatus::Unknown);
    let failed: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(failed, [Check::SignerStatus, Check::MakerStatus]);
}

#[test]
fn a_status_that_is_not_asked_for_is_reported_as_such() {
    let office = Office::new();
    let signature = office.sign(&office.seal(&office.description()), NOW, &office.signer);
    let policy = VerifyPolicy {
        roots: &[office.authority.root],
        intermediates: &[office.authority.issuing],
        status: None,
        understood_extensions: &[],
    };
    let report = verify_der(&signature, &document(), &policy);
    assert!(report.is_ok());
    let not_requested: Vec<_> = report
        .results
        .iter()
        .filter(|result| matches!(result.outcome, Outcome::NotRequested))
        .map(|result| result.check)
        .collect();
    assert_eq!(not_requested, [Check::SignerStatus, Check::MakerStatus]);
}

#[test]
fn a_critical_extension_passes_only_when_it_is_understood() {
    let office = Office::new();
    let mut description = office.description();
    description.extensions.push(Extension { id: oid::IDENTITY_CODE, critical: true, value: vec![5, 0] });
    let seal = office.seal(&description);
    assert_eq!(SesSeal::from_der(&seal).unwrap().extensions(), description.extensions);
    let signature = office.sign(&seal, NOW, &office.signer);
    let report = office.verify(&signature);
    assert!(matches!(only_failure(&report), (Check::CriticalExtensions, Failure::CriticalExtension(_))));

    let policy = VerifyPolicy {
        roots: &[office.authority.root],
        intermediates: &[office.authority.issuing],
        status: None,
        understood_extensions: &[oid::IDENTITY_CODE],
    };
    assert!(verify_der(&signature, &document(), &policy).is_ok());
}

#[test]
fn bytes_that_are_no_seal_signature_give_a_report_of_one_failed_check() {
    let report = Office::new().verify(b"not a seal signature");
    assert!(matches!(only_failure(&report), (Check::Format, Failure::Format(_))));
    assert_eq!(report.results.len(), 1);
}

#[test]
fn a_seal_that_nobody_could_use_is_not_made() {
    let office = Office::new();
    let nobody = SealDescription { signers: SignerList::Certificates(Vec::new()), ..office.description() };
    let mut blank = office.description();
    blank.picture.data.clear();
    let mut flat = office.description();
    flat.picture.height_mm = 0;
    let reversed = SealDescription { valid_until: NOT_BEFORE, ..office.description() };
    for description in [nobody, blank, flat, reversed] {
        assert!(matches!(description.to_tbs(), Err(Error::Malformed { .. })));
    }
    let undated = SealDescription { created: -1, ..office.description() };
    assert!(matches!(undated.to_tbs(), Err(Error::Time { .. })));
    let foreign = SealDescription { id: "印章".to_owned(), ..office.description() };
    assert!(matches!(foreign.to_tbs(), Err(Error::Asn1(_))));
}

#[test]
fn checks_have_names_for_a_table() {
    let office = Office::new();
    let report = office.verify(&office.sign(&office.seal(&office.description()), NOW, &office.signer));
    let names: BTreeSet<_> = report.results.iter().map(|result| result.check.to_string()).collect();
    assert_eq!(names.len(), report.results.len());
}

#[test]
fn a_signature_reads_back_with_everything_it_says() {
    let office = Office::new();
    let seal = office.seal(&office.description());
    let der = office.sign(&seal, NOW, &office.signer);
    let signature = SesSignature::from_der(&der).unwrap();
    assert_eq!(signature.der(), der);
    assert_eq!(signature.version(), SealVersion::Gbt38540V4);
    assert_eq!(signature.signer(), &office.signer.certificate);
    assert_eq!(signature.seal().maker(), &office.maker.certificate);
    assert_eq!((signature.time(), signature.property_info()), (NOW, PATH));
}
