//! Seals and seal signatures judged by a reader that is not ours, `java/SealJudge.java`, which stands on Bouncy Castle.
//!
//! That the judge itself is right, ofdrw's seal signature shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cms_pki;
mod judge;
mod seal_office;

use std::path::{Path, PathBuf};

use yinqiao_gm::oid;
use yinqiao_gm::seal::{
    Extension, SealDescription, SignerList, TbsSign, assemble_seal, assemble_signature, make_seal,
};

use cms_pki::{Authority, Holder, NOW};
use judge::{Desk, assert_refused, bouncy_castle};
use seal_office::{DOCUMENT, Office, PATH, document};

/// What the judge says of each file, or `None` where there is no judge.
fn judge(verb: &str, at_hand: &[&Path], files: &[PathBuf]) -> Option<Vec<String>> {
    let arguments: Vec<_> = at_hand.iter().copied().chain(files.iter().map(PathBuf::as_path)).collect();
    let said = bouncy_castle("SealJudge", verb, &arguments)?;
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), files.len(), "{said}");
    Some(lines)
}

/// Judges seal signatures of `office` over the document.
fn judge_sealed(desk: &Desk, office: &Office, signatures: &[Vec<u8>]) -> Option<Vec<String>> {
    let issuer = desk.put("issuer", office.authority.issuing.der());
    let document = desk.put("document", DOCUMENT);
    judge("sealed", &[&issuer, &document], &put_all(desk, signatures))
}

fn put_all(desk: &Desk, contents: &[Vec<u8>]) -> Vec<PathBuf> {
    contents.iter().enumerate().map(|(index, content)| desk.put(&index.to_string(), content)).collect()
}

/// The same bytes, with one of them altered, for each or each so many of them.
fn altered(original: &[u8], step: usize) -> Vec<Vec<u8>> {
    let alter = |position: usize| {
        let mut altered = original.to_vec();
        altered[position] ^= 1;
        altered
    };
    (0..original.len()).step_by(step).map(alter).collect()
}

fn assert_accepts(said: &str, expected: &str) {
    assert_eq!(said, format!("ACCEPTED {expected}"));
}

/// A description's part of what the judge says.
fn described(description: &SealDescription) -> String {
    let SealDescription { id, name, valid_from, valid_until, .. } = description;
    format!("{id} {name} {valid_from}-{valid_until}")
}

/// Seals with a list of certificates, with one of digests, and with extensions.
fn descriptions(office: &Office) -> [SealDescription; 3] {
    let extension = |critical| Extension { id: oid::IDENTITY_CODE, critical, value: vec![5, 0] };
    [
        office.description(),
        SealDescription {
            signers: SignerList::digests_of(std::slice::from_ref(&office.signer.certificate)),
            ..office.description()
        },
        SealDescription { extensions: vec![extension(true), extension(false)], ..office.description() },
    ]
}

#[test]
fn the_judge_accepts_ofdrws_seal_signature_and_refuses_it_altered() {
    let original = include_bytes!("../../tests/vectors/ofdrw/SignedValueV4.dat");
    let desk = Desk::new();
    let fixture = desk.put("fixture", original);
    let Some(said) = judge("signature", &[], &[fixture]) else { return };
    assert_accepts(
        &said[0],
        "51f044b76510434e9bc67a1185c2fba5 OFD R&W 测试用印章 1587521340-1650593340 at 1602501243 on \
         /Doc_0/Signs/Sign_0/Signature.xml",
    );

    let altered = put_all(&desk, &altered(original, 7));
    for said in judge("signature", &[], &altered).unwrap() {
        assert_refused(&said, "");
    }
}

#[test]
fn the_judge_accepts_our_seals_and_refuses_every_altered_one() {
    let (desk, office) = (Desk::new(), Office::new());
    let issuer = desk.put("issuer", office.authority.issuing.der());
    let descriptions = descriptions(&office);
    let seals = descriptions.each_ref().map(|description| office.seal(description));
    let Some(said) = judge("seal", &[&issuer], &put_all(&desk, &seals)) else { return };
    for (said, description) in said.iter().zip(&descriptions) {
        assert_accepts(said, &described(description));
    }

    for said in judge("seal", &[&issuer], &put_all(&desk, &altered(&seals[0], 1))).unwrap() {
        assert_refused(&said, "");
    }
}

#[test]
fn the_judge_accepts_our_seal_signatures_and_refuses_every_altered_one() {
    let (desk, office) = (Desk::new(), Office::new());
    let descriptions = descriptions(&office);
    let signatures = descriptions
        .each_ref()
        .map(|description| office.sign(&office.seal(description), NOW, &office.signer));
    let Some(said) = judge_sealed(&desk, &office, &signatures) else { return };
    for (said, description) in said.iter().zip(&descriptions) {
        assert_accepts(said, &format!("{} at {NOW} on {PATH}", described(description)));
    }

    for said in judge_sealed(&desk, &office, &altered(&signatures[0], 1)).unwrap() {
        assert_refused(&said, "");
    }
}

#[test]
fn the_judge_names_the_fault_that_our_report_names() {
    let (desk, office) = (Desk::new(), Office::new());
    let description = office.description();
    let seal = office.seal(&description);

    let stranger = office.authority.signer();
    let impostor = Holder { key: office.maker.key.clone(), certificate: office.signer.certificate.clone() };
    let tbs = description.to_tbs().unwrap();
    let forged_by_another = office.signer.key.sign(&tbs).unwrap();
    let forged = assemble_seal(&tbs, &forged_by_another, &office.maker.certificate).unwrap();
    let foreign = Authority::new().signer();
    let foreign_seal = make_seal(&description, &foreign.key, &foreign.certificate).unwrap();
    let another = yinqiao_gm::sm3::digest(b"another document");
    let tbs = TbsSign::build(&seal, NOW, &another, PATH).unwrap();
    let signature = office.signer.key.sign(&tbs).unwrap();
    let on_another = assemble_signature(&tbs, &signature, &office.signer.certificate).unwrap();
    assert_ne!(another, document());

    let faults = [
        (office.sign(&seal, NOW, &stranger), "the signer may not use this seal"),
        (office.sign(&seal, NOW, &impostor), "the signer's signature does not verify"),
        (office.sign(&forged, NOW, &office.signer), "the maker's signature does not verify"),
        (
            office.sign(&foreign_seal, NOW, &office.signer),
            "the maker's certificate is not signed by the issuer",
        ),
        (office.sign(&seal, description.valid_from - 1, &office.signer), "outside the seal's validity"),
        (office.sign(&seal, description.valid_until + 1, &office.signer), "outside the seal's validity"),
        (on_another, "dataHash is not this document's"),
    ];
    let signatures: Vec<_> = faults.iter().map(|(signature, _)| signature.clone()).collect();
    let Some(said) = judge_sealed(&desk, &office, &signatures) else { return };
    for ((signature, reason), said) in faults.iter().zip(&said) {
        assert_refused(said, reason);
        assert_eq!(office.verify(signature).failures().count(), 1, "{reason}");
    }
}
