//! What operators see and sign.

use std::collections::BTreeMap;

use yinqiao_ca_sdk::messages::{
    Holder, HolderKind, IssueRequest, RecoverKeyRequest, RenewRequest, SealIssueRequest, Serial,
};
use yinqiao_ca_sdk::{AdapterError, Request};
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::{sm2, sm3};
use yinqiao_protocol::consent::ConsentText;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::authority::own;
use crate::issue::proven;
use crate::record::ReviewRecord;
use crate::register::issued_pair;
use crate::seal;
use crate::store::Store;

/// One thing to decide.
pub(crate) struct Matter {
    /// What an operator signs who consents.
    pub(crate) text: ConsentText,
    /// Keys of those whom it is about. An operator with one of them does not count: nobody is maker and checker.
    pub(crate) involved: Vec<sm2::PublicKey>,
}

/// Action, subject, summary and the keys of those concerned.
type Parts = (&'static str, String, Summary, Vec<sm2::PublicKey>);
type Summary = BTreeMap<String, String>;

/// What is to be decided in a review. It follows from the request and from certificates that were issued, so that the
/// operators' command line and the plugin come to the same text.
///
/// # Errors
/// Permanent, when a certificate that the request names is not there.
pub(crate) fn matter(
    store: &Store,
    authority: &str,
    token: &str,
    review: &ReviewRecord,
) -> Result<Matter, AdapterError> {
    let (action, subject, mut summary, involved) =
        match Request::parse(review.operation, review.request.get().as_bytes())? {
            Request::Issue(request) => issue(&request)?,
            Request::Rekey(request) => rekey(store, &request)?,
            Request::RecoverKey(request) => recovery(store, &request)?,
            Request::SealIssue(request) => seal_issue(&request)?,
            other => return Err(AdapterError::not_supported(other.operation())),
        };
    summary.insert("authority".to_owned(), authority.to_owned());
    let text = ConsentText {
        action: action.to_owned(),
        subject,
        summary,
        content_sm3: Sm3Hex::of(review.request.get().as_bytes()),
        request: token.to_owned(),
        expires_at: time(review.expires_at_ms),
    };
    Ok(Matter { text, involved })
}

fn issue(request: &IssueRequest) -> Result<Parts, AdapterError> {
    let csr = proven(&request.csr)?;
    let mut summary = of_holder(&request.holder);
    summary.insert("signing_key_sm3".to_owned(), key_digest(csr.public_key())?);
    summary.extend(request.product.iter().map(|product| ("product".to_owned(), product.clone())));
    let days = request.validity.and_then(|validity| validity.days);
    summary.extend(days.map(|days| ("validity_days".to_owned(), days.to_string())));
    let begin = request.validity.and_then(|validity| validity.not_before_ms);
    summary.extend(begin.map(|begin| ("valid_from".to_owned(), time(begin).to_string())));
    Ok(("issue certificates", request.holder.name.clone(), summary, vec![csr.public_key().clone()]))
}

fn rekey(store: &Store, request: &RenewRequest) -> Result<Parts, AdapterError> {
    let csr = proven(&request.csr)?;
    let (mut summary, present) = of_issued(store, &request.serial)?;
    summary.insert("new_signing_key_sm3".to_owned(), key_digest(csr.public_key())?);
    let days = request.validity.and_then(|validity| validity.days);
    summary.extend(days.map(|days| ("validity_days".to_owned(), days.to_string())));
    Ok((
        "issue certificates for a new key",
        request.serial.to_string(),
        summary,
        vec![csr.public_key().clone(), present],
    ))
}

fn recovery(store: &Store, request: &RecoverKeyRequest) -> Result<Parts, AdapterError> {
    let csr = proven(&request.csr)?;
    let (mut summary, present) = of_issued(store, &request.serial)?;
    summary.insert("receiving_key_sm3".to_owned(), key_digest(csr.public_key())?);
    summary.insert("receiving_subject".to_owned(), csr.subject().to_string());
    Ok((
        "recover an encryption key",
        request.serial.to_string(),
        summary,
        vec![csr.public_key().clone(), present],
    ))
}

fn seal_issue(request: &SealIssueRequest) -> Result<Parts, AdapterError> {
    let signers = seal::signers(request)?;
    let picture = &request.picture;
    let mut summary = Summary::from([
        ("seal_type".to_owned(), request.kind.to_string()),
        (
            "picture".to_owned(),
            format!(
                "{}, {} x {} mm, {} octets",
                picture.format,
                picture.width_mm,
                picture.height_mm,
                picture.data.as_bytes().len()
            ),
        ),
        ("picture_sm3".to_owned(), sm3::digest(picture.data.as_bytes()).to_string()),
        ("valid_until".to_owned(), time(request.valid_until_ms).to_string()),
    ]);
    summary.extend(request.valid_from_ms.map(|begin| ("valid_from".to_owned(), time(begin).to_string())));
    for (number, signer) in signers.iter().enumerate() {
        summary.insert(format!("signer_{:03}", number + 1), of_signer(signer)?);
    }
    let involved = signers.iter().map(|signer| signer.public_key().clone()).collect();
    Ok(("issue a seal", request.name.clone(), summary, involved))
}

fn of_holder(holder: &Holder) -> Summary {
    let kind = match holder.kind {
        HolderKind::Enterprise => "enterprise",
        HolderKind::Person => "person",
    };
    let mut summary = Summary::from([
        ("holder".to_owned(), holder.name.clone()),
        ("holder_kind".to_owned(), kind.to_owned()),
    ]);
    let optional = [
        ("organization", holder.organization.clone()),
        ("unified_social_credit_code", holder.unified_social_credit_code.clone()),
        ("identity_code", holder.identity_code.as_deref().map(masked)),
    ];
    summary.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    summary
}

/// Of a certificate of this CA, and the signing key of its holder.
fn of_issued(store: &Store, serial: &Serial) -> Result<(Summary, sm2::PublicKey), AdapterError> {
    let (_, record) = store.must_be_issued(serial)?;
    let signing = Certificate::from_der(issued_pair(&record)?.signing_certificate.as_bytes()).map_err(own)?;
    let mut summary = Summary::from([("holder".to_owned(), signing.subject().to_string())]);
    let code = signing.identity_code().map_err(own)?;
    summary.extend(code.map(|code| ("identity_code".to_owned(), masked(code.number()))));
    Ok((summary, signing.public_key().clone()))
}

fn of_signer(certificate: &Certificate) -> Result<String, AdapterError> {
    let code = certificate.identity_code().map_err(own)?;
    let code = code.map(|code| format!(", identity code {}", masked(code.number()))).unwrap_or_default();
    Ok(format!("{}, certificate {}{code}", certificate.subject(), certificate.serial()))
}

/// An identity code that can be compared with a card at hand, but not be read off: 110***********447X.
fn masked(code: &str) -> String {
    let characters: Vec<char> = code.chars().collect();
    let (head, tail) = if characters.len() >= 12 { (3, 4) } else { (1, 0) };
    let hidden = |position: usize| position >= head && position < characters.len() - tail;
    characters
        .iter()
        .enumerate()
        .map(|(position, shown)| if hidden(position) { '*' } else { *shown })
        .collect()
}

fn key_digest(key: &sm2::PublicKey) -> Result<String, AdapterError> {
    Ok(sm3::digest(&key.to_spki_der().map_err(own)?).to_string())
}

fn time(milliseconds: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_identity_code_keeps_its_length_and_little_else() {
        assert_eq!(masked("11010119900307447X"), "110***********447X");
        assert_eq!(masked("E12345678"), "E********");
        assert_eq!(masked("1"), "1");
        assert_eq!(masked(""), "");
    }
}
