//! Revocation, suspension and their lists.

use yinqiao_gm::x509::AnyRevocationList;

use super::*;

#[test]
fn a_revocation_is_for_good_keeps_its_first_reason_and_stands_in_the_next_list() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let ours = serial(&pair.signing_certificate);
    let (before, first_number) = crl(&ca);
    assert!(before.entries().is_empty());
    assert_eq!(crl(&ca).1, first_number, "nothing changed, so the list is the same");

    ca.submit("revoke", &revoke(&ours, RevocationReason::KeyCompromise)).unwrap();
    ca.submit("again", &revoke(&ours, RevocationReason::Superseded)).unwrap();
    let now = state(&ca, &ours);
    assert_eq!((now.state, now.reason), (State::Revoked, Some(RevocationReason::KeyCompromise)));
    let (after, second_number) = crl(&ca);
    assert!(second_number > first_number);
    after.verify_signature(&certificate(&pair.chain[0])).unwrap();
    for der in [&pair.signing_certificate, pair.encryption_certificate.as_ref().unwrap()] {
        assert!(after.entry(certificate(der).serial()).is_some());
    }
    let error = ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
}

#[test]
fn a_suspension_can_end() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let ours = serial(&pair.signing_certificate);
    ca.submit("hold", &Request::Hold(suspend(&ours))).unwrap();
    assert_eq!(state(&ca, &ours).state, State::Held);
    assert_eq!(crl(&ca).0.entries().len(), 2);
    ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap();
    assert_eq!(state(&ca, &ours).state, State::Good);
    assert!(crl(&ca).0.entries().is_empty());
}

#[test]
fn a_change_of_state_that_a_kill_left_begun_is_finished_by_whoever_asks() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let ours = serial(&pair.signing_certificate);
    let request = revoke(&ours, RevocationReason::KeyCompromise);
    let key = LookupQuery::IdempotencyKey("revoke".to_owned().try_into().unwrap());
    assert!(matches!(ca.lookup(&key).unwrap(), LookupReply::Absent));
    ca.submit("revoke", &request).unwrap();

    // As it is when the process is killed after the record of the beginning.
    let name = format!("{}.json", yinqiao_gm::sm3::digest(b"revoke"));
    let path = folder.path().join("operations").join(name);
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record["begun"] = serde_json::from_slice(&request.to_json().unwrap()).unwrap();
    record["reply"] = Value::Null;
    std::fs::write(&path, record.to_string()).unwrap();
    std::fs::remove_file(folder.path().join("revocations").join(format!("{ours}.json"))).unwrap();

    assert_eq!(state(&ca, &ours).state, State::Good);
    assert!(matches!(ca.lookup(&key).unwrap(), LookupReply::Done { operation: Operation::Revoke, .. }));
    assert_eq!(state(&ca, &ours).state, State::Revoked);
}

/// The last delta list, from its file.
fn delta(directory: &Path) -> AnyRevocationList {
    let record: crate::record::CrlRecord =
        serde_json::from_slice(&std::fs::read(directory.join("crl.json")).unwrap()).unwrap();
    AnyRevocationList::from_der(record.delta.unwrap().crl.as_bytes()).unwrap()
}

#[test]
fn a_delta_list_says_what_was_held_revoked_and_released_since_its_base() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let members = json!({"delta_crl_hours": 1, "delta_crl_url": "http://crl.example/delta.crl"});
    let ca = host.open(&configured(folder.path(), members)).unwrap();
    let issue =
        |name: &str| pair_of(ca.submit(name, &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let (held, revoked) = (issue("one"), issue("two"));
    let issuing = certificate(&held.chain[0]);
    let [held_serial, revoked_serial] = [&held, &revoked].map(|pair| serial(&pair.signing_certificate));
    ca.submit("hold", &Request::Hold(suspend(&held_serial))).unwrap();
    let base = crl(&ca).0;
    let first = delta(folder.path());
    assert!(first.is_delta() && first.entries().is_empty(), "the base itself is up to date");
    assert_eq!(base.freshest_crl(), ["http://crl.example/delta.crl"]);

    ca.submit("unhold", &Request::Unhold(suspend(&held_serial))).unwrap();
    ca.submit("hold-2", &Request::Hold(suspend(&revoked_serial))).unwrap();
    let between = crl(&ca).0;
    ca.submit("revoke", &revoke(&revoked_serial, RevocationReason::KeyCompromise)).unwrap();
    crl(&ca);
    let latest = delta(folder.path());
    latest.verify_signature(issuing.as_any()).unwrap();
    assert_eq!(latest.base_number(), base.number());
    let reason = |serial: &Serial| latest.entry(&serial.as_str().parse().unwrap()).map(|entry| entry.reason);
    use yinqiao_gm::x509::RevocationReason::{KeyCompromise, RemoveFromCrl};
    assert_eq!((reason(&held_serial), reason(&revoked_serial)), (Some(RemoveFromCrl), Some(KeyCompromise)));
    for complete in [&base, &between] {
        let combined = complete.with_delta(&latest).unwrap();
        let status =
            |der: &Der| combined.status(certificate(der).as_any()).unwrap().map(|entry| entry.reason);
        assert_eq!(status(&held.signing_certificate), None);
        assert_eq!(status(&revoked.signing_certificate), Some(KeyCompromise));
    }
}

#[test]
fn a_certificate_that_is_held_and_released_between_two_bases_is_told_to_be_released() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configured(folder.path(), json!({"delta_crl_hours": 1}))).unwrap();
    let pair = pair_of(ca.submit("one", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let ours = serial(&pair.signing_certificate);
    assert!(crl(&ca).0.entries().is_empty());
    ca.submit("hold", &Request::Hold(suspend(&ours))).unwrap();
    let between = crl(&ca).0;
    ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap();
    crl(&ca);
    let latest = delta(folder.path());
    let combined = between.with_delta(&latest).unwrap();
    assert_eq!(combined.status(certificate(&pair.signing_certificate).as_any()).unwrap(), None);
}
