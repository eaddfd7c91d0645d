use proptest::prelude::*;

use super::*;
use crate::Error;

fn bytes<const N: usize>(hexadecimal: &str) -> [u8; N] {
    hex::decode(hexadecimal).unwrap().try_into().unwrap()
}

fn example_key() -> Key {
    Key::new(bytes("0123456789abcdeffedcba9876543210"))
}

#[test]
fn the_block_of_gb_t_32907_encrypts_as_printed_there_once_and_a_million_times() {
    let mut block: [u8; 16] = bytes("0123456789abcdeffedcba9876543210");
    ecb_encrypt_blocks(&example_key(), &mut block);
    assert_eq!(block, bytes("681edf34d206965e86b3e94f536e4246"));
    for _ in 1..1_000_000 {
        ecb_encrypt_blocks(&example_key(), &mut block);
    }
    assert_eq!(block, bytes("595298c7c6fd271f0402f804c33d3f66"));
    let mut block = bytes::<16>("681edf34d206965e86b3e94f536e4246");
    ecb_decrypt_blocks(&example_key(), &mut block);
    assert_eq!(block, bytes("0123456789abcdeffedcba9876543210"));
}

#[test]
fn gcm_of_rfc_8998_seals_and_opens_as_printed_there() {
    let nonce = bytes("00001234567800000000abcd");
    let aad = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
    let plaintext = [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa].map(|byte| [byte; 8]).concat();
    let sealed = gcm_seal(&example_key(), &nonce, &aad, &plaintext);
    assert_eq!(
        hex::encode(&sealed),
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
         d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d\
         83de3541e4c2b58177e065a9bf7b62ec"
    );
    assert_eq!(*gcm_open(&example_key(), &nonce, &aad, &sealed).unwrap(), plaintext);
}

#[test]
fn a_key_does_not_show_itself() {
    assert_eq!(format!("{:?}", example_key()), "sm4::Key(..)");
}

#[test]
fn every_wrong_padding_is_refused() {
    let (key, iv) = (example_key(), [7; 16]);
    for last in [0u8, 17, 0x80, 0xff] {
        let mut block = [last; 16];
        block.iter_mut().zip(iv).for_each(|(byte, iv)| *byte ^= iv);
        ecb_encrypt_blocks(&key, &mut block);
        assert!(matches!(cbc_decrypt(&key, &iv, &block), Err(Error::Padding)), "padding byte {last}");
    }
    // says three bytes of padding, has two
    let mut block = *b"0123456789abc\x04\x03\x03";
    block.iter_mut().zip(iv).for_each(|(byte, iv)| *byte ^= iv);
    ecb_encrypt_blocks(&key, &mut block);
    assert!(matches!(cbc_decrypt(&key, &iv, &block), Err(Error::Padding)));
}

#[test]
fn a_cut_cbc_ciphertext_is_refused() {
    let (key, iv) = (example_key(), [7; 16]);
    let ciphertext = cbc_encrypt(&key, &iv, &[20; 40]);
    for length in [0, 1, 15, 17, 47] {
        assert!(
            matches!(cbc_decrypt(&key, &iv, &ciphertext[..length]), Err(Error::Padding)),
            "{length} bytes"
        );
    }
    assert!(cbc_decrypt(&key, &iv, &ciphertext[..32]).is_err());
}

proptest! {
    #[test]
    fn cbc_in_pieces_is_cbc_of_the_whole(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
        key: [u8; 16],
        iv: [u8; 16],
    ) {
        let key = Key::new(key);
        let whole = pieces.concat();
        let mut ciphertext = Vec::new();
        let mut encryptor = CbcEncryptor::new(&key, &iv);
        pieces.iter().for_each(|piece| encryptor.update(piece, &mut ciphertext));
        prop_assert!(ciphertext.len() <= whole.len() && whole.len() - ciphertext.len() < 16);
        encryptor.finish(&mut ciphertext);
        prop_assert_eq!(&ciphertext, &cbc_encrypt(&key, &iv, &whole));
        prop_assert_eq!(ciphertext.len(), whole.len() / 16 * 16 + 16);

        let mut plaintext = Vec::new();
        let mut decryptor = CbcDecryptor::new(&key, &iv);
        let mut rest = ciphertext.as_slice();
        for piece in &pieces {
            let (now, later) = rest.split_at(piece.len().min(rest.len()));
            decryptor.update(now, &mut plaintext);
            rest = later;
        }
        decryptor.update(rest, &mut plaintext);
        decryptor.finish(&mut plaintext).unwrap();
        prop_assert_eq!(&plaintext, &whole);
        prop_assert_eq!(&*cbc_decrypt(&key, &iv, &ciphertext).unwrap(), &whole);
    }

    #[test]
    fn gcm_opens_what_it_sealed_and_nothing_else(
        key: [u8; 16], nonce: [u8; 12], aad: Vec<u8>, plaintext: Vec<u8>, flip: usize,
    ) {
        let key = Key::new(key);
        let mut sealed = gcm_seal(&key, &nonce, &aad, &plaintext);
        prop_assert_eq!(&*gcm_open(&key, &nonce, &aad, &sealed).unwrap(), &plaintext);
        let other_aad = [aad.as_slice(), &[0]].concat();
        prop_assert!(gcm_open(&key, &nonce, &other_aad, &sealed).is_err());
        let bit = flip % (sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(matches!(gcm_open(&key, &nonce, &aad, &sealed), Err(Error::Authentication)));
    }

    #[test]
    fn no_bytes_panic_the_decryptors(data: Vec<u8>) {
        let _ = cbc_decrypt(&example_key(), &[0; 16], &data);
        let _ = gcm_open(&example_key(), &[0; 12], b"", &data);
    }
}
