//! Private keys at rest: SM4-GCM under keys derived from one master key.

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::{sm2, sm3, sm4};
use zeroize::Zeroizing;

/// The name of the host's secret that the files' keys are derived from: at least 16 octets of any kind.
pub const MASTER_KEY: &str = "softca.master_key";

const SHORTEST: usize = 16;
const LABEL: &[u8] = b"yinqiao-softca key encryption 1\0";
const CHECK_LABEL: &[u8] = b"yinqiao-softca key check 1\0";

/// Encrypts and decrypts private keys.
pub(crate) struct Vault {
    master: Zeroizing<Vec<u8>>,
}

/// An encrypted private key: nonce (12 octets) and SM4-GCM ciphertext with tag. The name it was sealed under is
/// authenticated with it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SealedKey(Der);

/// Tells master keys apart without giving one away: the first 16 octets of an HMAC-SM3 under it, in hexadecimal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KeyCheck(String);

impl Vault {
    pub(crate) fn new(master: Zeroizing<Vec<u8>>) -> Result<Self, AdapterError> {
        if master.len() < SHORTEST {
            let text =
                format!("the secret {MASTER_KEY} is too short: it must have at least {SHORTEST} octets");
            return Err(AdapterError::permanent(text));
        }
        Ok(Self { master })
    }

    /// What names the master key in a file.
    pub(crate) fn check(&self) -> KeyCheck {
        KeyCheck(hex::encode(&sm3::hmac(&self.master, &[CHECK_LABEL]).as_bytes()[..16]))
    }

    /// Encrypts a key. The SM4 key is derived for `name` alone, so a nonce would have to repeat within one name.
    pub(crate) fn seal(&self, name: &str, key: &sm2::PrivateKey) -> Result<SealedKey, AdapterError> {
        let mut nonce = [0; sm4::GCM_NONCE_LENGTH];
        getrandom::fill(&mut nonce)
            .map_err(|error| AdapterError::unhealthy(format!("no randomness: {error}")))?;
        let sealed = sm4::gcm_seal(&self.key_for(name), &nonce, name.as_bytes(), &*key.to_bytes());
        Ok(SealedKey([nonce.as_slice(), &sealed].concat().into()))
    }

    /// Decrypts a key that was sealed under `name`.
    pub(crate) fn open(&self, name: &str, sealed: &SealedKey) -> Result<sm2::PrivateKey, AdapterError> {
        let failed = || {
            let text =
                format!("the key {name} cannot be decrypted: wrong {MASTER_KEY}, or the file was changed");
            AdapterError::unhealthy(text)
        };
        let (nonce, sealed) = sealed.0.as_bytes().split_first_chunk().ok_or_else(failed)?;
        let key = sm4::gcm_open(&self.key_for(name), nonce, name.as_bytes(), sealed).map_err(|_| failed())?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| failed())?;
        sm2::PrivateKey::from_bytes(key).map_err(|_| failed())
    }

    fn key_for(&self, name: &str) -> sm4::Key {
        let derived = Zeroizing::new(sm3::hmac(&self.master, &[LABEL, name.as_bytes()]).to_bytes());
        let mut key = [0; sm4::KEY_LENGTH];
        key.copy_from_slice(&derived[..sm4::KEY_LENGTH]);
        sm4::Key::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(master: &[u8]) -> Vault {
        Vault::new(Zeroizing::new(master.to_vec())).unwrap()
    }

    #[test]
    fn a_key_opens_under_its_own_name_and_master_only() {
        let key = sm2::PrivateKey::generate().unwrap();
        let ours = vault(b"0123456789abcdef");
        let sealed = ours.seal("one", &key).unwrap();
        assert_eq!(ours.open("one", &sealed).unwrap().public_key(), key.public_key());
        assert!(ours.open("two", &sealed).is_err());
        assert!(vault(b"0123456789abcdeF").open("one", &sealed).is_err());
    }

    #[test]
    fn a_short_master_key_is_refused_without_being_shown() {
        let error = Vault::new(Zeroizing::new(b"hunter2".to_vec())).err().unwrap();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn no_octet_of_a_sealed_key_may_change() {
        let ours = vault(b"0123456789abcdef");
        let sealed = ours.seal("one", &sm2::PrivateKey::generate().unwrap()).unwrap();
        for position in [0, 12, sealed.0.as_bytes().len() - 1] {
            let mut changed = sealed.clone();
            changed.0.0[position] ^= 1;
            assert!(ours.open("one", &changed).is_err());
        }
    }

    #[test]
    fn two_master_keys_have_two_checks_and_one_has_always_the_same() {
        assert_eq!(vault(b"0123456789abcdef").check(), vault(b"0123456789abcdef").check());
        assert_ne!(vault(b"0123456789abcdef").check(), vault(b"0123456789abcdeF").check());
    }
}
