//! Signed messages: what is assembled verifies, and nothing else does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cms_pki;

use std::sync::LazyLock;

use cms_pki::{Authority, Holder, NOT_AFTER, NOW};
use der::{Encode, Length, Reader, SliceReader};
use proptest::prelude::*;
use yinqiao_gm::cms::{
    Arc, Content, Error, IssuerAndSerialNumber, SignedAttributes, SignedData, SignerError, UnsignedAttribute,
    assemble_attached, assemble_detached, assemble_detached_with_unsigned,
};
use yinqiao_gm::x509::Profile;
use yinqiao_gm::{oid, sm3};

const DOCUMENT: &[u8] = b"bid: 1,234,567.00 CNY";

struct Signed {
    authority: Authority,
    signer: Holder,
    message: Vec<u8>,
}

fn signed(arc: Arc) -> Signed {
    let authority = Authority::new();
    let signer = authority.signer();
    let attributes = SignedAttributes::build(arc, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = signer.key.sign(&attributes).unwrap();
    let others = [authority.issuing.clone()];
    let message = assemble_detached(arc, &attributes, &signature, &signer.certificate, &others).unwrap();
    Signed { authority, signer, message }
}

fn only_error(message: &[u8], content: Content<'_>) -> SignerError {
    let mut signers = SignedData::from_der(message).unwrap().verify_detached(content, &[]).unwrap();
    assert_eq!(signers.len(), 1);
    signers.remove(0).unwrap_err()
}

#[test]
fn a_detached_message_verifies_in_both_arcs_with_its_digest_and_with_its_document() {
    for arc in [Arc::Gmt0010, Arc::Rfc5652] {
        let Signed { authority, signer, message } = signed(arc);
        let parsed = SignedData::from_der(&message).unwrap();
        assert_eq!(parsed.arc(), arc);
        assert!(parsed.content().is_none());
        for content in [Content::Digest(&sm3::digest(DOCUMENT)), Content::Bytes(DOCUMENT)] {
            let roots = std::slice::from_ref(&authority.root);
            let signers = parsed.verify_detached_with_chain(content, &[], roots, NOW).unwrap();
            let [Ok(verified)] = signers.as_slice() else { panic!("{signers:?}") };
            assert_eq!(verified.certificate, signer.certificate);
            assert_eq!(verified.signing_time, Some(NOW));
        }
    }
}

#[test]
fn each_arc_names_its_own_signature_algorithm() {
    let find = |message: &[u8], oid: const_oid::ObjectIdentifier| {
        let needle = oid.as_bytes();
        message.windows(needle.len()).filter(|window| *window == needle).count()
    };
    // Both certificates name .501 twice each.
    let gmt = signed(Arc::Gmt0010).message;
    assert_eq!((find(&gmt, oid::SM2_SIGN), find(&gmt, oid::SM2_WITH_SM3)), (1, 4));
    let rfc = signed(Arc::Rfc5652).message;
    assert_eq!((find(&rfc, oid::SM2_SIGN), find(&rfc, oid::SM2_WITH_SM3)), (0, 5));
}

#[test]
fn another_document_is_named_as_the_fault() {
    let message = signed(Arc::Gmt0010).message;
    assert!(matches!(only_error(&message, Content::Bytes(b"bid: 1")), SignerError::MessageDigest));
}

#[test]
fn a_signature_by_another_key_is_named_as_the_fault() {
    let authority = Authority::new();
    let (signer, other) = (authority.signer(), authority.signer());
    let attributes = SignedAttributes::build(Arc::Rfc5652, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = other.key.sign(&attributes).unwrap();
    let message = assemble_detached(Arc::Rfc5652, &attributes, &signature, &signer.certificate, &[]).unwrap();
    assert!(matches!(only_error(&message, Content::Bytes(DOCUMENT)), SignerError::Signature));
}

#[test]
fn a_chain_is_refused_without_its_root_after_its_end_and_for_an_encryption_certificate() {
    let Signed { authority, message, .. } = signed(Arc::Gmt0010);
    let parsed = SignedData::from_der(&message).unwrap();
    let content = Content::Bytes(DOCUMENT);
    let stranger = Authority::new().root;
    for (roots, at) in [(vec![stranger], NOW), (vec![authority.root.clone()], NOT_AFTER + 1)] {
        let signers = parsed.verify_detached_with_chain(content, &[], &roots, at).unwrap();
        assert!(matches!(signers.as_slice(), [Err(SignerError::Chain(_))]), "{signers:?}");
    }

    let encryption = authority.holder("投标人", Profile::Encryption);
    let attributes = SignedAttributes::build(Arc::Gmt0010, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = encryption.key.sign(&attributes).unwrap();
    let others = [authority.issuing.clone()];
    let message =
        assemble_detached(Arc::Gmt0010, &attributes, &signature, &encryption.certificate, &others).unwrap();
    let signers = SignedData::from_der(&message)
        .unwrap()
        .verify_detached_with_chain(content, &[], &[authority.root], NOW)
        .unwrap();
    assert!(matches!(signers.as_slice(), [Err(SignerError::Chain(_))]), "{signers:?}");
}

#[test]
fn an_attached_message_verifies_and_is_not_taken_for_a_detached_one() {
    let authority = Authority::new();
    let signer = authority.signer();
    let attributes = SignedAttributes::build(Arc::Gmt0010, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = signer.key.sign(&attributes).unwrap();
    let attached =
        assemble_attached(Arc::Gmt0010, DOCUMENT, &attributes, &signature, &signer.certificate, &[]).unwrap();
    let parsed = SignedData::from_der(&attached).unwrap();
    assert_eq!(parsed.content(), Some(DOCUMENT));
    assert!(matches!(parsed.verify_attached(&[]).unwrap().as_slice(), [Ok(_)]));
    assert!(matches!(parsed.verify_detached(Content::Bytes(DOCUMENT), &[]), Err(Error::Attached)));

    let detached = SignedData::from_der(&signed(Arc::Gmt0010).message).unwrap();
    assert!(matches!(detached.verify_attached(&[]), Err(Error::Detached)));

    let other = assemble_attached(Arc::Gmt0010, b"x", &attributes, &signature, &signer.certificate, &[]);
    assert!(matches!(other, Err(Error::Malformed { .. })));
}

#[test]
fn attributes_of_the_other_arc_are_not_assembled() {
    let signer = Authority::new().signer();
    let attributes = SignedAttributes::build(Arc::Gmt0010, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = signer.key.sign(&attributes).unwrap();
    let result = assemble_detached(Arc::Rfc5652, &attributes, &signature, &signer.certificate, &[]);
    assert!(matches!(result, Err(Error::ArcMismatch)));
}

#[test]
fn an_unsigned_attribute_comes_back_and_leaves_the_signature_valid() {
    let signer = Authority::new().signer();
    let attributes = SignedAttributes::build(Arc::Rfc5652, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = signer.key.sign(&attributes).unwrap();
    let token = UnsignedAttribute { kind: oid::TIME_STAMP_TOKEN, value: vec![0x04, 2, 1, 2] };
    let message = assemble_detached_with_unsigned(
        Arc::Rfc5652,
        &attributes,
        &signature,
        &signer.certificate,
        &[],
        std::slice::from_ref(&token),
    )
    .unwrap();
    let parsed = SignedData::from_der(&message).unwrap();
    assert_eq!(parsed.unsigned_attribute(0, oid::TIME_STAMP_TOKEN).unwrap(), [token.value]);
    assert_eq!(parsed.signature(0).unwrap(), signature.to_der().unwrap());
    assert!(matches!(parsed.verify_detached(Content::Bytes(DOCUMENT), &[]).unwrap().as_slice(), [Ok(_)]));
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = Length::try_from(content.len()).unwrap().to_der().unwrap();
    [&[tag], length.as_slice(), content].concat()
}

/// A message without signed attributes: the signature is over the content itself, which `content` says whether the
/// message carries. The signer has `version` and is named by `id`.
fn without_attributes(signer: &Holder, version: u8, id: &[u8], content: Option<&[u8]>) -> Vec<u8> {
    let algorithm = |oid: const_oid::ObjectIdentifier| element(0x30, &oid.to_der().unwrap());
    let signature = signer.key.sign(DOCUMENT).unwrap().to_der().unwrap();
    let signer_info = [
        version.to_der().unwrap(),
        id.to_vec(),
        algorithm(oid::SM3),
        algorithm(oid::SM2_WITH_SM3),
        element(0x04, &signature),
    ];
    let content = content.map(|content| element(0xa0, &element(0x04, content))).unwrap_or_default();
    let signed = [
        version.to_der().unwrap(),
        element(0x31, &algorithm(oid::SM3)),
        element(0x30, &[oid::GMT_DATA.to_der().unwrap(), content].concat()),
        element(0xa0, signer.certificate.der()),
        element(0x31, &element(0x30, &signer_info.concat())),
    ];
    let explicit = element(0xa0, &element(0x30, &signed.concat()));
    element(0x30, &[oid::GMT_SIGNED_DATA.to_der().unwrap(), explicit].concat())
}

#[test]
fn a_signature_over_the_content_itself_needs_the_content() {
    let signer = Authority::new().signer();
    let names = IssuerAndSerialNumber::of(&signer.certificate).unwrap().to_der().unwrap();
    let attached = SignedData::from_der(&without_attributes(&signer, 1, &names, Some(DOCUMENT))).unwrap();
    let signers = attached.verify_attached(&[]).unwrap();
    assert!(matches!(signers.as_slice(), [Ok(verified)] if verified.signing_time.is_none()));
    let altered = SignedData::from_der(&without_attributes(&signer, 1, &names, Some(b"other"))).unwrap();
    let signers = altered.verify_attached(&[]).unwrap();
    assert!(matches!(signers.as_slice(), [Err(SignerError::Signature)]));

    let detached = without_attributes(&signer, 1, &names, None);
    let parsed = SignedData::from_der(&detached).unwrap();
    let signers = parsed.verify_detached(Content::Bytes(DOCUMENT), &[]).unwrap();
    assert!(matches!(signers.as_slice(), [Ok(_)]));
    let error = only_error(&detached, Content::Digest(&sm3::digest(DOCUMENT)));
    assert!(matches!(error, SignerError::ContentNeeded));
}

#[test]
fn a_signer_named_by_its_key_is_found_and_its_version_must_fit() {
    let authority = Authority::new();
    let (signer, other) = (authority.signer(), authority.signer());
    let named_by = |holder: &Holder| element(0x80, holder.certificate.subject_key_identifier().unwrap());
    let message = without_attributes(&signer, 3, &named_by(&signer), None);
    let parsed = SignedData::from_der(&message).unwrap();
    let signers = parsed.verify_detached(Content::Bytes(DOCUMENT), &[]).unwrap();
    assert!(matches!(signers.as_slice(), [Ok(_)]), "{signers:?}");

    let missing = without_attributes(&signer, 3, &named_by(&other), None);
    let error = only_error(&missing, Content::Bytes(DOCUMENT));
    assert!(matches!(error, SignerError::CertificateMissing(_)));
    let misfit = without_attributes(&signer, 1, &named_by(&signer), None);
    assert!(matches!(SignedData::from_der(&misfit), Err(Error::Version { .. })));
}

#[test]
fn attributes_out_of_ders_order_are_refused_even_if_they_were_signed_so() {
    let signer = Authority::new().signer();
    let attributes = SignedAttributes::build(Arc::Gmt0010, &sm3::digest(DOCUMENT), NOW).unwrap();
    let mut elements = SliceReader::new(&attributes[2..]).unwrap();
    let mut reversed = Vec::new();
    while !elements.is_finished() {
        reversed.splice(0..0, elements.tlv_bytes().unwrap().iter().copied());
    }
    let signed = [&attributes[..2], &reversed].concat();
    let signature = signer.key.sign(&signed).unwrap();
    let message = assemble_detached(Arc::Gmt0010, &attributes, &signature, &signer.certificate, &[]).unwrap();
    let at = message.windows(reversed.len()).position(|window| window == &attributes[2..]).unwrap();
    let altered = [&message[..at], &reversed, &message[at + reversed.len()..]].concat();
    assert!(matches!(
        only_error(&altered, Content::Bytes(DOCUMENT)),
        SignerError::SignedAttributes("they are not in DER's order")
    ));
}

#[test]
fn every_flipped_byte_of_a_message_makes_verification_fail() {
    let Signed { authority, message, .. } = signed(Arc::Gmt0010);
    let roots = [authority.root];
    for position in 0..message.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut altered = message.clone();
            altered[position] ^= mask;
            let Ok(parsed) = SignedData::from_der(&altered) else { continue };
            let accepted = parsed
                .verify_detached_with_chain(Content::Bytes(DOCUMENT), &[], &roots, NOW)
                .is_ok_and(|signers| signers.iter().all(Result::is_ok));
            assert!(!accepted, "byte {position} xor {mask:02x}");
        }
    }
}

#[test]
fn trailing_bytes_and_every_truncation_are_refused() {
    let message = signed(Arc::Rfc5652).message;
    assert!(SignedData::from_der(&[message.clone(), vec![0]].concat()).is_err());
    for length in 0..message.len() {
        assert!(SignedData::from_der(&message[..length]).is_err(), "{length}");
    }
}

static MESSAGE: LazyLock<Vec<u8>> = LazyLock::new(|| signed(Arc::Rfc5652).message);

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = SignedData::from_der(&bytes);
        let _ = SignedAttributes::parse(&bytes);
    }

    #[test]
    fn no_mutation_of_a_message_makes_the_parser_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut message = MESSAGE.clone();
        for (position, value) in changes {
            *position.get_mut(&mut message) = value;
        }
        if let Ok(parsed) = SignedData::from_der(&message) {
            let _ = parsed.verify_detached(Content::Bytes(DOCUMENT), &[]);
        }
    }
}
