//! SM2: signature and public-key encryption on the curve sm2p256v1 (GB/T 32918, GM/T 0003), and the encodings of
//! keys, signatures and ciphertexts (GM/T 0009, GB/T 35276).
//!
//! Curve and field arithmetic are the `sm2` crate's. Its signing and encryption are not used: its decryption compares
//! C3 in variable time and leaves the failed plaintext in the buffer, its decryption key prints the private key in
//! `Debug`, and its signing gives up where the standard says to draw another k. Both algorithms are short and stand
//! here in full, in `private_key.rs` and `encryption.rs`.

mod ciphertext;
mod encrypted_key;
mod encryption;
mod multiple;
mod private_key;
mod public_key;
mod signature;
#[cfg(test)]
mod tests;

pub use ciphertext::{Ciphertext, CiphertextFormat};
pub use private_key::PrivateKey;
pub use public_key::PublicKey;
pub use signature::Signature;

/// The signer's ID that everyone uses who was not told another (GM/T 0009, 10): 16 ASCII characters.
pub const DEFAULT_ID: &[u8] = b"1234567812345678";
