use der::asn1::OctetString;
use x509_cert::ext::Extension;

use super::{
    super::{
        chain::{ChainError, Usage, verify},
        *,
    },
    DAY, Holder, NOW, builder, name, pki, root,
};
use crate::sm2::PrivateKey;

const AT: i64 = NOW + DAY;

fn subject(certificate: &Certificate) -> String {
    certificate.subject().to_string()
}

#[test]
fn a_leaf_leads_to_its_root_whatever_else_lies_about() {
    let (pki, stranger) = (pki(), root());
    let (leaf, issuing, root) = (&pki.leaf.certificate, &pki.issuing.certificate, &pki.root.certificate);
    let about = [stranger.certificate.clone(), leaf.clone(), root.clone(), issuing.clone()];
    let roots = [stranger.certificate.clone(), root.clone()];
    let path = verify(leaf, &about, &roots, AT, Usage::Signing).unwrap();
    assert_eq!(path, [leaf.clone(), issuing.clone(), root.clone()]);
    let path = verify(issuing, &[], std::slice::from_ref(root), AT, Usage::CertSign).unwrap();
    assert_eq!(path, [issuing.clone(), root.clone()]);
    assert_eq!(verify(root, &[], &roots, AT, Usage::CertSign).unwrap(), std::slice::from_ref(root));
}

#[test]
fn without_the_intermediate_or_the_root_the_issuer_is_unknown() {
    let pki = pki();
    let (leaf, issuing) = (&pki.leaf.certificate, &pki.issuing.certificate);
    let roots = [pki.root.certificate.clone()];
    assert_eq!(
        verify(leaf, &[], &roots, AT, Usage::Signing),
        Err(ChainError::UnknownIssuer { subject: subject(leaf), issuer: leaf.issuer().to_string() })
    );
    assert_eq!(
        verify(leaf, std::slice::from_ref(issuing), &[], AT, Usage::Signing),
        Err(ChainError::UnknownIssuer { subject: subject(issuing), issuer: issuing.issuer().to_string() })
    );
    assert!(
        verify(&pki.root.certificate, &roots, &[], AT, Usage::CertSign).is_err(),
        "a root that isn't trusted"
    );
}

#[test]
fn every_certificate_must_be_valid_at_the_time() {
    let pki = pki();
    let (leaf, issuing) = (&pki.leaf.certificate, std::slice::from_ref(&pki.issuing.certificate));
    let roots = [pki.root.certificate.clone()];
    let at = |at| verify(leaf, issuing, &roots, at, Usage::Signing);
    assert_eq!(
        at(NOW - 1).unwrap_err(),
        ChainError::NotYetValid { subject: subject(leaf), not_before: NOW, at: NOW - 1 }
    );
    let end = NOW + 365 * DAY;
    at(NOW).unwrap();
    at(end).unwrap();
    assert_eq!(
        at(end + 1).unwrap_err(),
        ChainError::Expired { subject: subject(leaf), not_after: end, at: end + 1 }
    );
    // A leaf that outlives its root
    let key = PrivateKey::generate().unwrap();
    let serial = SerialNumber::from(1);
    let long = CertificateBuilder::new(
        Profile::Signing,
        name("long"),
        key.public_key().clone(),
        serial,
        NOW,
        end + DAY,
    )
    .sign(&pki.root.certificate, &pki.root.key)
    .unwrap();
    assert_eq!(
        verify(&long, &[], &roots, end + 1, Usage::Signing).unwrap_err(),
        ChainError::Expired { subject: subject(&roots[0]), not_after: end, at: end + 1 }
    );
}

#[test]
fn a_forged_signature_is_found() {
    let pki = pki();
    let forger =
        Holder { key: PrivateKey::generate().unwrap(), certificate: pki.issuing.certificate.clone() };
    let forged = forger.reissue(&pki.leaf.certificate, |_| {}).unwrap();
    assert_eq!(
        verify(&forged, &[pki.issuing.certificate], &[pki.root.certificate], AT, Usage::Signing),
        Err(ChainError::Signature { subject: subject(&forged) })
    );
}

#[test]
fn an_end_entity_cannot_issue() {
    let pki = pki();
    // The leaf signs for itself, with the names and key identifiers of a proper path.
    let victim = pki.issuing.issue(Profile::Signing, "victim").certificate;
    let issuer = der::asn1::AnyRef::try_from(pki.leaf.certificate.subject().as_der()).unwrap();
    let forged = pki
        .leaf
        .reissue(&victim, |tbs| {
            tbs.issuer = issuer;
            tbs.extensions.as_mut().unwrap().pop();
        })
        .unwrap();
    assert_eq!(
        verify(
            &forged,
            &[pki.leaf.certificate.clone(), pki.issuing.certificate],
            &[pki.root.certificate],
            AT,
            Usage::Signing
        ),
        Err(ChainError::NotCa { subject: subject(&pki.leaf.certificate) })
    );
}

#[test]
fn no_more_cas_stand_below_one_than_it_may_have() {
    let pki = pki();
    let below = pki.issuing.issue(Profile::IssuingCa { path_len: None }, "below");
    let leaf = below.issue(Profile::Signing, "too deep").certificate;
    assert_eq!(
        verify(
            &leaf,
            &[below.certificate.clone(), pki.issuing.certificate.clone()],
            &[pki.root.certificate],
            AT,
            Usage::Signing
        ),
        Err(ChainError::PathLength { subject: subject(&pki.issuing.certificate), path_len: 0, found: 1 })
    );
}

#[test]
fn each_usage_wants_its_own_bit() {
    let pki = pki();
    let encryption = pki.issuing.issue(Profile::Encryption, "encryption").certificate;
    let (issuing, roots) = ([pki.issuing.certificate.clone()], [pki.root.certificate.clone()]);
    let check = |certificate: &Certificate, usage| verify(certificate, &issuing, &roots, AT, usage);
    check(&pki.leaf.certificate, Usage::Signing).unwrap();
    check(&encryption, Usage::Encryption).unwrap();
    for (certificate, usage, needed) in [
        (&pki.leaf.certificate, Usage::Encryption, "encryption"),
        (&encryption, Usage::Signing, "signing"),
        (&pki.leaf.certificate, Usage::CertSign, "issuing certificates"),
        (&pki.issuing.certificate, Usage::Signing, "signing"),
    ] {
        let expected = ChainError::KeyUsage { subject: subject(certificate), needed };
        assert_eq!(check(certificate, usage), Err(expected));
    }
}

#[test]
fn a_certificate_without_key_usage_is_good_for_nothing() {
    let pki = pki();
    let bare = pki
        .issuing
        .reissue(&pki.leaf.certificate, |tbs| {
            tbs.extensions.as_mut().unwrap().remove(1);
        })
        .unwrap();
    let result = verify(&bare, &[pki.issuing.certificate], &[pki.root.certificate], AT, Usage::Signing);
    assert!(matches!(result, Err(ChainError::KeyUsage { .. })));
}

#[test]
fn a_ca_whose_key_usage_lacks_key_cert_sign_cannot_issue() {
    let pki = pki();
    let list_signer = pki
        .root
        .reissue(&pki.issuing.certificate, |tbs| {
            tbs.extensions.as_mut().unwrap()[1] = KeyUsage::CRL_SIGN.to_extension().unwrap();
        })
        .unwrap();
    let expected = ChainError::KeyUsage { subject: subject(&list_signer), needed: "issuing certificates" };
    let result = verify(&pki.leaf.certificate, &[list_signer], &[pki.root.certificate], AT, Usage::Signing);
    assert_eq!(result, Err(expected));
}

#[test]
fn an_unknown_critical_extension_anywhere_is_refused() {
    let pki = pki();
    let policy_constraints = const_oid::ObjectIdentifier::new_unwrap("2.5.29.36");
    let add = |critical| {
        let extn_value = OctetString::new([0x30, 0].as_slice()).unwrap();
        Extension { extn_id: policy_constraints, critical, extn_value }
    };
    let issuing = |critical| {
        pki.root
            .reissue(&pki.issuing.certificate, |tbs| tbs.extensions.as_mut().unwrap().push(add(critical)))
            .unwrap()
    };
    let roots = [pki.root.certificate.clone()];
    verify(&pki.leaf.certificate, &[issuing(false)], &roots, AT, Usage::Signing).unwrap();
    assert_eq!(
        verify(&pki.leaf.certificate, &[issuing(true)], &roots, AT, Usage::Signing),
        Err(ChainError::UnknownCriticalExtension {
            subject: subject(&pki.issuing.certificate),
            extension: policy_constraints
        })
    );
}

#[test]
fn a_second_way_is_found_when_the_first_is_closed() {
    let pki = pki();
    // The issuing CA's certificate was renewed: the old one has expired, the new one has the same key.
    let renewed = builder(Profile::IssuingCa { path_len: Some(0) }, "issuing", &pki.issuing.key)
        .sign(&pki.root.certificate, &pki.root.key)
        .unwrap();
    let old = CertificateBuilder::new(
        Profile::IssuingCa { path_len: Some(0) },
        name("issuing"),
        pki.issuing.key.public_key().clone(),
        SerialNumber::from(1),
        NOW - DAY,
        NOW,
    )
    .sign(&pki.root.certificate, &pki.root.key)
    .unwrap();
    let path =
        verify(&pki.leaf.certificate, &[old, renewed.clone()], &[pki.root.certificate], AT, Usage::Signing)
            .unwrap();
    assert_eq!(path[1], renewed);
}
