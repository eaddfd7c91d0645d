//! The number a CA gave a certificate.

use std::{fmt, str::FromStr};

use der::asn1::UintRef;

use crate::Error;

const STRUCTURE: &str = "CertificateSerialNumber";
const MAX_LENGTH: usize = 20;

/// A certificate's serial number: at most 20 bytes without sign, shown in lower-case hexadecimal.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SerialNumber {
    /// Big-endian, so that the derived order is that of the numbers.
    bytes: [u8; MAX_LENGTH],
}

impl SerialNumber {
    /// A new number of 16 bytes, 127 bits of them from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self, Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        // As many bytes each time, and none that needs a leading zero in DER.
        random[0] = random[0] & 0x7f | 0x40;
        Self::from_bytes(&random)
    }

    /// The number with these big-endian bytes; leading zeros don't count.
    ///
    /// # Errors
    /// [`Error::Length`] when it takes more than 20 bytes (RFC 5280, 4.1.2.2).
    pub fn from_bytes(number: &[u8]) -> Result<Self, Error> {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let significant = &number[zeros..];
        let mut bytes = [0; MAX_LENGTH];
        let start = MAX_LENGTH.checked_sub(significant.len()).ok_or(Error::Length {
            structure: STRUCTURE,
            expected: "at most 20",
            found: significant.len(),
        })?;
        bytes[start..].copy_from_slice(significant);
        Ok(Self { bytes })
    }

    /// The big-endian bytes without leading zeros; one zero for the number 0.
    pub fn as_bytes(&self) -> &[u8] {
        let zeros = self.bytes.iter().take_while(|byte| **byte == 0).count();
        &self.bytes[zeros.min(MAX_LENGTH - 1)..]
    }

    pub(super) fn as_uint(&self) -> Result<UintRef<'_>, Error> {
        UintRef::new(self.as_bytes()).map_err(Error::encoding(STRUCTURE))
    }
}

impl FromStr for SerialNumber {
    type Err = Error;

    /// Reads what `Display` writes; upper case and an odd number of digits are taken too.
    fn from_str(text: &str) -> Result<Self, Error> {
        let not_hexadecimal =
            Error::Invalid { structure: STRUCTURE, reason: "must be 1 to 40 hexadecimal digits" };
        let digits = text.as_bytes();
        if digits.is_empty() || digits.len() > 2 * MAX_LENGTH || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(not_hexadecimal);
        }
        let mut bytes = [0; MAX_LENGTH];
        for (from_end, digit) in digits.iter().rev().enumerate() {
            let value = (*digit as char).to_digit(16).unwrap_or_default() as u8;
            bytes[MAX_LENGTH - 1 - from_end / 2] |= value << (4 * (from_end % 2));
        }
        Ok(Self { bytes })
    }
}

impl From<u64> for SerialNumber {
    fn from(number: u64) -> Self {
        let mut bytes = [0; MAX_LENGTH];
        bytes[MAX_LENGTH - 8..].copy_from_slice(&number.to_be_bytes());
        Self { bytes }
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}
