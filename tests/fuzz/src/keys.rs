//! SM2 keys, ciphertexts, signatures and enveloped keys.

use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::{Ciphertext, CiphertextFormat, PublicKey, Signature};

use crate::pki::{PKI, key};

/// Reads the bytes as each of them.
pub fn read(bytes: &[u8]) -> bool {
    let recipient = &PKI.recipient.key;
    if let Ok(enveloped) = EnvelopedKey::from_der(bytes) {
        assert_eq!(enveloped.to_der().unwrap(), bytes);
        let _ = enveloped.open(recipient);
        return true;
    }
    if let Ok(ciphertext) = Ciphertext::from_der(bytes) {
        assert_eq!(ciphertext.to_der().unwrap(), bytes);
        let _ = recipient.decrypt(&ciphertext);
        return true;
    }
    if let Ok(signature) = Signature::from_der(bytes) {
        let _ = recipient.public_key().verify(b"message", &signature);
        return true;
    }
    if let Ok(public) = PublicKey::from_spki_der(bytes) {
        assert_eq!(public.to_spki_der().unwrap(), bytes);
        return true;
    }
    let raw = Ciphertext::parse(CiphertextFormat::C1C3C2 { prefix: true }, bytes);
    if let Ok(ciphertext) = &raw {
        let _ = recipient.decrypt(ciphertext);
    }
    raw.is_ok() || PublicKey::from_sec1(bytes).is_ok()
}

/// One of each.
pub fn seeds() -> Vec<Vec<u8>> {
    let recipient = &PKI.recipient.key;
    let ciphertext = recipient.public_key().encrypt(&[7; 16]).unwrap();
    vec![
        EnvelopedKey::wrap(&key(6), recipient.public_key()).unwrap().to_der().unwrap(),
        ciphertext.to_der().unwrap(),
        ciphertext.encode(CiphertextFormat::C1C3C2 { prefix: true }).unwrap(),
        PKI.signer.key.sign(b"message").unwrap().to_der().unwrap(),
        recipient.public_key().to_spki_der().unwrap(),
        recipient.public_key().to_sec1().to_vec(),
    ]
}
