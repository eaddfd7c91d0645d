//! What came for the items, purpose by purpose.

use yinqiao_gm::cms::{Content, SignedData};
use yinqiao_gm::seal::{self, SesSignature, VerifyPolicy};
use yinqiao_gm::sm2::Ciphertext;
use yinqiao_gm::x509::Certificate;
use yinqiao_protocol::outcome::{ItemOutcome, Outcome};
use yinqiao_protocol::statement::{NamedSeal, OpenedKeys, SignedText};
use yinqiao_protocol::task::{Document, MessageArc, SealPlacement};
use yinqiao_protocol::{Sm3Hex, Statement, Task};

use super::{Path, VerifyError, verify_signature};

/// Length of an SM4 key in bytes.
const CONTENT_KEY_LENGTH: usize = 16;

pub(super) fn verify(
    outcome: &Outcome,
    statement: &Statement,
    signer: &Certificate,
    path: &Path<'_>,
) -> Result<(), VerifyError> {
    let expected: Vec<_> = match &statement.task {
        Task::Sign { .. } | Task::Seal { .. } | Task::Decrypt { .. } => {
            statement.task.items().into_iter().map(|(id, _)| id).collect()
        }
        Task::Login {} | Task::Unseal { .. } | Task::Encrypt { .. } => Vec::new(),
    };
    if !outcome.items.iter().map(|item| &item.id).eq(expected) {
        return Err(VerifyError::Items);
    }
    let wrong = |item: &ItemOutcome, reason: String| VerifyError::Item { item: item.id.clone(), reason };
    match &statement.task {
        Task::Sign { arc, items } => {
            for (asked, item) in items.iter().zip(&outcome.items) {
                message(asked, *arc, item, statement, signer, path).map_err(|reason| wrong(item, reason))?;
            }
        }
        Task::Seal { items, .. } => {
            let named = statement.seal.as_ref().ok_or(VerifyError::Missing("seal"))?;
            for (asked, item) in items.iter().zip(&outcome.items) {
                seal_signature(asked, named, item, statement, signer, path)
                    .map_err(|reason| wrong(item, reason))?;
            }
        }
        Task::Decrypt { .. } => return opened_keys(outcome, signer),
        Task::Login {} | Task::Unseal { .. } | Task::Encrypt { .. } => {}
    }
    if outcome.opened_keys.is_some() || outcome.opened_keys_signature.is_some() {
        return Err(VerifyError::Contradiction("list of opened keys"));
    }
    Ok(())
}

/// A detached message of the wanted arc, by this signer, over this document, at the statement's time.
fn message(
    asked: &Document,
    arc: MessageArc,
    item: &ItemOutcome,
    statement: &Statement,
    signer: &Certificate,
    path: &Path<'_>,
) -> Result<(), String> {
    let message = SignedData::from_der(item.value.as_slice()).map_err(|error| error.to_string())?;
    if message.arc() != arc.into() {
        return Err("the message has the other arc of object identifiers".to_owned());
    }
    let signers = message
        .verify_detached_with_chain(
            Content::Digest(&asked.sm3.0),
            path.intermediates,
            &path.trust.roots,
            path.at,
        )
        .map_err(|error| error.to_string())?;
    let [verified] = signers.as_slice() else {
        return Err("the message has not exactly one signer".to_owned());
    };
    let verified = verified.as_ref().map_err(ToString::to_string)?;
    if verified.certificate != *signer {
        return Err("the message is signed by another certificate than the statement".to_owned());
    }
    if verified.signing_time != Some(statement.stated_at.seconds()) {
        return Err("the message's signing time is not the statement's".to_owned());
    }
    Ok(())
}

/// A seal signature with the named seal, by this signer, over this digest; every check of GB/T 38540 but status.
fn seal_signature(
    asked: &SealPlacement,
    named: &NamedSeal,
    item: &ItemOutcome,
    statement: &Statement,
    signer: &Certificate,
    path: &Path<'_>,
) -> Result<(), String> {
    let signature = SesSignature::from_der(item.value.as_slice()).map_err(|error| error.to_string())?;
    let policy = VerifyPolicy {
        roots: &path.trust.roots,
        intermediates: path.intermediates,
        status: None,
        understood_extensions: &[],
    };
    let report = seal::verify_signature(&signature, &asked.sm3.0, &policy);
    if let Some((_, failure)) = report.failures().next() {
        return Err(failure.to_string());
    }
    let same = [
        ("signer's certificate", signature.signer() == signer),
        ("seal", Sm3Hex::of(signature.seal().der()) == named.sm3),
        ("property info", signature.property_info() == asked.property_info),
        ("time", signature.time() == statement.stated_at.seconds()),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(format!("the seal signature's {what} is not the statement's")),
        None => Ok(()),
    }
}

/// The holder signed exactly these rewrapped keys, for exactly this statement.
fn opened_keys(outcome: &Outcome, signer: &Certificate) -> Result<(), VerifyError> {
    let what = "list of opened keys";
    let bytes = outcome.opened_keys.as_ref().ok_or(VerifyError::Missing(what))?;
    let signature = outcome.opened_keys_signature.as_ref().ok_or(VerifyError::Missing(what))?;
    verify_signature(signer, bytes.as_slice(), signature, what)?;
    let list = OpenedKeys::from_bytes(bytes.as_slice())?;
    if list.statement_sm3 != Sm3Hex::of(outcome.statement.as_slice()) {
        return Err(VerifyError::Contradiction(what));
    }
    let listed = list.items.iter().map(|key| (&key.id, key.rewrapped_key_sm3));
    if !listed.eq(outcome.items.iter().map(|item| (&item.id, Sm3Hex::of(item.value.as_slice())))) {
        return Err(VerifyError::Items);
    }
    for item in &outcome.items {
        let cipher = Ciphertext::from_der(item.value.as_slice());
        if !cipher.is_ok_and(|cipher| cipher.ciphertext().len() == CONTENT_KEY_LENGTH) {
            let reason = "not a content key wrapped with SM2".to_owned();
            return Err(VerifyError::Item { item: item.id.clone(), reason });
        }
    }
    Ok(())
}
