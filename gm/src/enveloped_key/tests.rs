use proptest::prelude::*;

use super::*;
use crate::sm2::PrivateKey;

fn with_plaintext(encryption: &PrivateKey, signing: &PrivateKey, plaintext: &[u8]) -> EnvelopedKey {
    let key = sm4::Key::generate().unwrap();
    let mut encrypted = plaintext.to_vec();
    sm4::ecb_encrypt_blocks(&key, &mut encrypted);
    EnvelopedKey {
        wrapped_key: signing.public_key().encrypt(key.as_bytes()).unwrap(),
        encrypted_private_key: encrypted,
        ..EnvelopedKey::wrap(encryption, signing.public_key()).unwrap()
    }
}

fn keys() -> (PrivateKey, PrivateKey) {
    (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap())
}

#[test]
fn a_wrapped_key_opens_with_the_signing_key_alone() {
    let (encryption, signing) = keys();
    let enveloped = EnvelopedKey::wrap(&encryption, signing.public_key()).unwrap();
    assert_eq!(enveloped.encrypted_private_key.len(), 32);
    let read = EnvelopedKey::from_der(&enveloped.to_der().unwrap()).unwrap();
    assert_eq!(read, enveloped);
    assert_eq!(read.open(&signing).unwrap().to_bytes(), encryption.to_bytes());
    assert!(matches!(read.open(&encryption), Err(Error::Decryption)));
}

#[test]
fn the_three_forms_of_the_private_key_are_taken() {
    let (encryption, signing) = keys();
    let d = encryption.to_bytes();
    for plaintext in [d.to_vec(), [&d[..], &[16; 16]].concat(), [&[0; 32], &d[..]].concat()] {
        let enveloped = with_plaintext(&encryption, &signing, &plaintext);
        let read = EnvelopedKey::from_der(&enveloped.to_der().unwrap()).unwrap();
        assert_eq!(read.open(&signing).unwrap().to_bytes(), d, "{} bytes", plaintext.len());
    }
    for plaintext in [[&d[..], &[15; 16]].concat(), [&[1; 32], &d[..]].concat(), [&d[..], &[0; 32]].concat()]
    {
        let enveloped = with_plaintext(&encryption, &signing, &plaintext);
        assert!(matches!(enveloped.open(&signing), Err(Error::KeyMismatch { .. })));
    }
}

#[test]
fn a_private_key_of_another_pair_is_refused() {
    let (encryption, signing) = keys();
    let enveloped = with_plaintext(&encryption, &signing, &*PrivateKey::generate().unwrap().to_bytes());
    assert!(matches!(enveloped.open(&signing), Err(Error::KeyMismatch { .. })));
    let zero = with_plaintext(&encryption, &signing, &[0; 32]);
    assert!(matches!(zero.open(&signing), Err(Error::KeyMismatch { .. })));
}

#[test]
fn bare_sm4_is_taken_and_another_mode_refused() {
    let (encryption, signing) = keys();
    for null in [true, false] {
        let bare = EnvelopedKey {
            algorithm: oid::SM4,
            null,
            ..EnvelopedKey::wrap(&encryption, signing.public_key()).unwrap()
        };
        let der = bare.to_der().unwrap();
        let read = EnvelopedKey::from_der(&der).unwrap();
        assert_eq!(read.to_der().unwrap(), der);
        read.open(&signing).unwrap();
    }
    let cbc = EnvelopedKey {
        algorithm: oid::SM4_CBC,
        ..EnvelopedKey::wrap(&encryption, signing.public_key()).unwrap()
    };
    assert!(matches!(EnvelopedKey::from_der(&cbc.to_der().unwrap()), Err(Error::Algorithm { .. })));
}

#[test]
fn bytes_after_the_end_other_sizes_and_points_off_the_curve_are_refused() {
    let (encryption, signing) = keys();
    let enveloped = EnvelopedKey::wrap(&encryption, signing.public_key()).unwrap();
    let der = enveloped.to_der().unwrap();
    assert!(EnvelopedKey::from_der(&[der.as_slice(), &[0]].concat()).is_err());
    let short = EnvelopedKey { encrypted_private_key: vec![0; 31], ..enveloped };
    assert!(matches!(EnvelopedKey::from_der(&short.to_der().unwrap()), Err(Error::Length { found: 31, .. })));
    let point = encryption.public_key().to_sec1();
    let at = der.windows(65).position(|window| window == point).unwrap();
    let mut off_curve = der.clone();
    off_curve[at + 64] ^= 1;
    assert!(matches!(EnvelopedKey::from_der(&off_curve), Err(Error::Point { .. })));
}

thread_local! {
    static EXAMPLE: Vec<u8> = {
        let (encryption, signing) = keys();
        EnvelopedKey::wrap(&encryption, signing.public_key()).unwrap().to_der().unwrap()
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_the_parser_and_what_parses_encodes_to_the_same(data: Vec<u8>, at: usize, with: u8) {
        let mut changed = EXAMPLE.with(Clone::clone);
        let at = at % changed.len();
        changed[at] = with;
        for bytes in [data, changed] {
            if let Ok(enveloped) = EnvelopedKey::from_der(&bytes) {
                prop_assert_eq!(enveloped.to_der().unwrap(), bytes);
            }
        }
    }
}
