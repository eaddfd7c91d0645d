//! What needs operators: seals, certificates of some profiles, the recovery of keys.

use std::fs;

use yinqiao_ca_sdk::messages::Cancellation;
use yinqiao_protocol::Base64;
use yinqiao_protocol::consent::{Consent, OperatorName};

use super::*;
use crate::record::{DecisionRecord, ReviewRecord};
use crate::review::{decision_name, matter, rejection_text};
use crate::store::{Folder, Store};

struct Operators(Vec<(OperatorName, sm2::PrivateKey)>);

impl Operators {
    fn new() -> Self {
        let operator = |name: &str| {
            (OperatorName::try_from(name.to_owned()).unwrap(), sm2::PrivateKey::generate().unwrap())
        };
        Self(vec![operator("一号"), operator("二号"), operator("三号")])
    }

    fn configuration(&self, directory: &Path) -> Value {
        let operators: Vec<Value> = self
            .0
            .iter()
            .map(|(name, key)| {
                let key = Base64(key.public_key().to_spki_der().unwrap());
                json!({"name": name, "public_key": key})
            })
            .collect();
        configured(
            directory,
            json!({
                "operators": operators,
                "seal_review": true,
                "profiles": [{"name": "reviewed", "review": true}],
            }),
        )
    }

    /// Decides as the command line does.
    fn decide(&self, directory: &Path, token: &str, operator: usize, reason: Option<&str>) {
        let (name, key) = &self.0[operator];
        self.decide_with(directory, token, name, key, reason);
    }

    fn decide_with(
        &self,
        directory: &Path,
        token: &str,
        name: &OperatorName,
        key: &sm2::PrivateKey,
        reason: Option<&str>,
    ) {
        let store = Store::open(directory).unwrap();
        let review: ReviewRecord = store.read(Folder::Reviews, token).unwrap().unwrap();
        let text = matter(&store, "测试", token, &review).unwrap().text;
        let text = reason.map_or(text.clone(), |reason| rejection_text(&text, reason));
        let consent = Consent::sign(&text, name.clone(), key).unwrap();
        let decision = DecisionRecord { consent, rejection: reason.map(str::to_owned), at_ms: 1 };
        store.replace(Folder::Decisions, &decision_name(token, name), &decision).unwrap();
    }
}

/// A certificate of a person, and a request to recover its encryption key for a new phone.
fn recovery(ca: &LocalInstance<'_>, phone: &sm2::PrivateKey) -> (CertificatePair, Request) {
    let issue = issue_request(&sm2::PrivateKey::generate().unwrap());
    let pair = pair_of(ca.submit("for-recovery", &issue).unwrap());
    let encryption = serial(pair.encryption_certificate.as_ref().unwrap());
    let request = RecoverKeyRequest { serial: encryption, csr: csr(phone) };
    (pair, Request::RecoverKey(request))
}

#[test]
fn without_enough_operators_no_key_is_recovered_and_the_answer_says_what_to_configure() {
    let alone = Operators(Operators::new().0.into_iter().take(1).collect());
    for operators in [Operators(Vec::new()), alone] {
        let folder = tempfile::tempdir().unwrap();
        let host = host();
        let members = operators.configuration(folder.path())["operators"].clone();
        let ca = host.open(&configured(folder.path(), json!({"operators": members}))).unwrap();
        let (_, request) = recovery(&ca, &sm2::PrivateKey::generate().unwrap());
        let error = ca.submit("recover", &request).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::NotSupported));
        let text = error.to_string();
        assert!(text.contains("2 operators") && text.contains("member operators"), "{text}");
        assert!(matches!(ca.lookup(&by_key("recover")).unwrap(), LookupReply::Absent));
    }
}

#[test]
fn a_key_is_recovered_once_two_operators_consent_also_after_a_restart_and_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let phone = sm2::PrivateKey::generate().unwrap();
    let (pair, request, token) = {
        let ca = host.open(&operators.configuration(folder.path())).unwrap();
        let (pair, request) = recovery(&ca, &phone);
        let token = pending(ca.submit("recover", &request));
        operators.decide(folder.path(), &token, 0, None);
        assert_eq!(pending(ca.submit("recover", &request)), token, "one consent is not enough");
        (pair, request, token)
    };
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let LookupReply::Pending { token: found } = ca.lookup(&by_key("recover")).unwrap() else { panic!() };
    assert_eq!(found, token);
    ca.submit("revoke", &revoke(&serial(&pair.signing_certificate), RevocationReason::Superseded)).unwrap();
    operators.decide(folder.path(), &token, 2, None);
    let Reply::RecoveredKey(recovered) = ca.submit("recover", &request).unwrap() else { panic!() };
    let key = EnvelopedKey::from_der(recovered.enveloped_key.as_bytes()).unwrap().open(&phone).unwrap();
    assert_eq!(key.public_key(), certificate(pair.encryption_certificate.as_ref().unwrap()).public_key());
    assert!(matches!(ca.lookup(&by_key("recover")).unwrap(), LookupReply::Done { .. }));
    assert_eq!(ca.submit("recover", &request).unwrap(), Reply::RecoveredKey(recovered));
    assert_eq!(ca.cancel(&token).unwrap(), Cancellation::Done);
    let record = fs::read_to_string(record_path(folder.path(), "recover")).unwrap();
    assert!(record.contains("一号") && record.contains("三号"), "the consents stay with the record");
}

#[test]
fn who_can_write_files_is_no_operator() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let (_, request) = recovery(&ca, &sm2::PrivateKey::generate().unwrap());
    let token = pending(ca.submit("recover", &request));

    // Other keys under the operators' names, also in the file for the command line to see.
    let strangers = Operators(
        operators.0.iter().map(|(name, _)| (name.clone(), sm2::PrivateKey::generate().unwrap())).collect(),
    );
    let roster = json!({
        "operators": strangers.configuration(folder.path())["operators"],
        "recovery_consents": 0,
    });
    fs::write(folder.path().join("operators.json"), roster.to_string()).unwrap();
    for operator in 0..3 {
        strangers.decide(folder.path(), &token, operator, None);
    }
    assert_eq!(pending(ca.submit("recover", &request)), token);
    strangers.decide(folder.path(), &token, 0, Some("no"));
    assert_eq!(pending(ca.submit("recover", &request)), token, "nor does it refuse");

    // One operator's consent, copied to another's name and to another request.
    operators.decide(folder.path(), &token, 0, None);
    let decision = |token: &str, operator: usize| {
        let name = decision_name(token, &operators.0[operator].0);
        folder.path().join("decisions").join(format!("{name}.json"))
    };
    fs::copy(decision(&token, 0), decision(&token, 1)).unwrap();
    assert_eq!(pending(ca.submit("recover", &request)), token);
    let second = pending(ca.submit("recover-2", &request));
    operators.decide(folder.path(), &second, 1, None);
    fs::copy(decision(&token, 0), decision(&second, 0)).unwrap();
    assert_eq!(pending(ca.submit("recover-2", &request)), second);
}

#[test]
fn a_request_that_was_changed_in_its_file_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let (_, request) = recovery(&ca, &sm2::PrivateKey::generate().unwrap());
    let token = pending(ca.submit("recover", &request));
    operators.decide(folder.path(), &token, 0, None);
    operators.decide(folder.path(), &token, 1, None);
    // For a key of the thief's, in both files that have the request in them.
    let Request::RecoverKey(theirs) = &request else { panic!() };
    let theirs = RecoverKeyRequest { csr: csr(&sm2::PrivateKey::generate().unwrap()), ..theirs.clone() };
    let theirs = Request::RecoverKey(theirs).to_json().unwrap();
    let replace = |path: &Path, old: &[u8], new: &[u8]| {
        let text = fs::read_to_string(path).unwrap();
        let changed = text.replace(str::from_utf8(old).unwrap(), str::from_utf8(new).unwrap());
        assert_ne!(changed, text);
        fs::write(path, changed).unwrap();
    };
    let ours = request.to_json().unwrap();
    replace(&folder.path().join("reviews").join(format!("{token}.json")), &ours, &theirs);
    let error = ca.submit("recover", &request).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Unhealthy), "{error}");
    let digest = |document: &[u8]| yinqiao_gm::sm3::digest(document).to_string().into_bytes();
    replace(&record_path(folder.path(), "recover"), &digest(&ours), &digest(&theirs));
    let error = ca.submit("recover", &request).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent), "{error}");
    let still = ca.submit_document("recover", Operation::RecoverKey, &theirs);
    assert!(matches!(still, Err(LocalError::Pending(_))), "the consents are to another text: {still:?}");
}

#[test]
fn a_refusal_ends_it_with_its_reason_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let request = Request::SealIssue(seal_request(vec![pair.signing_certificate]));
    let token = pending(ca.submit("seal", &request));
    operators.decide(folder.path(), &token, 0, None);
    operators.decide(folder.path(), &token, 1, Some("图片不清楚"));
    for _ in 0..2 {
        let error = ca.submit("seal", &request).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent));
        assert!(error.to_string().contains("图片不清楚"), "{error}");
        // Once it is told, the files of the decisions do not matter any more.
        fs::remove_dir_all(folder.path().join("decisions")).unwrap();
        fs::create_dir(folder.path().join("decisions")).unwrap();
    }
    assert!(matches!(ca.lookup(&by_key("seal")).unwrap(), LookupReply::Absent));
    assert_eq!(ca.cancel(&token).unwrap(), Cancellation::Cancelled);
}

#[test]
fn nobody_is_maker_and_checker() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    // The first operator is who shall use the seal.
    let pair = pair_of(ca.submit("issue", &issue_request(&operators.0[0].1)).unwrap());
    let request = Request::SealIssue(seal_request(vec![pair.signing_certificate]));
    let token = pending(ca.submit("seal", &request));
    operators.decide(folder.path(), &token, 0, None);
    assert_eq!(pending(ca.submit("seal", &request)), token);
    operators.decide(folder.path(), &token, 1, None);
    assert!(matches!(ca.submit("seal", &request).unwrap(), Reply::Seal(_)));

    // The second is who shall get the key.
    let (_, request) = recovery(&ca, &operators.0[1].1);
    let token = pending(ca.submit("recover", &request));
    operators.decide(folder.path(), &token, 1, None);
    operators.decide(folder.path(), &token, 2, None);
    assert_eq!(pending(ca.submit("recover", &request)), token);
}

#[test]
fn a_profile_with_review_issues_and_rekeys_with_consent_and_renews_without() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let product = Some("reviewed".to_owned());
    let issue = Request::Issue(IssueRequest { csr: csr(&key), holder: person(), validity: None, product });
    let token = pending(ca.submit("issue", &issue));
    assert!(ca.list(&ListQuery::default()).unwrap().certificates.is_empty());
    operators.decide(folder.path(), &token, 0, None);
    let pair = pair_of(ca.submit("issue", &issue).unwrap());
    assert_eq!(pair_of(ca.submit("issue", &issue).unwrap()), pair);
    assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates.len(), 2);

    let ours = serial(&pair.signing_certificate);
    let again = |key| RenewRequest { serial: ours.clone(), csr: csr(key), validity: None };
    pair_of(ca.submit("renew", &Request::Renew(again(&key))).unwrap());
    let rekey = Request::Rekey(again(&sm2::PrivateKey::generate().unwrap()));
    let token = pending(ca.submit("rekey", &rekey));
    // What was possible when it was asked for is not any more.
    operators.decide(folder.path(), &token, 0, None);
    ca.submit("revoke", &revoke(&ours, RevocationReason::Superseded)).unwrap();
    for _ in 0..2 {
        let error = ca.submit("rekey", &rekey).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{error}");
    }
}

#[test]
fn what_can_never_be_done_does_not_wait_for_operators() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let (pair, _) = recovery(&ca, &sm2::PrivateKey::generate().unwrap());
    let wrong = RecoverKeyRequest {
        serial: serial(&pair.signing_certificate),
        csr: csr(&sm2::PrivateKey::generate().unwrap()),
    };
    for (key, request) in [
        ("a", Request::SealIssue(seal_request(Vec::new()))),
        ("b", Request::RecoverKey(wrong)),
        ("c", Request::SealIssue(seal_request(vec![vec![1].into()]))),
    ] {
        assert_eq!(ca.submit(key, &request).unwrap_err().class(), Some(ErrorClass::Permanent), "{key}");
    }
    assert_eq!(fs::read_dir(folder.path().join("reviews")).unwrap().count(), 0);
}

#[test]
fn what_waits_can_be_withdrawn_and_expires() {
    let folder = tempfile::tempdir().unwrap();
    let (host, operators) = (host(), Operators::new());
    let ca = host.open(&operators.configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let request = Request::SealIssue(seal_request(vec![pair.signing_certificate]));
    let token = pending(ca.submit("withdrawn", &request));
    operators.decide(folder.path(), &token, 0, None);
    assert_eq!(ca.cancel(&token).unwrap(), Cancellation::Cancelled);
    let error = ca.submit("withdrawn", &request).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent), "{error}");
    for unknown in ["", "../authority", &"a".repeat(64)] {
        assert_eq!(ca.cancel(unknown).unwrap_err().class(), Some(ErrorClass::Permanent), "{unknown}");
    }

    let token = pending(ca.submit("late", &request));
    let path = folder.path().join("reviews").join(format!("{token}.json"));
    let text = fs::read_to_string(&path).unwrap();
    let review: Value = serde_json::from_str(&text).unwrap();
    let text = text.replace(&review["expires_at_ms"].to_string(), "1");
    fs::write(&path, text).unwrap();
    operators.decide(folder.path(), &token, 0, None);
    let error = ca.submit("late", &request).unwrap_err();
    assert!(error.to_string().contains("time for operators"), "{error}");
}
