//! The SM algorithms and the formats built on them, as Chinese standards and the RFCs lay them down.
//!
//! | module | what | standard |
//! | --- | --- | --- |
//! | [`sm2`] | signature, encryption, keys, and their DER | GB/T 32918, GM/T 0009 (GB/T 35276) |
//! | [`sm3`] | hash and HMAC | GB/T 32905, RFC 2104 |
//! | [`sm4`] | CBC and GCM | GB/T 32907, NIST SP 800-38A and 800-38D, RFC 8998 |
//! | [`x509`] | certificates, requests, revocation lists, chains | RFC 5280, RFC 2986, GM/T 0015 |
//! | [`ocsp`] | requests for a certificate's status and their answers | RFC 6960, RFC 9654 |
//! | [`cms`] | signed and enveloped messages | GM/T 0010 (GB/T 35275), RFC 5652 |
//! | [`tsp`] | requests for time stamps, their answers, and tokens to keep | RFC 3161, RFC 5816, GM/T 0033 |
//! | [`seal`] | electronic seals and seal signatures | GB/T 38540, GM/T 0031 |
//! | [`enveloped_key`] | an encryption key on its way from the key management centre | GM/T 0009 |
//! | [`hash`] | the hash algorithms that structures name beside SM3 | FIPS 180-4 |
//! | [`oid`] | every object identifier used here | |
//!
//! The arithmetic, the block cipher and the hash come from RustCrypto; this crate adds the formats, strictly:
//! a parser takes exactly one DER encoding and nothing after it, refuses points off the curve and numbers out of
//! range, and never guesses a format. Whatever parses encodes to the same bytes again.
//!
//! Secrets are zeroized when dropped, and their `Debug` says only what they are.

pub mod cms;
pub mod enveloped_key;
pub mod error;
pub mod hash;
pub mod ocsp;
pub mod oid;
pub mod seal;
pub mod sm2;
pub mod sm3;
pub mod sm4;
pub mod tsp;
pub mod x509;

pub use error::Error;
