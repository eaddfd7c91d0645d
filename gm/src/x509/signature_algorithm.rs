//! The signature algorithms that are accepted, and how structures name them.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::{Decode, Sequence, asn1::AnyRef};
use spki::AlgorithmIdentifierRef;

use crate::{Error, error::require_canonical, hash::HashAlgorithm, oid};

const PSS: &str = "RSASSA-PSS-params";

/// What a certificate, a list, a response or a time stamp is signed with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// SM2 with SM3 under the default signer's ID (GM/T 0009, GM/T 0015).
    Sm2WithSm3,
    /// RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 or SHA-512 (RFC 8017, 8.2; RFC 4055, 5).
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS with SHA-256, SHA-384 or SHA-512, MGF1 over the same hash (RFC 8017, 8.1; RFC 4055, 3).
    RsaPss {
        /// Of the message and of the mask.
        hash: HashAlgorithm,
        /// Bytes of salt.
        salt_length: usize,
    },
    /// ECDSA with SHA-256, SHA-384 or SHA-512 (FIPS 186-5; RFC 5758, 3.2).
    Ecdsa(HashAlgorithm),
}

/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {                        -- RFC 4055, 3.1
///   hashAlgorithm     [0] EXPLICIT HashAlgorithm DEFAULT sha1Identifier,
///   maskGenAlgorithm  [1] EXPLICIT MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
///   saltLength        [2] EXPLICIT INTEGER DEFAULT 20,
///   trailerField      [3] EXPLICIT INTEGER DEFAULT 1 }
/// ```
#[derive(Sequence)]
struct PssParameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// Those that are refused by name, so that whoever has such a certificate knows what to ask its CA for.
const WEAK: [(ObjectIdentifier, &str); 7] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "MD2 with RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "MD5 with RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "SHA-1 with RSA"),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.29"), "SHA-1 with RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14"), "SHA-224 with RSA"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "ECDSA with SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"), "ECDSA with SHA-224"),
];

impl SignatureAlgorithm {
    /// Reads what a signed structure names.
    pub(crate) fn from_identifier(
        structure: &'static str,
        identifier: &AlgorithmIdentifierRef<'_>,
    ) -> Result<Self, Error> {
        use HashAlgorithm::{Sha256, Sha384, Sha512};
        let (algorithm, null_is_fine) = match identifier.oid {
            // Several CAs write NULL where the standard has no parameters.
            oid::SM2_WITH_SM3 => (Self::Sm2WithSm3, true),
            oid::SHA_256_WITH_RSA => (Self::RsaPkcs1(Sha256), true),
            oid::SHA_384_WITH_RSA => (Self::RsaPkcs1(Sha384), true),
            oid::SHA_512_WITH_RSA => (Self::RsaPkcs1(Sha512), true),
            oid::ECDSA_WITH_SHA_256 => (Self::Ecdsa(Sha256), false),
            oid::ECDSA_WITH_SHA_384 => (Self::Ecdsa(Sha384), false),
            oid::ECDSA_WITH_SHA_512 => (Self::Ecdsa(Sha512), false),
            oid::RSASSA_PSS => return pss(structure, identifier),
            other => return Err(refusal(structure, other)),
        };
        match identifier.parameters {
            None => Ok(algorithm),
            Some(parameters) if null_is_fine && parameters == AnyRef::NULL => Ok(algorithm),
            Some(_) => {
                Err(Error::Invalid { structure, reason: "the signature algorithm takes no parameters" })
            }
        }
    }

    /// What a signature value of another structure (CMS) is made with: there, RSA is named by the key's algorithm and
    /// the hash beside it, as RFC 5652, 10.1.2 allows.
    pub(crate) fn from_identifier_and_hash(
        structure: &'static str,
        identifier: &AlgorithmIdentifierRef<'_>,
        hash: HashAlgorithm,
    ) -> Result<Self, Error> {
        if identifier.oid == oid::RSA_ENCRYPTION {
            if !matches!(hash, HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) {
                return Err(refusal(structure, hash.oid()));
            }
            return Ok(Self::RsaPkcs1(hash));
        }
        let algorithm = Self::from_identifier(structure, identifier)?;
        if algorithm.hash() != hash {
            return Err(Error::Invalid {
                structure,
                reason: "the signature algorithm has another hash than the digest algorithm",
            });
        }
        Ok(algorithm)
    }

    /// The hash of the message.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Sm2WithSm3 => HashAlgorithm::Sm3,
            Self::RsaPkcs1(hash) | Self::RsaPss { hash, .. } | Self::Ecdsa(hash) => hash,
        }
    }

    /// The object identifier in an `AlgorithmIdentifier`.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sm2WithSm3 => oid::SM2_WITH_SM3,
            Self::RsaPkcs1(HashAlgorithm::Sha384) => oid::SHA_384_WITH_RSA,
            Self::RsaPkcs1(HashAlgorithm::Sha512) => oid::SHA_512_WITH_RSA,
            Self::RsaPkcs1(_) => oid::SHA_256_WITH_RSA,
            Self::RsaPss { .. } => oid::RSASSA_PSS,
            Self::Ecdsa(HashAlgorithm::Sha384) => oid::ECDSA_WITH_SHA_384,
            Self::Ecdsa(HashAlgorithm::Sha512) => oid::ECDSA_WITH_SHA_512,
            Self::Ecdsa(_) => oid::ECDSA_WITH_SHA_256,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sm2WithSm3 => f.write_str("SM2 with SM3"),
            Self::RsaPkcs1(hash) => write!(f, "RSA (PKCS #1 v1.5) with {hash:?}"),
            Self::RsaPss { hash, .. } => write!(f, "RSA (PSS) with {hash:?}"),
            Self::Ecdsa(hash) => write!(f, "ECDSA with {hash:?}"),
        }
    }
}

fn pss(
    structure: &'static str,
    identifier: &AlgorithmIdentifierRef<'_>,
) -> Result<SignatureAlgorithm, Error> {
    let invalid = |reason| Err(Error::Invalid { structure, reason });
    let Some(parameters) = identifier.parameters else {
        return invalid("RSASSA-PSS without parameters means SHA-1, which is not accepted");
    };
    let der = der::Encode::to_der(&parameters).map_err(Error::encoding(PSS))?;
    let parameters = PssParameters::from_der(&der).map_err(Error::encoding(PSS))?;
    require_canonical(PSS, &parameters, &der)?;
    let (Some(hash), Some(mask)) = (parameters.hash, parameters.mask) else {
        return invalid("RSASSA-PSS names no hash or mask and so means SHA-1, which is not accepted");
    };
    let hash = HashAlgorithm::from_identifier(structure, &hash)?;
    if !matches!(hash, HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) {
        return Err(refusal(structure, hash.oid()));
    }
    let mask_hash = match (mask.oid, mask.parameters) {
        (oid::MGF_1, Some(hash)) => hash.decode_as::<AlgorithmIdentifierRef<'_>>().ok(),
        _ => None,
    };
    let Some(mask_hash) = mask_hash else { return invalid("RSASSA-PSS must mask with MGF1") };
    if HashAlgorithm::from_identifier(structure, &mask_hash)? != hash {
        return invalid("RSASSA-PSS must mask with the hash of the message");
    }
    if parameters.trailer.is_some() {
        return invalid("RSASSA-PSS must have the trailer field 1, by saying nothing");
    }
    let salt_length = usize::from(parameters.salt_length.unwrap_or(20));
    if salt_length > 1024 {
        return invalid("RSASSA-PSS has a salt longer than any key here");
    }
    Ok(SignatureAlgorithm::RsaPss { hash, salt_length })
}

fn refusal(structure: &'static str, found: ObjectIdentifier) -> Error {
    let weak = WEAK.iter().find(|(oid, _)| *oid == found).map(|(_, name)| *name);
    let weak = weak.or((found == oid::SHA_1).then_some("RSA with SHA-1"));
    match weak {
        Some(algorithm) => Error::WeakAlgorithm { structure, algorithm },
        None => Error::Algorithm {
            structure,
            expected: "SM2 with SM3, or RSA or ECDSA with SHA-256, SHA-384 or SHA-512",
            found,
        },
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    fn read(oid: ObjectIdentifier, parameters: Option<&[u8]>) -> Result<SignatureAlgorithm, Error> {
        let parameters = parameters.map(|parameters| AnyRef::try_from(parameters).unwrap());
        SignatureAlgorithm::from_identifier("x", &AlgorithmIdentifierRef { oid, parameters })
    }

    fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
        [&[0xa0 | number, content.len() as u8], content].concat()
    }

    /// RSASSA-PSS-params with these hashes of message and mask, and more.
    fn pss_of(
        hash: HashAlgorithm,
        mask_hash: HashAlgorithm,
        more: &[u8],
    ) -> Result<SignatureAlgorithm, Error> {
        let mask_hash = mask_hash.with_null().to_der().unwrap();
        let mask = AlgorithmIdentifierRef {
            oid: oid::MGF_1,
            parameters: Some(AnyRef::try_from(mask_hash.as_slice()).unwrap()),
        };
        let hash = explicit(0, &hash.with_null().to_der().unwrap());
        let fields = [hash.as_slice(), &explicit(1, &mask.to_der().unwrap()), more].concat();
        read(oid::RSASSA_PSS, Some(&[&[0x30, fields.len() as u8], fields.as_slice()].concat()))
    }

    #[test]
    fn an_algorithm_is_known_by_its_identifier_with_the_parameters_that_it_has() {
        const NULL: Option<&[u8]> = Some(&[5, 0]);
        for (oid, expected) in [
            (oid::SM2_WITH_SM3, SignatureAlgorithm::Sm2WithSm3),
            (oid::SHA_256_WITH_RSA, SignatureAlgorithm::RsaPkcs1(HashAlgorithm::Sha256)),
            (oid::SHA_384_WITH_RSA, SignatureAlgorithm::RsaPkcs1(HashAlgorithm::Sha384)),
            (oid::SHA_512_WITH_RSA, SignatureAlgorithm::RsaPkcs1(HashAlgorithm::Sha512)),
        ] {
            for parameters in [None, NULL] {
                assert_eq!(read(oid, parameters).unwrap(), expected);
            }
            assert!(matches!(read(oid, Some(&[2, 1, 1])), Err(Error::Invalid { .. })));
            assert_eq!(expected.oid(), oid);
        }
        for (oid, hash) in [
            (oid::ECDSA_WITH_SHA_256, HashAlgorithm::Sha256),
            (oid::ECDSA_WITH_SHA_384, HashAlgorithm::Sha384),
            (oid::ECDSA_WITH_SHA_512, HashAlgorithm::Sha512),
        ] {
            assert_eq!(read(oid, None).unwrap(), SignatureAlgorithm::Ecdsa(hash));
            assert_eq!(
                (SignatureAlgorithm::Ecdsa(hash).oid(), SignatureAlgorithm::Ecdsa(hash).hash()),
                (oid, hash)
            );
            assert!(matches!(read(oid, NULL), Err(Error::Invalid { .. })));
        }
    }

    #[test]
    fn weak_algorithms_are_refused_by_name_and_unknown_ones_by_number() {
        for (oid, name) in WEAK {
            let error = read(oid, None).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        let ed25519 = ObjectIdentifier::new_unwrap("1.3.101.112");
        assert!(matches!(read(ed25519, None), Err(Error::Algorithm { found, .. }) if found == ed25519));
    }

    #[test]
    fn pss_names_one_hash_of_sha_2_for_message_and_mask() {
        use HashAlgorithm::{Sha1, Sha256, Sha384};
        let expected = SignatureAlgorithm::RsaPss { hash: Sha256, salt_length: 20 };
        assert_eq!(pss_of(Sha256, Sha256, &[]).unwrap(), expected);
        let expected = SignatureAlgorithm::RsaPss { hash: Sha384, salt_length: 48 };
        assert_eq!(pss_of(Sha384, Sha384, &explicit(2, &[2, 1, 48])).unwrap(), expected);
        for (name, refused) in [
            ("SHA-1 throughout", pss_of(Sha1, Sha1, &[])),
            ("another mask", pss_of(Sha256, Sha1, &[])),
            ("a trailer", pss_of(Sha256, Sha256, &explicit(3, &[2, 1, 1]))),
            ("a salt longer than a key", pss_of(Sha256, Sha256, &explicit(2, &[2, 2, 8, 0]))),
            ("a negative salt", pss_of(Sha256, Sha256, &explicit(2, &[2, 1, 0xff]))),
            ("no parameters", read(oid::RSASSA_PSS, None)),
            ("the defaults", read(oid::RSASSA_PSS, Some(&[0x30, 0]))),
        ] {
            assert!(refused.is_err(), "{name}");
        }
    }
}
