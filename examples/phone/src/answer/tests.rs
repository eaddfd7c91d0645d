use yinqiao_protocol::Base64;

use super::*;

fn wrapped(content_key: &[u8], key: &PublicKey) -> WrappedKey {
    WrappedKey {
        id: "bid".parse().unwrap(),
        name: "bid.pdf".into(),
        size: 1,
        wrapped_key: key.encrypt(content_key).unwrap().to_der().unwrap().into(),
        certificate_serial: "0a".into(),
    }
}

fn opened(value: &Base64, key: &PrivateKey) -> Vec<u8> {
    key.decrypt(&Ciphertext::from_der(value.as_slice()).unwrap()).unwrap().to_vec()
}

#[test]
fn a_content_key_is_wrapped_anew_for_the_one_time_key() {
    let [holder, one_time, other] = [(); 3].map(|()| PrivateKey::generate().unwrap());
    let item = wrapped(&[7; 16], holder.public_key());
    let value = rewrap(&item, &holder, one_time.public_key()).unwrap();
    assert_eq!(opened(&value, &one_time), [7; 16]);
    assert!(other.decrypt(&Ciphertext::from_der(value.as_slice()).unwrap()).is_err());
}

#[test]
fn another_key_or_one_of_another_length_did_not_open() {
    let [holder, one_time, other] = [(); 3].map(|()| PrivateKey::generate().unwrap());
    let item = wrapped(&[7; 16], holder.public_key());
    let long = wrapped(&[7; 17], holder.public_key());
    for (item, key) in [(&item, &other), (&long, &holder)] {
        let error = rewrap(item, key, one_time.public_key()).unwrap_err();
        assert!(matches!(error, PhoneError::KeyDidNotOpen { .. }), "{error}");
    }
}

#[test]
fn the_signature_over_opened_keys_binds_statement_and_keys() {
    let key = PrivateKey::generate().unwrap();
    let items = [ItemResponse { id: "bid".parse().unwrap(), value: b"one".as_slice().into() }];
    let signature = sign_opened_keys(&key, b"statement", &items).unwrap();
    let signature = yinqiao_gm::sm2::Signature::from_der(signature.as_slice()).unwrap();
    let list = |statement: &[u8], value: &[u8]| {
        let item = OpenedKey { id: "bid".parse().unwrap(), rewrapped_key_sm3: Sm3Hex::of(value) };
        OpenedKeys { statement_sm3: Sm3Hex::of(statement), items: vec![item] }.to_bytes().unwrap()
    };
    let verifies = |bytes: Vec<u8>| key.public_key().verify(&bytes, &signature).is_ok();
    assert!(verifies(list(b"statement", b"one")));
    assert!(!verifies(list(b"another", b"one")) && !verifies(list(b"statement", b"two")));
}
