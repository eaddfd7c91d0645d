//! What lies in the directory, and who can open it.

use super::*;

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
fn a_directory_of_the_version_before_opens_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let key = sm2::PrivateKey::generate().unwrap();
    let pair = {
        let ca = host.open(&configuration(folder.path())).unwrap();
        let pair = pair_of(ca.submit("issue", &issue_request(&key)).unwrap());
        ca.submit("hold", &Request::Hold(suspend(&serial(&pair.signing_certificate)))).unwrap();
        crl(&ca);
        pair
    };
    // That version knew none of these, and wrote its records with exactly the members named here.
    for file in ["vault.json", "ocsp.json", "timestamp.json", "operators.json"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    for part in ["reviews", "decisions"] {
        std::fs::remove_dir(folder.path().join(part)).unwrap();
    }
    let keep = |path: &Path, members: &[&str]| {
        let mut record: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let object = record.as_object_mut().unwrap();
        object.retain(|member, _| members.contains(&member.as_str()));
        assert_eq!(object.len(), members.len(), "{}", path.display());
        std::fs::write(path, record.to_string()).unwrap();
    };
    keep(&folder.path().join("authority.json"), &["name", "root", "issuing", "maker"]);
    let members =
        ["idempotency_key", "operation", "request_digest", "begun", "reply", "made", "escrow", "at_ms"];
    for key in ["issue", "hold"] {
        keep(&record_path(folder.path(), key), &members);
    }
    let members = ["number", "crl", "this_update_ms", "next_update_ms", "entries_digest"];
    keep(&folder.path().join("crl.json"), &members);

    let wrong = host_with(b"another master key, not ours");
    assert!(wrong.open(&configuration(folder.path())).is_err());
    assert!(!folder.path().join("vault.json").exists(), "a wrong master key is not taken for the right one");
    let ca = host.open(&configuration(folder.path())).unwrap();
    for file in ["vault.json", "ocsp.json", "timestamp.json", "operators.json"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    let ours = serial(&pair.signing_certificate);
    assert_eq!(state(&ca, &ours).state, State::Held);
    ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap();
    let LookupReply::Done { reply, .. } = ca.lookup(&by_key("issue")).unwrap() else { panic!() };
    assert_eq!(serde_json::from_str::<CertificatePair>(reply.get()).unwrap(), pair);
    let again = Request::Renew(RenewRequest { serial: ours, csr: csr(&key), validity: None });
    pair_of(ca.submit("renew", &again).unwrap());
    assert!(crl(&ca).0.entries().is_empty());
    assert!(ca.health().unwrap().text.is_some());
}
