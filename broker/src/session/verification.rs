//! Is a response what the statement asks for, signed by the holder's certificate? Pure; the caller runs it where it may
//! take time.

use yinqiao_gm::x509::{AnyCertificate, Certificate};
use yinqiao_gm::{cms, seal, sm2};
use yinqiao_protocol::outcome::{CertificateStatus, ItemOutcome, Outcome};
use yinqiao_protocol::phone::{ItemResponse, Response};
use yinqiao_protocol::statement::{ItemToSign, OpenedKey, OpenedKeys, SignedText};
use yinqiao_protocol::{Base64, ItemId, Purpose, Sm3Hex, Statement, Task, Timestamp};

use super::machine::ResponseFacts;

/// What a response is held against.
pub struct Expectation {
    /// The statement's bytes, as stored when the session became ready.
    pub statement: Vec<u8>,
    /// The signing certificate that the claim named.
    pub certificate: Certificate,
    /// Its issuers up to and with the root.
    pub chain: Vec<AnyCertificate>,
    /// The holder's encryption certificate, DER, where there is one.
    pub encryption_certificate: Option<Vec<u8>>,
    /// The seal's DER, in `seal` sessions.
    pub seal: Option<Vec<u8>>,
    /// Name of the adapter.
    pub certificate_authority: String,
    /// What is known of the certificate's status.
    pub status: CertificateStatus,
}

/// What is wrong with a response.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The stored statement cannot be read.
    #[error("the session's statement cannot be read: {0}")]
    Statement(String),
    /// Not DER of r and s in range.
    #[error("{0} is not the DER of an SM2Signature with r and s in range")]
    NotASignature(String),
    /// By another key, or over other bytes.
    #[error(
        "{0} does not verify under the holder's certificate: it was made by another key or over other bytes"
    )]
    Signature(String),
    /// Not one answer for each item in their order.
    #[error("the response has answers for other items than the session's: give one for each item, in order")]
    Items,
    /// Not an SM2Cipher of a content key.
    #[error("the answer for item \"{0}\" is not the DER of an SM2Cipher over a 16-byte key")]
    NotACipher(ItemId),
    /// A member is missing, or one too many.
    #[error("opened_keys_signature goes with decrypt, and only with it")]
    OpenedKeys,
    /// A message cannot be assembled.
    #[error("the result for item \"{0}\" cannot be made: {1}")]
    Assembly(ItemId, String),
}

/// Verifies `response`, whose bytes have the digest `response_sm3`, and makes the result.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(
    expected: &Expectation,
    response: &Response,
    response_sm3: Sm3Hex,
    now: Timestamp,
) -> Result<ResponseFacts, VerificationError> {
    let statement = Statement::from_bytes(&expected.statement)
        .map_err(|e| VerificationError::Statement(e.to_string()))?;
    verify_signature(
        &expected.certificate,
        &expected.statement,
        &response.statement_signature,
        "statement_signature",
    )?;
    let to_sign = statement
        .items_to_sign(expected.seal.as_deref())
        .map_err(|e| VerificationError::Statement(e.to_string()))?;
    let (items, opened_keys) = match &statement.task {
        Task::Login {} | Task::Encrypt { .. } | Task::Unseal { .. } => {
            expect_ids(&response.items, &[])?;
            (Vec::new(), None)
        }
        Task::Sign { arc, .. } => (
            signed_items(expected, response, &to_sign, |item, signature| {
                cms::assemble_detached(
                    (*arc).into(),
                    &item.bytes,
                    signature,
                    &expected.certificate,
                    &issuers(&expected.chain),
                )
                .map_err(|e| e.to_string())
            })?,
            None,
        ),
        Task::Seal { .. } => (
            signed_items(expected, response, &to_sign, |item, signature| {
                seal::assemble_signature(&item.bytes, signature, &expected.certificate)
                    .map_err(|e| e.to_string())
            })?,
            None,
        ),
        Task::Decrypt { items, .. } => {
            let ids: Vec<&ItemId> = items.iter().map(|item| &item.id).collect();
            expect_ids(&response.items, &ids)?;
            (rewrapped_keys(response)?, Some(opened_keys(expected, response)?))
        }
    };
    if opened_keys.is_none() && response.opened_keys_signature.is_some() {
        return Err(VerificationError::OpenedKeys);
    }
    let purpose = statement.task.purpose();
    let outcome = Outcome {
        purpose,
        holder: statement.holder,
        certificate_authority: expected.certificate_authority.clone(),
        statement: Base64(expected.statement.clone()),
        statement_signature: response.statement_signature.clone(),
        certificate: Base64(expected.certificate.der().to_vec()),
        chain: expected.chain.iter().map(|issuer| Base64(issuer.der().to_vec())).collect(),
        status: expected.status.clone(),
        completed_at: now,
        items,
        encryption_certificate: expected
            .encryption_certificate
            .clone()
            .filter(|_| purpose == Purpose::Encrypt)
            .map(Base64),
        opened_keys,
        opened_keys_signature: response.opened_keys_signature.clone(),
    };
    Ok(ResponseFacts { response_sm3, statement_sm3: Sm3Hex::of(&expected.statement), outcome })
}

/// A message carries the signer's issuers; a verifier has the root already. Issuers with other keys than SM2's are in the
/// outcome's chain alone.
fn issuers(chain: &[AnyCertificate]) -> Vec<Certificate> {
    let below_root = chain.split_last().map_or(&[][..], |(_, others)| others);
    below_root.iter().filter_map(|issuer| Certificate::from_der(issuer.der()).ok()).collect()
}

fn signed_items(
    expected: &Expectation,
    response: &Response,
    to_sign: &[ItemToSign],
    assemble: impl Fn(&ItemToSign, &sm2::Signature) -> Result<Vec<u8>, String>,
) -> Result<Vec<ItemOutcome>, VerificationError> {
    let ids: Vec<&ItemId> = to_sign.iter().map(|item| &item.id).collect();
    expect_ids(&response.items, &ids)?;
    to_sign
        .iter()
        .zip(&response.items)
        .map(|(item, answer)| {
            let what = format!("the signature for item \"{}\"", item.id);
            let signature = verify_signature(&expected.certificate, &item.bytes, &answer.value, &what)?;
            let value =
                assemble(item, &signature).map_err(|e| VerificationError::Assembly(item.id.clone(), e))?;
            Ok(ItemOutcome { id: item.id.clone(), value: Base64(value) })
        })
        .collect()
}

fn rewrapped_keys(response: &Response) -> Result<Vec<ItemOutcome>, VerificationError> {
    response
        .items
        .iter()
        .map(|answer| match sm2::Ciphertext::from_der(answer.value.as_slice()) {
            Ok(cipher) if cipher.ciphertext().len() == 16 => {
                Ok(ItemOutcome { id: answer.id.clone(), value: answer.value.clone() })
            }
            _ => Err(VerificationError::NotACipher(answer.id.clone())),
        })
        .collect()
}

fn opened_keys(expected: &Expectation, response: &Response) -> Result<Base64, VerificationError> {
    let signature = response.opened_keys_signature.as_ref().ok_or(VerificationError::OpenedKeys)?;
    let list = OpenedKeys {
        statement_sm3: Sm3Hex::of(&expected.statement),
        items: response
            .items
            .iter()
            .map(|answer| OpenedKey {
                id: answer.id.clone(),
                rewrapped_key_sm3: Sm3Hex::of(answer.value.as_slice()),
            })
            .collect(),
    };
    let bytes = list.to_bytes().map_err(|e| VerificationError::Statement(e.to_string()))?;
    verify_signature(&expected.certificate, &bytes, signature, "opened_keys_signature")?;
    Ok(Base64(bytes))
}

fn expect_ids(answers: &[ItemResponse], ids: &[&ItemId]) -> Result<(), VerificationError> {
    if answers.len() == ids.len() && answers.iter().zip(ids).all(|(answer, id)| answer.id == **id) {
        Ok(())
    } else {
        Err(VerificationError::Items)
    }
}

fn verify_signature(
    certificate: &Certificate,
    bytes: &[u8],
    signature: &Base64,
    what: &str,
) -> Result<sm2::Signature, VerificationError> {
    let signature = sm2::Signature::from_der(signature.as_slice())
        .map_err(|_| VerificationError::NotASignature(what.to_owned()))?;
    certificate
        .public_key()
        .verify(bytes, &signature)
        .map_err(|_| VerificationError::Signature(what.to_owned()))?;
    Ok(signature)
}
