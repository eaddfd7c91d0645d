//! SM3, the hash of GB/T 32905 (ISO/IEC 10118-3), and HMAC over it (RFC 2104).

use std::{fmt, io, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use sm3::{Digest as _, Sm3};
use subtle::ConstantTimeEq;

use crate::Error;

/// Length of a digest in bytes.
pub const DIGEST_LENGTH: usize = 32;

/// An SM3 digest: 32 bytes, shown as 64 lower-case hexadecimal digits.
///
/// `==` may stop at the first difference; compare authenticators with [`hmac_verify`].
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; DIGEST_LENGTH]);

impl Digest {
    /// The digest with these bytes.
    pub const fn new(bytes: [u8; DIGEST_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The digest in `bytes`.
    ///
    /// # Errors
    /// [`Error::Length`] unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::Length {
            structure: "SM3 digest",
            expected: "32",
            found: bytes.len(),
        })
    }

    /// Reads exactly 64 hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of characters, [`Error::Invalid`] for a character that is no digit.
    pub fn parse_hex(text: &str) -> Result<Self, Error> {
        let text = text.as_bytes();
        if text.len() != 2 * DIGEST_LENGTH {
            return Err(Error::Length {
                structure: "SM3 digest in hexadecimal",
                expected: "64",
                found: text.len(),
            });
        }
        let mut bytes = [0; DIGEST_LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LENGTH] {
        &self.0
    }

    /// The 32 bytes, by value.
    pub const fn to_bytes(self) -> [u8; DIGEST_LENGTH] {
        self.0
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; DIGEST_LENGTH]> for Digest {
    fn from(bytes: [u8; DIGEST_LENGTH]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse_hex(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm3:{self}")
    }
}

/// The digest of `message`.
pub fn digest(message: &[u8]) -> Digest {
    Digest(Sm3::digest(message).into())
}

/// SM3 over a message that arrives in pieces; also an [`io::Write`] that never fails.
#[derive(Clone, Default)]
pub struct Hasher(Sm3);

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `piece` to the message.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of everything appended.
    pub fn finalize(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl io::Write for Hasher {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm3::Hasher")
    }
}

/// HMAC-SM3 of the concatenation of `parts`, 32 bytes.
///
/// The parts are joined without a separator: where their borders matter, a part must say its own length.
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Digest {
    Digest(keyed(key, parts).finalize().into_bytes().into())
}

/// Whether `expected` is the HMAC-SM3 of `parts`, compared in time that does not depend on where they differ.
///
/// A truncated authenticator does not match: `expected` must have all 32 bytes.
pub fn hmac_verify(key: &[u8], parts: &[&[u8]], expected: &[u8]) -> bool {
    hmac(key, parts).0.as_slice().ct_eq(expected).into()
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sm3> {
    // A key longer than SM3's block of 64 bytes is replaced by its digest (RFC 2104, 2); done here, because
    // the constructor for keys of any length returns a Result whose error cannot happen.
    let mut block = zeroize::Zeroizing::new([0; 64]);
    if key.len() > block.len() {
        block[..DIGEST_LENGTH].copy_from_slice(&digest(key).0);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut mac = <Hmac<Sm3> as KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac
}

fn nibble(digit: u8) -> Result<u8, Error> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Error::Invalid {
            structure: "SM3 digest in hexadecimal",
            reason: "every character must be 0-9, a-f or A-F",
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_two_examples_of_gb_t_32905_hash_as_printed_there() {
        assert_eq!(
            digest(b"abc").to_string(),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
        assert_eq!(
            digest(&b"abcd".repeat(16)).to_string(),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
        );
    }

    #[test]
    fn hmac_matches_openssl_for_short_and_long_keys() {
        // openssl dgst -sm3 -mac HMAC -macopt hexkey:...
        assert_eq!(
            hmac(b"key", &[b"The quick brown fox ", b"jumps over the lazy dog"]).to_string(),
            "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398"
        );
        assert_eq!(
            hmac(&[0x61; 65], &[b"message"]).to_string(),
            "3feb14a235ed1be689329de5a3ead08252b0171fb7a06b16e0c2ca5b723099b4"
        );
    }

    #[test]
    fn an_authenticator_is_refused_when_changed_cut_or_lengthened() {
        let good = hmac(b"k", &[b"m"]);
        assert!(hmac_verify(b"k", &[b"m"], good.as_bytes()));
        assert!(!hmac_verify(b"k", &[b"m"], &good.as_bytes()[..31]));
        assert!(!hmac_verify(b"k", &[b"m"], &[good.as_bytes().as_slice(), &[0]].concat()));
        assert!(!hmac_verify(b"k", &[b"m"], &[]));
        let mut changed = good.to_bytes();
        changed[31] ^= 1;
        assert!(!hmac_verify(b"k", &[b"m"], &changed));
    }

    #[test]
    fn hexadecimal_of_another_length_or_with_other_characters_is_refused() {
        let text = digest(b"").to_string();
        assert_eq!(Digest::parse_hex(&text.to_uppercase()).unwrap(), digest(b""));
        assert!(matches!(Digest::parse_hex(&text[1..]), Err(Error::Length { found: 63, .. })));
        assert!(matches!(Digest::parse_hex(&format!("{text}0")), Err(Error::Length { .. })));
        assert!(matches!(text.replacen(|_| true, "g", 1).parse::<Digest>(), Err(Error::Invalid { .. })));
        // 64 bytes that are not 64 characters
        assert!(Digest::parse_hex(&"印".repeat(22)[..63]).is_err());
    }

    proptest! {
        #[test]
        fn pieces_hash_like_the_whole(message: Vec<u8>, cut in 0usize..200) {
            let cut = cut.min(message.len());
            let mut hasher = Hasher::new();
            hasher.update(&message[..cut]);
            hasher.write_all(&message[cut..]).unwrap();
            prop_assert_eq!(hasher.finalize(), digest(&message));
        }

        #[test]
        fn hexadecimal_reads_back(bytes: [u8; 32]) {
            prop_assert_eq!(Digest::new(bytes).to_string().parse::<Digest>().unwrap(), Digest::new(bytes));
        }
    }
}
