//! Revocation, suspension and their lists.

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
