//! Issue, renewal, rekeying, lookup and list.

use super::*;

#[test]
fn a_pair_chains_to_the_root_and_its_encryption_key_opens_for_the_signing_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let pair = pair_of(ca.submit("order-1", &issue_request(&key)).unwrap());

    let signing = certificate(&pair.signing_certificate);
    let encryption = certificate(pair.encryption_certificate.as_ref().unwrap());
    let [issuing, root] = [certificate(&pair.chain[0]), certificate(&pair.chain[1])];
    for (leaf, usage) in [(&signing, chain::Usage::Signing), (&encryption, chain::Usage::Encryption)] {
        chain::verify(leaf, std::slice::from_ref(&issuing), std::slice::from_ref(&root), now() + 1, usage)
            .unwrap();
    }
    assert_eq!(signing.public_key(), key.public_key());
    assert_eq!(signing.common_name().as_deref(), Some("张三"));
    assert_eq!(signing.identity_code().unwrap().unwrap().number(), IDENTITY_CODE);
    assert_eq!(signing.crl_distribution_points().unwrap(), ["http://crl.example/ca.crl"]);
    assert!(!signing.key_usage().unwrap().intersects(KeyUsage::KEY_ENCIPHERMENT));

    let enveloped = EnvelopedKey::from_der(pair.enveloped_key.unwrap().as_bytes()).unwrap();
    assert_eq!(enveloped.open(&key).unwrap().public_key(), encryption.public_key());
    assert!(enveloped.open(&sm2::PrivateKey::generate().unwrap()).is_err());
}

#[test]
fn the_same_key_gives_the_same_octets_also_after_a_restart_and_another_request_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let key = sm2::PrivateKey::generate().unwrap();
    let document = issue_request(&key).to_json().unwrap();
    let first = {
        let ca = host.open(&configuration(folder.path())).unwrap();
        let first = ca.submit_document("order-1", Operation::Issue, &document).unwrap();
        assert_eq!(ca.submit_document("order-1", Operation::Issue, &document).unwrap(), first);
        first
    };
    let ca = host.open(&configuration(folder.path())).unwrap();
    assert_eq!(ca.submit_document("order-1", Operation::Issue, &document).unwrap(), first);
    let other = issue_request(&sm2::PrivateKey::generate().unwrap());
    assert_eq!(ca.submit("order-1", &other).unwrap_err().class(), Some(ErrorClass::Permanent));
    assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates.len(), 2);
}

#[test]
fn two_that_submit_under_one_key_at_once_get_one_pair() {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = configuration(folder.path());
    slow["issue_delay_ms"] = 30.into();
    // Made first, so that the threads meet at the issue.
    drop(host().open(&slow).unwrap());
    let document = issue_request(&sm2::PrivateKey::generate().unwrap()).to_json().unwrap();
    let replies: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let host = host();
                    let ca = host.open(&slow).unwrap();
                    ca.submit_document("order-1", Operation::Issue, &document).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(replies.iter().all(|reply| *reply == replies[0]));
}

#[test]
fn a_request_without_proof_of_possession_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let mut request = csr(&sm2::PrivateKey::generate().unwrap());
    // The last octet belongs to the signature.
    *request.0.last_mut().unwrap() ^= 1;
    let request = IssueRequest { csr: request, holder: person(), validity: None, product: None };
    let error = ca.submit("order-1", &Request::Issue(request)).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
    assert!(ca.list(&ListQuery::default()).unwrap().certificates.is_empty());
}

#[test]
fn a_validity_beyond_the_cas_own_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    for validity in [
        Validity { not_before_ms: Some(0), days: Some(1) },
        Validity { not_before_ms: Some(u64::MAX), days: Some(1) },
        Validity { not_before_ms: None, days: Some(0) },
        Validity { not_before_ms: None, days: Some(4000) },
    ] {
        let request =
            IssueRequest { csr: csr(&key), holder: person(), validity: Some(validity), product: None };
        let error = ca.submit("order-1", &Request::Issue(request)).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{validity:?}");
    }
}

#[test]
fn renewal_keeps_both_keys_and_rekeying_changes_both() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let (old_key, new_key) = (sm2::PrivateKey::generate().unwrap(), sm2::PrivateKey::generate().unwrap());
    let first = pair_of(ca.submit("issue", &issue_request(&old_key)).unwrap());
    let present = serial(&first.signing_certificate);
    let again = |key| RenewRequest { serial: present.clone(), csr: csr(key), validity: None };
    let encryption = |pair: &CertificatePair| certificate(pair.encryption_certificate.as_ref().unwrap());

    let renewed = pair_of(ca.submit("renew", &Request::Renew(again(&old_key))).unwrap());
    assert_ne!(serial(&renewed.signing_certificate), present);
    assert_eq!(encryption(&renewed).public_key(), encryption(&first).public_key());
    assert_eq!(
        certificate(&renewed.signing_certificate).subject(),
        certificate(&first.signing_certificate).subject()
    );
    let rekeyed = pair_of(ca.submit("rekey", &Request::Rekey(again(&new_key))).unwrap());
    assert_ne!(encryption(&rekeyed).public_key(), encryption(&first).public_key());

    for (key, request) in [("a", Request::Renew(again(&new_key))), ("b", Request::Rekey(again(&old_key)))] {
        assert_eq!(ca.submit(key, &request).unwrap_err().class(), Some(ErrorClass::Permanent));
    }
    ca.submit("revoke", &revoke(&present, RevocationReason::KeyCompromise)).unwrap();
    let error = ca.submit("c", &Request::Renew(again(&old_key))).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
}

#[test]
fn a_certificate_whose_record_was_never_stored_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let name = format!("{}.json", yinqiao_gm::sm3::digest(b"issue"));
    std::fs::remove_file(folder.path().join("operations").join(name)).unwrap();
    let ours = serial(&pair.signing_certificate);
    assert_eq!(state(&ca, &ours).state, State::Unknown);
    assert!(matches!(ca.lookup(&LookupQuery::Serial(ours)).unwrap(), LookupReply::Absent));
    assert!(ca.list(&ListQuery::default()).unwrap().certificates.is_empty());
}

#[test]
fn a_certificate_of_a_killed_attempt_stays_unknown_when_a_later_attempt_under_its_key_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    // As an attempt leaves it that was killed between the files of its certificates and the record.
    let file = |name: &str| folder.path().join("certificates").join(format!("{name}.json"));
    std::fs::copy(file(serial(&pair.signing_certificate).as_str()), file("0123")).unwrap();
    let orphan = Serial::try_from("0123".to_owned()).unwrap();
    assert_eq!(state(&ca, &orphan).state, State::Unknown);
    assert!(matches!(ca.lookup(&LookupQuery::Serial(orphan.clone())).unwrap(), LookupReply::Absent));
    assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates.len(), 2);
    let error = ca.submit("revoke", &revoke(&orphan, RevocationReason::Superseded)).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
}

#[test]
fn the_list_comes_in_pages_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    for number in 0..3 {
        ca.submit(&format!("order-{number}"), &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = ca.list(&ListQuery { cursor, limit: Some(4) }).unwrap();
        seen.extend(page.certificates.into_iter().map(|certificate| certificate.serial));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (6, &sorted));
}
