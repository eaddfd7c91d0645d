use const_oid::ObjectIdentifier;
use der::{Encode, asn1::OctetString};
use x509_cert::ext::Extension;

use super::{
    super::{
        chain::{ChainError, MAX_PATH_LENGTH, Policies, Usage, find_path},
        *,
    },
    DAY, Holder, NOW, builder, name, pki, root,
};
use crate::{oid, sm2::PrivateKey};

const AT: i64 = NOW + DAY;

fn any(certificates: &[&Certificate]) -> Vec<AnyCertificate> {
    certificates.iter().map(|certificate| certificate.as_any().clone()).collect()
}

/// A root of its own with this name, and a certificate for its key from another CA.
fn named_root(common_name: &str) -> Holder {
    let key = PrivateKey::generate().unwrap();
    Holder { certificate: builder(Profile::RootCa, common_name, &key).self_sign(&key).unwrap(), key }
}

fn cross(issuer: &Holder, subject: &Holder) -> Certificate {
    let key = subject.key.public_key().clone();
    let name = subject.certificate.subject().clone();
    let serial = SerialNumber::generate().unwrap();
    let profile = Profile::IssuingCa { path_len: None };
    CertificateBuilder::new(profile, name, key, serial, NOW, NOW + 365 * DAY)
        .sign(&issuer.certificate, &issuer.key)
        .unwrap()
}

#[test]
fn a_holder_of_ca_b_leads_to_ca_a_by_the_cross_certificate() {
    let (a, b) = (named_root("A"), named_root("B"));
    let leaf = b.issue(Profile::Signing, "leaf").certificate;
    let a_for_b = cross(&a, &b);
    let candidates = any(&[&b.certificate, &a_for_b]);
    let path = find_path(&leaf, &candidates, &any(&[&a.certificate]), AT, Usage::Signing).unwrap();
    assert_eq!(path.certificates(), any(&[&leaf, &a_for_b, &a.certificate]));
    // Who trusts B itself needs no cross certificate, and is told which anchor it was.
    let anchors = any(&[&a.certificate, &b.certificate]);
    let path = find_path(&leaf, &candidates, &anchors, AT, Usage::Signing).unwrap();
    assert_eq!((path.certificates().len(), path.anchor_index()), (2, 1));
    let links: Vec<_> = path.links().collect();
    assert_eq!(links, [(leaf.as_any(), b.certificate.as_any())]);
    // Without it there is no way.
    let error = find_path(&leaf, &candidates[..1], &anchors[..1], AT, Usage::Signing).unwrap_err();
    assert!(matches!(error, ChainError::UnknownIssuer { .. }), "{error}");
}

#[test]
fn cas_that_certified_each_other_lead_in_no_circle() {
    let [a, b, c] = ["A", "B", "C"].map(named_root);
    let leaf = a.issue(Profile::Signing, "leaf").certificate;
    let all = [
        cross(&a, &b),
        cross(&b, &a),
        cross(&b, &c),
        cross(&c, &b),
        cross(&a, &c),
        cross(&c, &a),
        a.certificate.clone(),
        b.certificate.clone(),
    ];
    let candidates = any(&all.iter().collect::<Vec<_>>());
    let path = find_path(&leaf, &candidates, &any(&[&c.certificate]), AT, Usage::Signing).unwrap();
    assert_eq!(path.certificates().last(), Some(c.certificate.as_any()));
    assert!(path.certificates().len() <= 4);
    assert!(find_path(&leaf, &candidates, &any(&[&root().certificate]), AT, Usage::Signing).is_err());
}

#[test]
fn many_certificates_of_one_ca_end_soon() {
    let key = PrivateKey::generate().unwrap();
    let first = builder(Profile::RootCa, "same", &key).self_sign(&key).unwrap();
    let mut all = vec![first.clone()];
    for _ in 0..12 {
        all.push(builder(Profile::RootCa, "same", &key).sign(&first, &key).unwrap());
    }
    let leaf =
        builder(Profile::Signing, "leaf", &PrivateKey::generate().unwrap()).sign(&first, &key).unwrap();
    let candidates = any(&all.iter().collect::<Vec<_>>());
    let error = find_path(&leaf, &candidates, &any(&[&root().certificate]), AT, Usage::Signing).unwrap_err();
    assert!(matches!(error, ChainError::UnknownIssuer { .. }), "{error}");
}

#[test]
fn a_hostile_mesh_is_given_up_and_not_searched_to_its_end() {
    // Twelve CAs of one name, each certified by every other, without key identifiers to tell them apart: some 12! paths.
    let mesh: Vec<_> = (0..12).map(|_| named_root("mesh")).collect();
    let bare = |issuer: &Holder, certificate: &Certificate| {
        let strip = |tbs: &mut any_certificate::TbsCertificate<'_>| {
            let extensions = tbs.extensions.as_mut().unwrap();
            let identifiers = [oid::SUBJECT_KEY_IDENTIFIER, oid::AUTHORITY_KEY_IDENTIFIER];
            extensions.retain(|extension| !identifiers.contains(&extension.extn_id));
        };
        issuer.reissue(certificate, strip).unwrap()
    };
    let mut candidates = Vec::new();
    for issuer in &mesh {
        let others = mesh.iter().filter(|subject| subject.certificate != issuer.certificate);
        candidates.extend(others.map(|subject| bare(issuer, &cross(issuer, subject))));
    }
    let leaf = bare(&mesh[0], &mesh[0].issue(Profile::Signing, "leaf").certificate);
    let candidates = any(&candidates.iter().collect::<Vec<_>>());
    let started = std::time::Instant::now();
    let error = find_path(&leaf, &candidates, &any(&[&root().certificate]), AT, Usage::Signing).unwrap_err();
    assert!(started.elapsed().as_secs() < 5);
    assert!(matches!(error, ChainError::TooComplex { .. } | ChainError::Signature { .. }), "{error}");
}

#[test]
fn a_path_longer_than_the_limit_is_refused() {
    let mut holders = vec![named_root("0")];
    for i in 1..MAX_PATH_LENGTH {
        let next = holders[i - 1].issue(Profile::IssuingCa { path_len: None }, &i.to_string());
        holders.push(next);
    }
    let candidates: Vec<_> = holders[1..].iter().map(|holder| holder.certificate.as_any().clone()).collect();
    let anchors = any(&[&holders[0].certificate]);
    let check = |depth: usize| {
        let leaf = holders[depth].issue(Profile::Signing, "leaf").certificate;
        find_path(&leaf, &candidates, &anchors, AT, Usage::Signing).map(|path| path.certificates().len())
    };
    assert_eq!(check(MAX_PATH_LENGTH - 2).unwrap(), MAX_PATH_LENGTH);
    assert!(matches!(check(MAX_PATH_LENGTH - 1), Err(ChainError::TooComplex { .. })));
}

/// `issuing` with one extension more.
fn constrained(
    root: &Holder,
    issuing: &Certificate,
    id: ObjectIdentifier,
    critical: bool,
    value: &[u8],
) -> Certificate {
    let extn_value = OctetString::new(value).unwrap();
    let extension = Extension { extn_id: id, critical, extn_value };
    root.reissue(issuing, |tbs| tbs.extensions.as_mut().unwrap().push(extension)).unwrap()
}

fn subtrees(tag: u8, base: &[u8]) -> Vec<u8> {
    let general_name = [&[0xa4, base.len() as u8], base].concat();
    let subtree = [&[0x30, general_name.len() as u8], general_name.as_slice()].concat();
    let subtrees = [&[tag, subtree.len() as u8], subtree.as_slice()].concat();
    [&[0x30, subtrees.len() as u8], subtrees.as_slice()].concat()
}

#[test]
fn a_ca_certifies_only_within_the_names_that_it_was_given() {
    let pki = pki();
    let base =
        DistinguishedName::builder().country("CN").organization("某某建设集团有限公司").build().unwrap();
    let foreign = DistinguishedName::builder().country("CN").organization("另一公司").build().unwrap();
    let verify = |critical, value: &[u8]| {
        let issuing =
            constrained(&pki.root, &pki.issuing.certificate, oid::NAME_CONSTRAINTS, critical, value);
        find_path(
            &pki.leaf.certificate,
            &any(&[&issuing]),
            &any(&[&pki.root.certificate]),
            AT,
            Usage::Signing,
        )
    };
    verify(true, &subtrees(0xa0, base.as_der())).unwrap();
    verify(true, &subtrees(0xa1, foreign.as_der())).unwrap();
    // The whole name is within itself, and a longer one is not within it.
    verify(true, &subtrees(0xa0, pki.leaf.certificate.subject().as_der())).unwrap();
    for (critical, value) in [
        (true, subtrees(0xa0, foreign.as_der())),
        (true, subtrees(0xa1, base.as_der())),
        (false, subtrees(0xa0, foreign.as_der())),
        (true, subtrees(0xa0, name("leaf of another name").as_der())),
    ] {
        let error = verify(critical, &value).unwrap_err();
        assert!(matches!(error, ChainError::NameConstraints { .. }), "{error}");
    }
    // dNSName
    let dns = [0x30, 8, 0xa0, 6, 0x30, 4, 0x82, 2, b'c', b'n'];
    let error = verify(true, &dns).unwrap_err();
    let expected = oid::NAME_CONSTRAINTS;
    assert!(matches!(error, ChainError::UnknownCriticalExtension { extension, .. } if extension == expected));
    verify(false, &dns).unwrap();
    assert!(verify(true, &[0x30, 0]).is_err(), "an empty one");
}

#[test]
fn the_policies_that_hold_are_those_that_all_below_the_anchor_have() {
    let [one, two, three] = ["1.2.3.1", "1.2.3.2", "1.2.3.3"].map(ObjectIdentifier::new_unwrap);
    let root = root();
    let policies = |of_ca: &[ObjectIdentifier], of_leaf: &[ObjectIdentifier]| {
        let (ca_key, leaf_key) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let with = |profile, name, key, policies: &[ObjectIdentifier]| {
            policies
                .iter()
                .fold(builder(profile, name, key), |builder, policy| builder.certificate_policy(*policy))
        };
        let profile = Profile::IssuingCa { path_len: None };
        let ca = with(profile, "ca", &ca_key, of_ca).sign(&root.certificate, &root.key).unwrap();
        let leaf = with(Profile::Signing, "leaf", &leaf_key, of_leaf).sign(&ca, &ca_key).unwrap();
        let path = find_path(&leaf, &any(&[&ca]), &any(&[&root.certificate]), AT, Usage::Signing).unwrap();
        path.policies().clone()
    };
    let only = |policies: &[ObjectIdentifier]| Policies::Only(policies.to_vec());
    assert_eq!(policies(&[one, two], &[two, three]), only(&[two]));
    assert_eq!(policies(&[oid::ANY_POLICY], &[two, three]), only(&[two, three]));
    assert_eq!(policies(&[one], &[oid::ANY_POLICY]), only(&[one]));
    assert_eq!(policies(&[oid::ANY_POLICY], &[oid::ANY_POLICY]), Policies::Any);
    assert_eq!(policies(&[], &[one]), only(&[]));
    assert_eq!(policies(&[one], &[]), only(&[]));
    assert!(Policies::Any.contains(&one) && !only(&[two]).contains(&one));
}

#[test]
fn what_an_issuer_publishes_and_where_is_read_back() {
    let root = root();
    let key = PrivateKey::generate().unwrap();
    let policy = ObjectIdentifier::new_unwrap("1.2.3.4");
    let certificate = builder(Profile::OcspSigner, "responder", &key)
        .ocsp_responder("http://ca.example/ocsp")
        .ca_issuers("http://ca.example/ca.cer")
        .crl_distribution_point("http://ca.example/ca.crl")
        .freshest_crl("http://ca.example/delta.crl")
        .certificate_policy(policy)
        .sign(&root.certificate, &root.key)
        .unwrap();
    let expected = AccessLocations {
        ocsp: vec!["http://ca.example/ocsp".to_owned()],
        ca_issuers: vec!["http://ca.example/ca.cer".to_owned()],
    };
    assert_eq!(certificate.authority_info_access().unwrap(), expected);
    assert_eq!(certificate.freshest_crl().unwrap(), ["http://ca.example/delta.crl"]);
    assert_eq!(certificate.crl_distribution_points().unwrap(), ["http://ca.example/ca.crl"]);
    assert_eq!(certificate.certificate_policies(), [policy]);
    assert_eq!(certificate.extended_key_usage(), Some(&[oid::OCSP_SIGNING][..]));
    assert!(certificate.has_ocsp_no_check() && !root.certificate.has_ocsp_no_check());
    let anchors = any(&[&root.certificate]);
    find_path(&certificate, &[], &anchors, AT, Usage::OcspSigning).unwrap();
    let error = find_path(&certificate, &[], &anchors, AT, Usage::TimeStamping).unwrap_err();
    assert!(matches!(error, ChainError::ExtendedKeyUsage { .. }), "{error}");
}

#[test]
fn a_key_with_one_critical_purpose_serves_no_other() {
    let root = root();
    let tsa = root.issue(Profile::TimeStamping, "tsa").certificate;
    let anchors = any(&[&root.certificate]);
    find_path(&tsa, &[], &anchors, AT, Usage::TimeStamping).unwrap();
    let error = find_path(&tsa, &[], &anchors, AT, Usage::Signing).unwrap_err();
    let expected = oid::EXTENDED_KEY_USAGE;
    assert!(matches!(error, ChainError::UnknownCriticalExtension { extension, .. } if extension == expected));
    // Not critical, or with another purpose beside it, it isn't a time stamping authority's.
    let purposes = |critical, purposes: &[ObjectIdentifier]| {
        let value = OctetString::new(purposes.to_vec().to_der().unwrap()).unwrap();
        let change = |tbs: &mut any_certificate::TbsCertificate<'_>| {
            let extensions = tbs.extensions.as_mut().unwrap();
            let found = extensions.iter_mut().find(|one| one.extn_id == oid::EXTENDED_KEY_USAGE).unwrap();
            (found.critical, found.extn_value) = (critical, value);
        };
        let changed = root.reissue(&tsa, change).unwrap();
        find_path(&changed, &[], &anchors, AT, Usage::TimeStamping)
    };
    purposes(true, &[oid::TIME_STAMPING]).unwrap();
    assert!(purposes(false, &[oid::TIME_STAMPING]).is_err());
    assert!(purposes(true, &[oid::TIME_STAMPING, oid::OCSP_SIGNING]).is_err());
}
