//! Another master key.

use std::fs;

use zeroize::Zeroizing;

use super::*;
use crate::rekeying::{RekeyError, Rekeyed, rekey};
use crate::store::Store;
use crate::vault::Vault;

const NEW_SECRET: &[u8] = b"the next master key of this test";

fn vault(master: &[u8]) -> Vault {
    Vault::new(Zeroizing::new(master.to_vec())).unwrap()
}

#[test]
fn every_key_opens_under_the_new_master_key_and_none_under_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let (old_host, new_host) = (host(), host_with(NEW_SECRET));
    let ca = old_host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&key)).unwrap());
    let again = |serial| Request::Renew(RenewRequest { serial, csr: csr(&key), validity: None });
    let ours = serial(&pair.signing_certificate);
    let store = Store::open(folder.path()).unwrap();

    assert!(matches!(
        rekey(&store, &vault(NEW_SECRET), &vault(SECRET)),
        Ok(Rekeyed { encrypted_anew: 0, .. })
    ));
    let done = rekey(&store, &vault(SECRET), &vault(NEW_SECRET)).unwrap();
    assert_eq!(done, Rekeyed { encrypted_anew: 6, found_done: 0 });
    let again_done = rekey(&store, &vault(SECRET), &vault(NEW_SECRET)).unwrap();
    assert_eq!(again_done, Rekeyed { encrypted_anew: 0, found_done: 6 });

    // The instance that was opened before has a host with the old secret.
    let error = ca.submit("renew", &again(ours.clone())).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Authentication), "{error}");
    ca.submit("hold", &Request::Hold(suspend(&ours))).unwrap();
    ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap();
    drop(ca);
    let refused = old_host.open(&configuration(folder.path())).err().unwrap();
    assert_eq!(refused.class(), Some(ErrorClass::Unhealthy));
    let ca = new_host.open(&configuration(folder.path())).unwrap();
    let renewed = pair_of(ca.submit("renew", &again(ours)).unwrap());
    let enveloped = EnvelopedKey::from_der(renewed.enveloped_key.unwrap().as_bytes()).unwrap();
    let encryption = certificate(pair.encryption_certificate.as_ref().unwrap());
    assert_eq!(enveloped.open(&key).unwrap().public_key(), encryption.public_key());
}

#[test]
fn while_it_runs_or_is_interrupted_keys_wait_and_states_change() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let path = folder.path().join("vault.json");
    let before = fs::read(&path).unwrap();
    let mut record: Value = serde_json::from_slice(&before).unwrap();
    record["next_key_check"] = "00".into();
    fs::write(&path, record.to_string()).unwrap();

    let issue = issue_request(&sm2::PrivateKey::generate().unwrap());
    let error = ca.submit("issue-2", &issue).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Retryable), "{error}");
    assert!(error.to_string().contains("rekey-vault"), "{error}");
    ca.submit("revoke", &revoke(&serial(&pair.signing_certificate), RevocationReason::Superseded)).unwrap();
    assert!(host.open(&configuration(folder.path())).is_err());

    let store = Store::open(folder.path()).unwrap();
    let other = rekey(&store, &vault(SECRET), &vault(NEW_SECRET)).unwrap_err();
    assert!(matches!(other, RekeyError::Interrupted), "{other}");
    fs::write(&path, before).unwrap();
    ca.submit("issue-2", &issue).unwrap();
}

#[test]
fn wrong_and_equal_keys_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(host().open(&configuration(folder.path())).unwrap());
    let store = Store::open(folder.path()).unwrap();
    let wrong = vault(b"another master key, not ours");
    let new = vault(NEW_SECRET);
    assert!(matches!(rekey(&store, &wrong, &new).unwrap_err(), RekeyError::WrongOldKey));
    assert!(matches!(rekey(&store, &new, &new).unwrap_err(), RekeyError::Same));
    // In a directory of the version before, which has no such file.
    fs::remove_file(folder.path().join("vault.json")).unwrap();
    assert!(matches!(rekey(&store, &wrong, &new).unwrap_err(), RekeyError::WrongOldKey));
    assert!(!folder.path().join("vault.json").exists());
    drop(host().open(&configuration(folder.path())).unwrap());
}

#[test]
fn one_key_that_opens_under_neither_is_named_and_all_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let key = sm2::PrivateKey::generate().unwrap();
    let ca = host.open(&configuration(folder.path())).unwrap();
    ca.submit("one", &issue_request(&key)).unwrap();
    ca.submit("two", &issue_request(&key)).unwrap();
    let path = record_path(folder.path(), "two");
    let whole = fs::read(&path).unwrap();
    let mut record: Value = serde_json::from_slice(&whole).unwrap();
    record["escrow"] = "AAAA".into();
    fs::write(&path, record.to_string()).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let error = rekey(&store, &vault(SECRET), &vault(NEW_SECRET)).unwrap_err();
    assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    fs::write(&path, whole).unwrap();
    let done = rekey(&store, &vault(SECRET), &vault(NEW_SECRET)).unwrap();
    assert_eq!(done.encrypted_anew + done.found_done, 7);
}
