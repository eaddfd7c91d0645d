//! The CA through its C functions, and what comes out of it checked by `yinqiao-gm`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{
    CertificateIdentity, CertificatePair, CertificateState, Der, Empty, Holder, HolderKind, IssueRequest,
    ListQuery, LookupQuery, LookupReply, RecoverKeyRequest, RenewRequest, RevocationReason, RevokeRequest,
    SealIdentity, SealIssueRequest, SealPicture, SealRevokeRequest, SealState, Serial, State, SuspendRequest,
    Validity,
};
use yinqiao_ca_sdk::{ErrorClass, LocalError, LocalHost, LocalInstance, Operation, Reply, Request};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{
    Certificate, CertificateRequest, CertificateRevocationList, DistinguishedName, KeyUsage, chain,
};

use crate::MASTER_KEY;

const SECRET: &[u8] = b"a master key of this test";
const IDENTITY_CODE: &str = "11010119900307447X";

fn host() -> LocalHost {
    host_with(SECRET)
}

#[allow(unsafe_code, reason = "the macro's function keeps the contract")]
fn host_with(secret: &[u8]) -> LocalHost {
    // SAFETY: the entry is the one that export_adapter! made.
    unsafe { LocalHost::load(crate::ca_adapter_get, &[(MASTER_KEY, secret)]) }.unwrap()
}

fn configuration(directory: &Path) -> Value {
    json!({"directory": directory, "name": "测试", "crl_url": "http://crl.example/ca.crl"})
}

fn csr(key: &sm2::PrivateKey) -> Der {
    let subject = DistinguishedName::builder().common_name("whatever").build().unwrap();
    CertificateRequest::build(&subject, key).unwrap().der().to_vec().into()
}

fn person() -> Holder {
    Holder {
        kind: HolderKind::Person,
        name: "张三".into(),
        identity_code: Some(IDENTITY_CODE.into()),
        organization: Some("测试公司".into()),
        unified_social_credit_code: None,
    }
}

fn issue_request(key: &sm2::PrivateKey) -> Request {
    Request::Issue(IssueRequest { csr: csr(key), holder: person(), validity: None, product: None })
}

fn pair_of(reply: Reply) -> CertificatePair {
    let Reply::Pair(pair) = reply else { panic!("no pair: {reply:?}") };
    pair
}

fn certificate(der: &Der) -> Certificate {
    Certificate::from_der(der.as_bytes()).unwrap()
}

fn serial(der: &Der) -> Serial {
    Serial::from_octets(certificate(der).serial().as_bytes()).unwrap()
}

fn state(ca: &LocalInstance<'_>, serial: &Serial) -> CertificateState {
    let request = Request::Status(CertificateIdentity { serial: serial.clone() });
    let Reply::State(state) = ca.submit("", &request).unwrap() else { panic!() };
    state
}

fn crl(ca: &LocalInstance<'_>) -> (CertificateRevocationList, u64) {
    let Reply::Crl(reply) = ca.submit("", &Request::Crl(Empty {})).unwrap() else { panic!() };
    let number = u64::from_str_radix(&reply.number, 16).unwrap();
    (CertificateRevocationList::from_der(reply.crl.as_bytes()).unwrap(), number)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn revoke(serial: &Serial, reason: RevocationReason) -> Request {
    Request::Revoke(RevokeRequest { serial: serial.clone(), reason, pair: true })
}

fn suspend(serial: &Serial) -> SuspendRequest {
    SuspendRequest { serial: serial.clone(), pair: true }
}

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
fn an_encryption_key_is_recovered_for_another_signing_key_even_after_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    ca.submit("revoke", &revoke(&serial(&pair.signing_certificate), RevocationReason::Superseded)).unwrap();
    let phone = sm2::PrivateKey::generate().unwrap();
    let encryption_certificate = pair.encryption_certificate.unwrap();
    let request = RecoverKeyRequest { serial: serial(&encryption_certificate), csr: csr(&phone) };
    let Reply::RecoveredKey(recovered) = ca.submit("recover", &Request::RecoverKey(request)).unwrap() else {
        panic!()
    };
    let key = EnvelopedKey::from_der(recovered.enveloped_key.as_bytes()).unwrap().open(&phone).unwrap();
    assert_eq!(key.public_key(), certificate(&encryption_certificate).public_key());

    let request = RecoverKeyRequest { serial: serial(&pair.signing_certificate), csr: csr(&phone) };
    let error = ca.submit("recover-2", &Request::RecoverKey(request)).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
}

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

#[test]
fn a_seal_is_signed_by_the_maker_and_can_be_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let request = SealIssueRequest {
        kind: 1,
        name: "测试公章".into(),
        picture: SealPicture {
            format: "PNG".into(),
            data: vec![1, 2, 3].into(),
            width_mm: 40,
            height_mm: 40,
        },
        signers: vec![pair.signing_certificate.clone()],
        valid_from_ms: None,
        valid_until_ms: (now() as u64 + 1000) * 1000,
    };
    let issue = Request::SealIssue(request.clone());
    let Reply::Seal(issued) = ca.submit("seal", &issue).unwrap() else { panic!() };
    let Reply::Seal(again) = ca.submit("seal", &issue).unwrap() else { panic!() };
    assert_eq!(issued, again);
    let seal = SesSeal::from_der(issued.seal.as_bytes()).unwrap();
    seal.verify_maker_signature().unwrap();
    assert!(seal.signers().contains(&certificate(&pair.signing_certificate)));
    let anchors = [certificate(&pair.chain[1])];
    chain::verify(seal.maker(), &[certificate(&pair.chain[0])], &anchors, now() + 1, chain::Usage::Signing)
        .unwrap();

    let status = |id: &str| {
        let Reply::SealState(status) =
            ca.submit("", &Request::SealStatus(SealIdentity { seal_id: id.into() })).unwrap()
        else {
            panic!()
        };
        status.state
    };
    assert_eq!(status(&issued.seal_id), SealState::Valid);
    let revoke = SealRevokeRequest { seal_id: issued.seal_id.clone(), reason: "lost".into() };
    ca.submit("revoke-seal", &Request::SealRevoke(revoke)).unwrap();
    assert_eq!(status(&issued.seal_id), SealState::Revoked);
    assert_eq!(status("../authority"), SealState::Unknown);

    let nobody = Request::SealIssue(SealIssueRequest { signers: Vec::new(), ..request });
    assert_eq!(ca.submit("nobody", &nobody).unwrap_err().class(), Some(ErrorClass::Permanent));
}

#[test]
fn another_master_key_another_name_and_an_unknown_member_do_not_open() {
    let folder = tempfile::tempdir().unwrap();
    drop(host().open(&configuration(folder.path())).unwrap());
    let wrong = host_with(b"another master key, not ours");
    assert_eq!(wrong.open(&configuration(folder.path())).err().unwrap().class(), Some(ErrorClass::Unhealthy));
    for (member, value) in [("name", "别人"), ("directory", "relative"), ("password", "x")] {
        let mut changed = configuration(folder.path());
        changed[member] = value.into();
        assert_eq!(host().open(&changed).err().unwrap().class(), Some(ErrorClass::Permanent), "{member}");
    }
}

#[test]
fn no_private_key_and_no_master_key_lies_in_the_files_or_the_log_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&key)).unwrap());
    let enveloped = EnvelopedKey::from_der(pair.enveloped_key.unwrap().as_bytes()).unwrap();
    let escrowed = enveloped.open(&key).unwrap().to_bytes();
    let log = format!("{:?}", host.log());
    assert!(!log.contains(IDENTITY_CODE) && !log.contains("张三"));
    let mut content = log.into_bytes();
    for part in ["authority.json", "operations", "certificates"] {
        let path = folder.path().join(part);
        let files = if path.is_dir() {
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files {
            content.extend(std::fs::read(file).unwrap());
        }
    }
    let content = String::from_utf8(content).unwrap();
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(*escrowed);
    let secrets = [hex::encode(*escrowed), base64, String::from_utf8(SECRET.to_vec()).unwrap()];
    for secret in secrets {
        assert!(!content.contains(&secret));
    }
}

#[test]
fn what_it_does_not_offer_its_capabilities_say() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    for operation in [Operation::Ocsp, Operation::Timestamp] {
        assert_eq!(host.adapter().capabilities & operation.capability(), 0);
        let error = ca.submit_document("k", operation, br#"{"request": ""}"#).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::NotSupported));
    }
    assert!(matches!(ca.cancel("token"), Err(LocalError::Missing)));
    assert!(ca.health().unwrap().text.is_some());
}
