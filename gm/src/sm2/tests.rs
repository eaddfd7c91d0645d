use der::Encode;
use elliptic_curve::{PrimeField, ops::Reduce, point::AffineCoordinates};
use proptest::prelude::*;

use super::*;
use crate::{Error, oid, sm3};

const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
const P: &str = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";

fn bytes<const L: usize>(hexadecimal: &str) -> [u8; L] {
    hex::decode(hexadecimal).unwrap().try_into().unwrap()
}

/// The key of the examples in GB/T 32918.5, annexes A and C.
fn example_key() -> PrivateKey {
    PrivateKey::from_bytes(&bytes("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
        .unwrap()
}

const EXAMPLE_K: &str = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";

fn example_signature() -> Signature {
    Signature::from_raw(bytes(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3\
         b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    ))
    .unwrap()
}

/// SEQUENCE of two INTEGERs with exactly these contents.
fn two_integers(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut body = vec![2, first.len() as u8];
    body.extend(first);
    body.extend([2, second.len() as u8]);
    body.extend(second);
    [&[0x30, body.len() as u8], body.as_slice()].concat()
}

fn positive(hexadecimal: &str) -> Vec<u8> {
    [vec![0], hex::decode(hexadecimal).unwrap()].concat()
}

#[test]
fn the_signature_of_gb_t_32918_5_annex_a_is_made_and_verified() {
    let key = example_key();
    assert_eq!(
        hex::encode(key.public_key().to_sec1()),
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
         ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    );
    assert_eq!(
        key.public_key().z(DEFAULT_ID).unwrap().to_string(),
        "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    );
    let e = key.public_key().message_digest(b"message digest");
    assert_eq!(e.to_string(), "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
    assert_eq!(key.sign_with_k(&e, &bytes(EXAMPLE_K)).unwrap(), example_signature());
    key.public_key().verify(b"message digest", &example_signature()).unwrap();
}

#[test]
fn the_ciphertext_of_gb_t_32918_5_annex_c_is_made_and_opened() {
    let key = example_key();
    let ciphertext = key.public_key().encrypt_with_k(b"encryption standard", &bytes(EXAMPLE_K)).unwrap();
    assert_eq!(
        hex::encode(ciphertext.encode(CiphertextFormat::C1C3C2 { prefix: true }).unwrap()),
        "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73\
         e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0\
         59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766\
         21886ca989ca9c7d58087307ca93092d651efa"
    );
    assert_eq!(*key.decrypt(&ciphertext).unwrap(), b"encryption standard");
}

#[test]
fn a_signature_verifies_only_its_message_key_and_id() {
    let (key, other) = (example_key(), PrivateKey::generate().unwrap());
    let signature = key.sign(b"message").unwrap();
    let public = key.public_key();
    public.verify(b"message", &signature).unwrap();
    public.verify_with_id(DEFAULT_ID, b"message", &signature).unwrap();
    assert!(matches!(public.verify(b"massage", &signature), Err(Error::Signature)));
    assert!(matches!(other.public_key().verify(b"message", &signature), Err(Error::Signature)));
    assert!(matches!(public.verify_with_id(b"", b"message", &signature), Err(Error::Signature)));
    let swapped = signature.to_raw();
    let swapped = Signature::from_raw([&swapped[32..], &swapped[..32]].concat().try_into().unwrap()).unwrap();
    assert!(matches!(public.verify(b"message", &swapped), Err(Error::Signature)));
}

#[test]
fn a_signature_whose_r_and_s_add_up_to_n_is_refused() {
    // t = r + s = 0 takes the public key out of the equation: with e = r - x([s]G), anyone could make it hold.
    let s = sm2::Scalar::from(7u64);
    let x = sm2::Scalar::reduce(&(sm2::ProjectivePoint::GENERATOR * s).to_affine().x());
    let e = sm3::Digest::new((-s - x).to_repr().into());
    let signature = Signature::from_scalars(&-s, &s).unwrap();
    assert!(matches!(example_key().public_key().verify_digest(&e, &signature), Err(Error::Signature)));
}

#[test]
fn two_signatures_of_one_message_differ() {
    let key = example_key();
    assert_ne!(key.sign(b"m").unwrap(), key.sign(b"m").unwrap());
}

#[test]
fn an_id_longer_than_its_length_field_is_refused() {
    let key = example_key();
    let signature = key.sign_with_id(&[b'a'; 8191], b"m").unwrap();
    key.public_key().verify_with_id(&[b'a'; 8191], b"m", &signature).unwrap();
    assert!(matches!(key.sign_with_id(&[b'a'; 8192], b"m"), Err(Error::SignerId { length: 8192 })));
}

#[test]
fn r_and_s_outside_1_to_n_minus_1_are_refused() {
    let one = [1];
    for (r, s, name) in [
        (vec![0], one.to_vec(), "r"),
        (one.to_vec(), vec![0], "s"),
        (positive(N), one.to_vec(), "r"),
        (one.to_vec(), positive(N), "s"),
        (positive(&"ff".repeat(32)), one.to_vec(), "r"),
        ([vec![1], vec![0; 32]].concat(), one.to_vec(), "r"),
    ] {
        let error = Signature::from_der(&two_integers(&r, &s)).unwrap_err();
        assert!(matches!(error, Error::Scalar { name: n } if n == name), "{error}");
    }
    let last = positive(&N.replace("4123", "4122"));
    Signature::from_der(&two_integers(&last, &last)).unwrap();
    assert!(matches!(Signature::from_raw([0; 64]), Err(Error::Scalar { name: "r" })));
}

#[test]
fn a_signature_in_anything_but_der_is_refused() {
    let good = example_signature().to_der().unwrap();
    assert_eq!(good.len(), 72);
    assert!(Signature::from_der(&[&good, [0].as_slice()].concat()).is_err(), "trailing byte");
    assert!(Signature::from_der(&good[..71]).is_err(), "cut");
    let long_length = [&[0x30, 0x81, good[1]], &good[2..]].concat();
    assert!(Signature::from_der(&long_length).is_err(), "length in long form");
    let indefinite = [&[0x30, 0x80], &good[2..], &[0, 0]].concat();
    assert!(Signature::from_der(&indefinite).is_err(), "indefinite length");
    assert!(Signature::from_der(&two_integers(&[0, 1], &[1])).is_err(), "padded integer");
    assert!(Signature::from_der(&two_integers(&[0xff], &[1])).is_err(), "negative integer");
    let third = [&[0x30, 9], &two_integers(&[1], &[1])[2..], &[2, 1, 1]].concat();
    assert!(Signature::from_der(&third).is_err(), "third integer");
    assert!(Signature::from_der(&[]).is_err());
}

#[test]
fn a_private_key_outside_1_to_n_minus_2_is_refused() {
    for out_of_range in [&"00".repeat(32), N, &N.replace("4123", "4122"), &"ff".repeat(32)] {
        assert!(matches!(PrivateKey::from_bytes(&bytes(out_of_range)), Err(Error::Scalar { .. })));
    }
    let last = PrivateKey::from_bytes(&bytes(&N.replace("4123", "4121"))).unwrap();
    last.public_key().verify(b"m", &last.sign(b"m").unwrap()).unwrap();
}

#[test]
fn a_private_key_does_not_show_itself() {
    let shown = format!("{:?}", example_key());
    assert!(!shown.contains("3945208f") && shown.contains("09f9df31"), "{shown}");
}

#[test]
fn points_off_the_curve_infinity_and_coordinates_beyond_the_field_are_refused() {
    let good = example_key().public_key().to_sec1();
    let mut off = good;
    off[64] ^= 1;
    let beyond = [&[4], bytes::<32>(P).as_slice(), &good[33..]].concat();
    // x = 0 lies on the curve, so x = p is the same point written another way
    let zero_as_p = [&[2], bytes::<32>(P).as_slice()].concat();
    for bad in [off.as_slice(), &[0], &[4; 65], &beyond, &zero_as_p, &[&[4], [0; 64].as_slice()].concat()] {
        assert!(matches!(PublicKey::from_sec1(bad), Err(Error::Point { .. })), "{}", hex::encode(bad));
    }
    for bad in [&good[..64], &good[1..], &[], &[2; 65], &[6; 65], &[&good, [0].as_slice()].concat()] {
        assert!(matches!(PublicKey::from_sec1(bad), Err(Error::Length { .. })), "{}", hex::encode(bad));
    }
}

#[test]
fn a_compressed_point_is_the_same_key() {
    let key = example_key();
    let uncompressed = key.public_key().to_sec1();
    let compressed = [&[2 + (uncompressed[64] & 1)], &uncompressed[1..33]].concat();
    assert_eq!(PublicKey::from_sec1(&compressed).unwrap(), *key.public_key());
}

#[test]
fn a_subject_public_key_info_of_another_curve_or_algorithm_is_refused() {
    let der = example_key().public_key().to_spki_der().unwrap();
    assert_eq!(PublicKey::from_spki_der(&der).unwrap(), *example_key().public_key());
    let replaced = |from: &[u8], to: &[u8]| {
        let at = der.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = der.clone();
        changed.splice(at..at + from.len(), to.iter().copied());
        changed
    };
    let sm2 = oid::SM2_CURVE.to_der().unwrap();
    let p256 = const_oid::ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7").to_der().unwrap();
    assert_eq!(sm2.len(), p256.len());
    assert!(matches!(PublicKey::from_spki_der(&replaced(&sm2, &p256)), Err(Error::Curve { .. })));
    let ec = oid::EC_PUBLIC_KEY.to_der().unwrap();
    let dh = const_oid::ObjectIdentifier::new_unwrap("1.2.840.10046.2.1").to_der().unwrap();
    assert!(matches!(PublicKey::from_spki_der(&replaced(&ec, &dh)), Err(Error::Algorithm { .. })));
    assert!(PublicKey::from_spki_der(&[der.as_slice(), &[0]].concat()).is_err());
    // unused bits in the key
    assert!(PublicKey::from_spki_der(&replaced(&[3, 66, 0, 4], &[3, 66, 4, 4])).is_err());
}

#[test]
fn pem_reads_back_and_another_label_is_refused() {
    let key = PrivateKey::generate().unwrap();
    let public = key.public_key().to_pem().unwrap();
    assert_eq!(PublicKey::from_pem(&public).unwrap(), *key.public_key());
    let private = key.to_pkcs8_pem().unwrap();
    assert_eq!(PrivateKey::from_pkcs8_pem(&private).unwrap().to_bytes(), key.to_bytes());
    assert_eq!(PrivateKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap().to_bytes(), key.to_bytes());
    assert!(PublicKey::from_pem(&private).is_err());
    assert!(PrivateKey::from_pkcs8_pem(&public).is_err());
    let trailing = [key.to_pkcs8_der().unwrap().as_slice(), &[0]].concat();
    assert!(PrivateKey::from_pkcs8_der(&trailing).is_err());
}

#[test]
fn a_pkcs8_key_with_another_keys_public_key_is_refused() {
    let (key, other) = (example_key(), PrivateKey::generate().unwrap());
    let mut der = key.to_pkcs8_der().unwrap();
    let at = der.len() - 64;
    der[at..].copy_from_slice(&other.public_key().to_sec1()[1..]);
    assert!(PrivateKey::from_pkcs8_der(&der).is_err());
}

#[test]
fn precomputing_changes_no_answer() {
    let key = example_key();
    key.public_key().precompute();
    key.public_key().verify(b"message digest", &example_signature()).unwrap();
    assert!(key.public_key().verify(b"message digest.", &example_signature()).is_err());
    for length in 0..20 {
        let message = vec![7; length];
        key.public_key().verify(&message, &key.sign(&message).unwrap()).unwrap();
    }
}

#[test]
fn an_empty_message_is_not_encrypted_and_an_empty_ciphertext_not_read() {
    let key = example_key();
    assert!(matches!(key.public_key().encrypt(b""), Err(Error::EmptyMessage)));
    let ciphertext = key.public_key().encrypt(b"m").unwrap();
    let raw = ciphertext.encode(CiphertextFormat::C1C3C2 { prefix: false }).unwrap();
    let format = CiphertextFormat::C1C3C2 { prefix: false };
    assert!(matches!(Ciphertext::parse(format, &raw[..96]), Err(Error::Length { found: 96, .. })));
    let mut der = ciphertext.to_der().unwrap();
    der.pop();
    let last = der.len() - 1;
    der[last] = 0;
    der[1] -= 1;
    assert!(matches!(Ciphertext::from_der(&der), Err(Error::Invalid { .. })));
}

#[test]
fn a_key_stream_of_zeros_is_neither_used_nor_taken() {
    // For a message of one byte, one k in 256 gives it.
    let key = example_key();
    let all_k = (1u64..5_000).map(|k| bytes::<32>(&format!("{k:064x}")));
    let k = all_k.into_iter().find(|k| key.public_key().encrypt_with_k(b"m", k).is_none()).unwrap();
    let scalar: sm2::Scalar = PrimeField::from_repr(k.into()).unwrap();
    let affine = |point: sm2::ProjectivePoint| PublicKey::from_affine(point.to_affine()).unwrap();
    let shared = affine(key.public_key().point() * scalar).to_sec1();
    let ciphertext = Ciphertext {
        point: affine(sm2::ProjectivePoint::GENERATOR * scalar),
        hash: sm3::digest(&[&shared[1..33], b"m", &shared[33..]].concat()),
        ciphertext: b"m".to_vec(),
    };
    assert!(matches!(key.decrypt(&ciphertext), Err(Error::Decryption)));
}

#[test]
fn a_changed_ciphertext_does_not_open() {
    let key = example_key();
    let format = CiphertextFormat::C1C3C2 { prefix: true };
    let raw = key.public_key().encrypt(b"content key 0123").unwrap().encode(format).unwrap();
    for at in 65..raw.len() {
        let mut changed = raw.clone();
        changed[at] ^= 1;
        let ciphertext = Ciphertext::parse(format, &changed).unwrap();
        assert!(matches!(key.decrypt(&ciphertext), Err(Error::Decryption)), "byte {at}");
    }
    let mut off_curve = raw.clone();
    off_curve[64] ^= 1;
    assert!(matches!(Ciphertext::parse(format, &off_curve), Err(Error::Point { .. })));
    let other = PrivateKey::generate().unwrap();
    assert!(matches!(other.decrypt(&Ciphertext::parse(format, &raw).unwrap()), Err(Error::Decryption)));
}

#[test]
fn a_ciphertext_is_read_only_in_the_format_that_was_named() {
    let key = example_key();
    let ciphertext = key.public_key().encrypt(b"content key").unwrap();
    let raw = |format| ciphertext.encode(format).unwrap();
    let with = CiphertextFormat::C1C3C2 { prefix: true };
    let without = CiphertextFormat::C1C3C2 { prefix: false };
    assert!(Ciphertext::parse(without, &raw(with)).is_err());
    assert!(Ciphertext::parse(with, &raw(without)).is_err());
    assert!(Ciphertext::parse(CiphertextFormat::Asn1, &raw(with)).is_err());
    assert!(Ciphertext::parse(with, &raw(CiphertextFormat::Asn1)).is_err());
    // The orders can't be told apart by looking: the wrong one parses, and does not open.
    let wrong = Ciphertext::parse(CiphertextFormat::C1C2C3 { prefix: true }, &raw(with)).unwrap();
    assert!(matches!(key.decrypt(&wrong), Err(Error::Decryption)));
    let der = raw(CiphertextFormat::Asn1);
    assert!(Ciphertext::from_der(&[der.as_slice(), &[0]].concat()).is_err());
}

fn formats() -> impl Strategy<Value = CiphertextFormat> {
    (0..3, any::<bool>()).prop_map(|(order, prefix)| match order {
        0 => CiphertextFormat::Asn1,
        1 => CiphertextFormat::C1C3C2 { prefix },
        _ => CiphertextFormat::C1C2C3 { prefix },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keys_sign_encrypt_and_read_back(seed in 1u128.., message in proptest::collection::vec(any::<u8>(), 1..100)) {
        let key = PrivateKey::from_bytes(&bytes(&format!("{seed:064x}"))).unwrap();
        let signature = key.sign(&message).unwrap();
        key.public_key().verify(&message, &signature).unwrap();
        prop_assert_eq!(Signature::from_der(&signature.to_der().unwrap()).unwrap(), signature);
        prop_assert_eq!(Signature::from_raw(signature.to_raw()).unwrap(), signature);
        let ciphertext = key.public_key().encrypt(&message).unwrap();
        prop_assert_eq!(&*key.decrypt(&ciphertext).unwrap(), &message);
    }

    #[test]
    fn every_format_reads_back(format in formats(), message in proptest::collection::vec(any::<u8>(), 1..70)) {
        let ciphertext = example_key().public_key().encrypt(&message).unwrap();
        let encoded = ciphertext.encode(format).unwrap();
        let parsed = Ciphertext::parse(format, &encoded).unwrap();
        prop_assert_eq!(&parsed, &ciphertext);
        prop_assert_eq!(parsed.encode(format).unwrap(), encoded);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_a_parser_and_what_parses_encodes_to_the_same(
        data: Vec<u8>,
        at: usize,
        with: u8,
        format in formats(),
    ) {
        // Random bytes seldom get past the first tag: also try good bytes with one changed.
        let key = example_key();
        let fixed_k = key.public_key().encrypt_with_k(b"message", &bytes(EXAMPLE_K)).unwrap();
        let changed = |mut bytes: Vec<u8>| {
            let at = at % bytes.len();
            bytes[at] = with;
            bytes
        };
        for bytes in [data.clone(), changed(example_signature().to_der().unwrap())] {
            if let Ok(signature) = Signature::from_der(&bytes) {
                prop_assert_eq!(signature.to_der().unwrap(), bytes);
            }
        }
        for bytes in [data.clone(), changed(key.public_key().to_spki_der().unwrap())] {
            if let Ok(key) = PublicKey::from_spki_der(&bytes) {
                prop_assert_eq!(key.to_spki_der().unwrap(), bytes);
            }
        }
        for bytes in [data.clone(), changed(fixed_k.encode(format).unwrap())] {
            if let Ok(ciphertext) = Ciphertext::parse(format, &bytes) {
                prop_assert_eq!(ciphertext.encode(format).unwrap(), bytes);
            }
        }
        let _ = PublicKey::from_sec1(&data);
        let _ = PrivateKey::from_pkcs8_der(&data);
        let _ = PrivateKey::from_pkcs8_der(&changed(key.to_pkcs8_der().unwrap().to_vec()));
        let _ = PublicKey::from_pem(&String::from_utf8_lossy(&data));
    }
}
