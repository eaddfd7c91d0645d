use std::os::unix::fs::PermissionsExt;

use super::*;

const RIGHT: &str = "271828";

fn store(folder: &Path) -> KeyStore {
    KeyStore::open(folder, KdfParameters::new(8, 1).unwrap()).unwrap()
}

fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

fn requested() -> KeyState {
    KeyState::Requested {
        broker: "http://broker.example".into(),
        code_sm3: Sm3Hex::of(b"code"),
        enrolment: b"enrolment".as_slice().into(),
        signature: b"signature".as_slice().into(),
    }
}

fn with_key(folder: &Path) -> KeyName {
    store(folder).add(sm2::PrivateKey::generate().unwrap(), requested(), &pin(RIGHT)).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
}

#[test]
fn the_right_pin_opens_the_key_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let name = store(folder.path()).add(key.clone(), requested(), &pin(RIGHT)).unwrap();
    let opened = store(folder.path()).unlock(&name, &pin(RIGHT), at(0)).unwrap();
    assert_eq!(*opened.signing().to_bytes(), *key.to_bytes());
}

#[test]
fn wrong_pins_are_counted_over_a_reopen_until_the_key_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let name = with_key(folder.path());
    let mut time = 0;
    for (delay, left) in [(0, 4), (0, 3), (1, 2), (2, 1)] {
        time += delay;
        let error = store(folder.path()).unlock(&name, &pin("000000"), at(time)).unwrap_err();
        assert!(matches!(error, StoreError::WrongPin { left: found } if found == left), "{error}");
    }
    let wait = store(folder.path()).unlock(&name, &pin(RIGHT), at(time)).unwrap_err();
    assert!(matches!(wait, StoreError::Wait { seconds: 4 }), "{wait}");
    assert!(matches!(
        store(folder.path()).unlock(&name, &pin("000000"), at(time + 4)),
        Err(StoreError::Locked)
    ));
    assert!(matches!(
        store(folder.path()).unlock(&name, &pin(RIGHT), at(time + 9999)),
        Err(StoreError::Locked)
    ));
    assert_eq!(store(folder.path()).keys().unwrap()[0].tries_left, 0);
}

#[test]
fn the_right_pin_clears_the_count() {
    let folder = tempfile::tempdir().unwrap();
    let name = with_key(folder.path());
    assert!(store(folder.path()).unlock(&name, &pin("000000"), at(0)).is_err());
    store(folder.path()).unlock(&name, &pin(RIGHT), at(1)).unwrap();
    assert_eq!(store(folder.path()).keys().unwrap()[0].tries_left, MOST_WRONG_TRIES);
}

#[test]
fn a_file_that_was_altered_is_refused_before_the_pin() {
    let folder = tempfile::tempdir().unwrap();
    let name = with_key(folder.path());
    assert!(store(folder.path()).unlock(&name, &pin("000000"), at(0)).is_err());
    let path = folder.path().join(name.file());
    let text = fs::read_to_string(&path).unwrap();
    let fewer_tries = text.replace("\"wrong\": 1", "\"wrong\": 0");
    assert_ne!(fewer_tries, text);
    for altered in [fewer_tries, text.replace("broker.example", "broker.invalid")] {
        fs::write(&path, altered).unwrap();
        let error = store(folder.path()).unlock(&name, &pin(RIGHT), at(9)).unwrap_err();
        assert!(matches!(error, StoreError::Altered), "{error}");
    }
}

#[test]
fn a_file_of_another_phone_is_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = with_key(one.path());
    let store = store(other.path());
    fs::copy(one.path().join(name.file()), other.path().join(name.file())).unwrap();
    assert!(matches!(store.keys(), Err(StoreError::Altered)));
}

#[test]
fn equal_pins_seal_under_different_keys() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let keys = [(); 2].map(|()| sm2::PrivateKey::generate().unwrap());
    let names = keys.map(|key| store.add(key, requested(), &pin(RIGHT)).unwrap());
    let [one, mut other] = names.clone().map(|name| store.read(&name).unwrap());
    let context = one.key.context().unwrap();
    assert!(one.sealed_keys.open(&pin(RIGHT), &context).unwrap().is_some());
    let salt_of = |content: &Content| serde_json::to_value(&content.sealed_keys).unwrap()["salt"].clone();
    assert_ne!(salt_of(&one), salt_of(&other));
    let mut mixed = serde_json::to_value(&other.sealed_keys).unwrap();
    mixed["salt"] = salt_of(&one);
    other.sealed_keys = serde_json::from_value(mixed).unwrap();
    assert!(other.sealed_keys.open(&pin(RIGHT), &context).unwrap().is_none());
}

#[test]
fn the_folder_and_its_files_are_their_owners_only() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("phone");
    let name = with_key(&inside);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inside), 0o700);
    for file in [name.file().as_str(), DEVICE_KEY] {
        assert_eq!(mode(&inside.join(file)), 0o600, "{file}");
    }
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(KeyStore::open(&inside, KdfParameters::default()), Err(StoreError::Io { .. })));
}
