//! A private key at rest: PKCS#8 under a passphrase (RFC 5958, 3; RFC 8018, 6.2).

use der::{Decode, Encode, asn1::OctetString, pem::LineEnding};
use pkcs8::{
    EncryptedPrivateKeyInfoOwned,
    pkcs5::pbes2::{Kdf, Parameters},
};
use zeroize::Zeroizing;

use super::PrivateKey;
use crate::{Error, error::require_canonical};

const STRUCTURE: &str = "EncryptedPrivateKeyInfo";
const PEM_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Rounds of PBKDF2 that [`PrivateKey::to_encrypted_pkcs8_pem`] writes: about a third of a second for each guess.
const ITERATIONS: u32 = 600_000;
/// Rounds that a key read here may ask for; more would only keep the reader busy.
const MAX_ITERATIONS: u32 = 10_000_000;
/// Bytes of memory (128 N r) that a key read here may ask scrypt to take.
const MAX_SCRYPT_MEMORY: u64 = 1 << 28;
/// N r p that a key read here may ask for, in units of scrypt's blocks.
const MAX_SCRYPT_BLOCKS: u64 = 1 << 24;

impl PrivateKey {
    /// The key under a passphrase: PBES2 with PBKDF2-HMAC-SHA256 (600 000 rounds, fresh salt of 16 bytes) and
    /// AES-256-CBC, as PEM with the label `ENCRYPTED PRIVATE KEY`. `openssl pkcs8 -in` reads it.
    ///
    /// ```text
    /// EncryptedPrivateKeyInfo ::= SEQUENCE {              -- RFC 5958, 3
    ///   encryptionAlgorithm  AlgorithmIdentifier,
    ///   encryptedData        OCTET STRING }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty passphrase, [`Error::Randomness`].
    pub fn to_encrypted_pkcs8_pem(&self, passphrase: impl AsRef<[u8]>) -> Result<String, Error> {
        if passphrase.as_ref().is_empty() {
            return Err(Error::Invalid { structure: STRUCTURE, reason: "the passphrase must not be empty" });
        }
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut iv)?;
        let not_encoded = |_| Error::Invalid { structure: STRUCTURE, reason: "cannot be encoded" };
        let scheme =
            Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv).map_err(not_encoded)?;
        let encrypted = scheme.encrypt(passphrase, &self.to_pkcs8_der()?).map_err(not_encoded)?;
        let info = EncryptedPrivateKeyInfoOwned {
            encryption_algorithm: scheme.into(),
            encrypted_data: OctetString::new(encrypted).map_err(Error::encoding(STRUCTURE))?,
        };
        let der = info.to_der().map_err(Error::encoding(STRUCTURE))?;
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, &der).map_err(Error::pem(STRUCTURE))
    }

    /// Reads a key under a passphrase, PEM label `ENCRYPTED PRIVATE KEY`: PBES2 with PBKDF2 (HMAC with SHA-2, at most
    /// ten million rounds) or scrypt (at most 256 MiB), and AES-CBC or AES-GCM.
    ///
    /// # Errors
    /// [`Error::Passphrase`] when it does not open, which is a wrong passphrase or a changed file; [`Error::Pem`],
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but this structure; [`Error::Invalid`] for another
    /// scheme or one that costs too much.
    pub fn from_encrypted_pkcs8_pem(pem: &str, passphrase: impl AsRef<[u8]>) -> Result<Self, Error> {
        let (label, der) = der::pem::decode_vec(pem.trim_end().as_bytes()).map_err(Error::pem(STRUCTURE))?;
        if label != PEM_LABEL {
            let reason = format!("the label is {label:?}, not {PEM_LABEL:?}");
            return Err(Error::Pem { structure: STRUCTURE, reason });
        }
        let info = EncryptedPrivateKeyInfoOwned::from_der(&der).map_err(Error::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &info, &der)?;
        let scheme = info.encryption_algorithm.pbes2().ok_or(Error::Invalid {
            structure: STRUCTURE,
            reason: "is not encrypted with PBES2; convert it with openssl pkcs8 -topk8 -v2 aes-256-cbc",
        })?;
        require_affordable(&scheme.kdf)?;
        let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
        let opened = scheme.decrypt_in_place(passphrase, &mut buffer).map_err(|error| match error {
            pkcs8::pkcs5::Error::DecryptFailed => Error::Passphrase,
            _ => Error::Invalid { structure: STRUCTURE, reason: "is encrypted with an unsupported scheme" },
        })?;
        // CBC has no tag: under a wrong passphrase one in 256 looks padded, and is no key.
        Self::from_pkcs8_der(opened).map_err(|_| Error::Passphrase)
    }
}

fn require_affordable(kdf: &Kdf) -> Result<(), Error> {
    let affordable = match kdf {
        Kdf::Pbkdf2(pbkdf2) => (1..=MAX_ITERATIONS).contains(&pbkdf2.iteration_count),
        Kdf::Scrypt(scrypt) => {
            let blocks = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size));
            blocks.saturating_mul(128) <= MAX_SCRYPT_MEMORY
                && blocks.saturating_mul(u64::from(scrypt.parallelization)) <= MAX_SCRYPT_BLOCKS
        }
        _ => false,
    };
    if affordable {
        return Ok(());
    }
    Err(Error::Invalid {
        structure: STRUCTURE,
        reason: "asks for too much work: at most ten million rounds of PBKDF2, or 256 MiB of scrypt",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_under_a_passphrase_opens_with_that_one_only() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.to_encrypted_pkcs8_pem("正确的口令").unwrap();
        let opened = PrivateKey::from_encrypted_pkcs8_pem(&pem, "正确的口令").unwrap();
        assert_eq!(*opened.to_bytes(), *key.to_bytes());
        for wrong in ["", "正确的口", "正确的口令 "] {
            let error = PrivateKey::from_encrypted_pkcs8_pem(&pem, wrong).unwrap_err();
            assert!(matches!(error, Error::Passphrase), "{error}");
        }
    }

    #[test]
    fn the_same_key_and_passphrase_give_another_file_each_time() {
        let key = PrivateKey::generate().unwrap();
        let files = [(); 2].map(|()| key.to_encrypted_pkcs8_pem("口令").unwrap());
        assert_ne!(files[0], files[1]);
        assert!(matches!(key.to_encrypted_pkcs8_pem(""), Err(Error::Invalid { .. })));
    }

    #[test]
    fn a_file_that_asks_for_endless_work_is_refused_at_once() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.to_encrypted_pkcs8_pem("口令").unwrap();
        let (_, der) = der::pem::decode_vec(pem.as_bytes()).unwrap();
        let info = EncryptedPrivateKeyInfoOwned::from_der(&der).unwrap();
        let mut scheme = info.encryption_algorithm.pbes2().unwrap().clone();
        let Kdf::Pbkdf2(ref mut pbkdf2) = scheme.kdf else { panic!("PBKDF2") };
        pbkdf2.iteration_count = MAX_ITERATIONS + 1;
        let info = EncryptedPrivateKeyInfoOwned {
            encryption_algorithm: scheme.into(),
            encrypted_data: info.encrypted_data,
        };
        let der = info.to_der().unwrap();
        let pem = der::pem::encode_string(PEM_LABEL, LineEnding::LF, &der).unwrap();
        let error = PrivateKey::from_encrypted_pkcs8_pem(&pem, "口令").unwrap_err();
        assert!(error.to_string().contains("too much work"), "{error}");
    }

    #[test]
    fn a_key_that_is_not_encrypted_is_refused_by_its_label() {
        let pem = PrivateKey::generate().unwrap().to_pkcs8_pem().unwrap();
        let error = PrivateKey::from_encrypted_pkcs8_pem(&pem, "口令").unwrap_err();
        assert!(matches!(error, Error::Pem { .. }), "{error}");
    }
}
