//! The signature algorithms that a message, a request or a list may name.

use spki::AlgorithmIdentifierOwned;
use yinqiao_gm::hash::HashAlgorithm::{Sha256, Sha384, Sha512};
use yinqiao_gm::oid;
use yinqiao_gm::x509::SignatureAlgorithm;

/// Reads an identifier; its parameters must be absent or NULL.
pub(crate) fn signature_algorithm(identifier: &AlgorithmIdentifierOwned) -> Option<SignatureAlgorithm> {
    if identifier.parameters.as_ref().is_some_and(|parameters| !parameters.is_null()) {
        return None;
    }
    Some(match identifier.oid {
        oid::SM2_WITH_SM3 => SignatureAlgorithm::Sm2WithSm3,
        oid::ECDSA_WITH_SHA_256 => SignatureAlgorithm::Ecdsa(Sha256),
        oid::ECDSA_WITH_SHA_384 => SignatureAlgorithm::Ecdsa(Sha384),
        oid::ECDSA_WITH_SHA_512 => SignatureAlgorithm::Ecdsa(Sha512),
        oid::SHA_256_WITH_RSA => SignatureAlgorithm::RsaPkcs1(Sha256),
        oid::SHA_384_WITH_RSA => SignatureAlgorithm::RsaPkcs1(Sha384),
        oid::SHA_512_WITH_RSA => SignatureAlgorithm::RsaPkcs1(Sha512),
        _ => return None,
    })
}
