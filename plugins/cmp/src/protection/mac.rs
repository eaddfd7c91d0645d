//! Protection with a shared secret: PasswordBasedMac and PBMAC1.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use subtle::ConstantTimeEq as _;
use yinqiao_gm::hash::HashAlgorithm;
use zeroize::Zeroizing;

use super::ProtectionError;
use crate::asn1::oid;
use crate::hash::KeyedHash as _;

/// Rounds that a reply may ask for: more would let anybody keep this process busy.
const MOST_PBM_ROUNDS: u32 = 100_000;
const MOST_PBKDF2_ROUNDS: u32 = 1_000_000;
/// RFC 9810, 5.1.3.1 asks for at least 100.
const FEWEST_ROUNDS: u32 = 100;
const SALT: usize = 16;

/// ```text
/// PBMParameter ::= SEQUENCE {                             -- RFC 9810, 5.1.3.1
///   salt            OCTET STRING,
///   owf             AlgorithmIdentifier,
///   iterationCount  INTEGER,
///   mac             AlgorithmIdentifier }
/// ```
#[derive(Sequence)]
struct PbmParameter {
    salt: OctetString,
    owf: AlgorithmIdentifierOwned,
    iteration_count: u32,
    mac: AlgorithmIdentifierOwned,
}

/// ```text
/// PBMAC1-params ::= SEQUENCE {                            -- RFC 8018, A.5
///   keyDerivationFunc  AlgorithmIdentifier,
///   messageAuthScheme  AlgorithmIdentifier }
/// ```
#[derive(Sequence)]
struct Pbmac1Params {
    key_derivation_func: AlgorithmIdentifierOwned,
    message_auth_scheme: AlgorithmIdentifierOwned,
}

/// ```text
/// PBKDF2-params ::= SEQUENCE {                            -- RFC 8018, A.2
///   salt            CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
///   iterationCount  INTEGER,
///   keyLength       INTEGER OPTIONAL,
///   prf             AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
/// ```
#[derive(Sequence)]
struct Pbkdf2Params {
    salt: OctetString,
    iteration_count: u32,
    key_length: Option<u16>,
    prf: Option<AlgorithmIdentifierOwned>,
}

/// How own messages are protected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MacScheme {
    pub(crate) kind: MacKind,
    pub(crate) hash: HashAlgorithm,
    pub(crate) rounds: u32,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MacKind {
    PasswordBasedMac,
    Pbmac1,
}

impl MacScheme {
    /// The algorithm with a fresh salt.
    pub(crate) fn algorithm(&self) -> Result<AlgorithmIdentifierOwned, MacFault> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|error| MacFault(error.to_string()))?;
        let salt = OctetString::new(salt)?;
        let null = |oid: ObjectIdentifier| AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) };
        let hmac = null(self.hash.hmac_oid());
        Ok(match self.kind {
            MacKind::PasswordBasedMac => identifier(
                oid::PASSWORD_BASED_MAC,
                &PbmParameter { salt, owf: null(self.hash.oid()), iteration_count: self.rounds, mac: hmac },
            )?,
            MacKind::Pbmac1 => {
                let derivation = Pbkdf2Params {
                    salt,
                    iteration_count: self.rounds,
                    key_length: Some(self.hash.length() as u16),
                    prf: Some(hmac.clone()),
                };
                let params = Pbmac1Params {
                    key_derivation_func: identifier(oid::PBKDF2, &derivation)?,
                    message_auth_scheme: hmac,
                };
                identifier(oid::PBMAC1, &params)?
            }
        })
    }
}

/// A MAC cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the MAC cannot be made: {0}")]
pub(crate) struct MacFault(String);

impl From<der::Error> for MacFault {
    fn from(error: der::Error) -> Self {
        Self(error.to_string())
    }
}

fn identifier(oid: ObjectIdentifier, parameters: &impl Encode) -> Result<AlgorithmIdentifierOwned, MacFault> {
    Ok(AlgorithmIdentifierOwned { oid, parameters: Some(Any::from_der(&parameters.to_der()?)?) })
}

/// A secret that both sides know; wiped when it is dropped.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(crate) const fn new(octets: Zeroizing<Vec<u8>>) -> Self {
        Self(octets)
    }

    /// The MAC of a message under an algorithm of [`MacScheme::algorithm`].
    pub(crate) fn protect(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
    ) -> Result<Vec<u8>, MacFault> {
        let (key, mac) = self.key(algorithm).ok_or_else(|| MacFault("its own parameters".to_owned()))?;
        Ok(mac.hmac(&key, message))
    }

    /// Checks a reply's MAC in constant time.
    ///
    /// # Errors
    /// When it is another algorithm, its parameters are out of bounds, or it does not match.
    pub(crate) fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        expected: &[u8],
    ) -> Result<(), ProtectionError> {
        let (key, mac) =
            self.key(algorithm).ok_or_else(|| ProtectionError::Algorithm(algorithm.oid.to_string()))?;
        let matches: bool = mac.hmac(&key, message).ct_eq(expected).into();
        if matches && !expected.is_empty() { Ok(()) } else { Err(ProtectionError::Mismatch) }
    }

    /// The key that the parameters lead to, and the hash of the HMAC it is for.
    fn key(&self, algorithm: &AlgorithmIdentifierOwned) -> Option<(Zeroizing<Vec<u8>>, HashAlgorithm)> {
        let parameters = algorithm.parameters.as_ref()?;
        match algorithm.oid {
            oid::PASSWORD_BASED_MAC => {
                let parameters: PbmParameter = parameters.decode_as().ok()?;
                let owf = HashAlgorithm::from_oid(&parameters.owf.oid)?;
                let mac = HashAlgorithm::from_hmac_oid(parameters.mac.oid)?;
                if !(FEWEST_ROUNDS..=MOST_PBM_ROUNDS).contains(&parameters.iteration_count) {
                    return None;
                }
                let mut key = owf.digest_of(&[&self.0, parameters.salt.as_bytes()]);
                for _ in 1..parameters.iteration_count {
                    key = owf.digest_of(&[&key]);
                }
                Some((key, mac))
            }
            oid::PBMAC1 => {
                let parameters: Pbmac1Params = parameters.decode_as().ok()?;
                let mac = HashAlgorithm::from_hmac_oid(parameters.message_auth_scheme.oid)?;
                if parameters.key_derivation_func.oid != oid::PBKDF2 {
                    return None;
                }
                let derivation: Pbkdf2Params =
                    parameters.key_derivation_func.parameters.as_ref()?.decode_as().ok()?;
                let prf = match &derivation.prf {
                    Some(prf) => HashAlgorithm::from_hmac_oid(prf.oid)?,
                    None => HashAlgorithm::Sha1,
                };
                // RFC 9579 asks for keyLength, since different readings of its absence exist.
                let length = usize::from(derivation.key_length?);
                let rounds = derivation.iteration_count;
                if !(16..=128).contains(&length) || !(FEWEST_ROUNDS..=MOST_PBKDF2_ROUNDS).contains(&rounds) {
                    return None;
                }
                Some((prf.pbkdf2(&self.0, derivation.salt.as_bytes(), rounds, length), mac))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_mac_verifies_with_its_secret_and_message_only() {
        for kind in [MacKind::PasswordBasedMac, MacKind::Pbmac1] {
            for hash in
                [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512, HashAlgorithm::Sm3]
            {
                let algorithm = MacScheme { kind, hash, rounds: 100 }.algorithm().unwrap();
                let mac = secret("one secret").protect(&algorithm, b"message").unwrap();
                assert!(secret("one secret").verify(&algorithm, b"message", &mac).is_ok());
                assert!(secret("two secret").verify(&algorithm, b"message", &mac).is_err());
                assert!(secret("one secret").verify(&algorithm, b"massage", &mac).is_err());
                assert!(secret("one secret").verify(&algorithm, b"message", &[]).is_err());
            }
        }
    }

    #[test]
    fn rounds_out_of_bounds_are_refused_before_they_are_run() {
        for rounds in [1, 99, 100_001, u32::MAX] {
            let algorithm =
                MacScheme { kind: MacKind::PasswordBasedMac, hash: HashAlgorithm::Sha256, rounds }
                    .algorithm()
                    .unwrap();
            assert!(secret("one secret").protect(&algorithm, b"message").is_err(), "{rounds}");
        }
    }
}
