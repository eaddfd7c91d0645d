//! The answer to a statement: signatures, and content keys wrapped anew. No I/O; what it needs is already in memory.

use yinqiao_gm::sm2::{Ciphertext, PrivateKey, PublicKey};
use yinqiao_protocol::phone::{ItemResponse, Response};
use yinqiao_protocol::statement::{OpenedKey, OpenedKeys, SignedText};
use yinqiao_protocol::task::WrappedKey;
use yinqiao_protocol::{Base64, Sm3Hex, Task};

use crate::error::PhoneError;
use crate::review::Checked;

/// Length of an SM4 key in bytes.
const CONTENT_KEY_LENGTH: usize = 16;

/// Signs a checked statement and answers its items. `encryption_key` gives the key that an item was wrapped for.
///
/// # Errors
/// [`PhoneError::KeyDidNotOpen`] for the first item that its key does not open, and what `encryption_key` says where
/// there is no key.
pub fn response<'k>(
    checked: &Checked,
    signing: &PrivateKey,
    encryption_key: impl Fn(&WrappedKey) -> Result<&'k PrivateKey, PhoneError>,
) -> Result<Response, PhoneError> {
    let statement = checked.statement.to_bytes()?;
    let mut response = Response {
        statement_signature: sign(signing, &statement)?,
        items: Vec::with_capacity(checked.items.len()),
        opened_keys_signature: None,
    };
    for item in &checked.items {
        response.items.push(ItemResponse { id: item.id.clone(), value: sign(signing, &item.bytes)? });
    }
    if let Task::Decrypt { one_time_key, items } = &checked.statement.task {
        let recipient = PublicKey::from_sec1(one_time_key.as_slice())?;
        for item in items {
            let value = rewrap(item, encryption_key(item)?, &recipient)?;
            response.items.push(ItemResponse { id: item.id.clone(), value });
        }
        response.opened_keys_signature = Some(sign_opened_keys(signing, &statement, &response.items)?);
    }
    Ok(response)
}

/// The signature over the list of rewrapped keys.
///
/// # Errors
/// When the list cannot be written, or there is no randomness.
pub fn sign_opened_keys(
    signing: &PrivateKey,
    statement: &[u8],
    items: &[ItemResponse],
) -> Result<Base64, PhoneError> {
    let opened = |item: &ItemResponse| OpenedKey {
        id: item.id.clone(),
        rewrapped_key_sm3: Sm3Hex::of(item.value.as_slice()),
    };
    let list = OpenedKeys { statement_sm3: Sm3Hex::of(statement), items: items.iter().map(opened).collect() };
    sign(signing, &list.to_bytes()?)
}

fn rewrap(item: &WrappedKey, key: &PrivateKey, recipient: &PublicKey) -> Result<Base64, PhoneError> {
    let closed =
        || PhoneError::KeyDidNotOpen { item: item.id.clone(), serial: item.certificate_serial.clone() };
    let wrapped = Ciphertext::from_der(item.wrapped_key.as_slice()).map_err(|_| closed())?;
    let content_key = key.decrypt(&wrapped).map_err(|_| closed())?;
    if content_key.len() != CONTENT_KEY_LENGTH {
        return Err(closed());
    }
    Ok(recipient.encrypt(&content_key)?.to_der()?.into())
}

fn sign(key: &PrivateKey, bytes: &[u8]) -> Result<Base64, PhoneError> {
    Ok(key.sign(bytes)?.to_der()?.into())
}

#[cfg(test)]
mod tests;
