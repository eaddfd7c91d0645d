//! What a CA hands out as a seal is held against what it was asked for.

use yinqiao_ca_sdk::messages::{IssuedSeal, SealIssueRequest};
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::x509::Certificate;
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::task::SealKind;

use crate::adapter::Authority;
use crate::clock;

/// Days that a seal is valid.
pub(super) const VALIDITY_DAYS: u32 = 3 * 365;

/// How far a CA's clock may be ahead.
const MOST_CLOCK_SKEW_SECONDS: i64 = 300;

/// `SES_ESPropertyInfo.type`, which the standard leaves to the business.
pub(super) fn seal_type(kind: SealKind) -> u32 {
    match kind {
        SealKind::Official => 1,
        SealKind::LegalRepresentative => 2,
        SealKind::Signature => 3,
    }
}

/// A time as CAs are told it: milliseconds since 1970.
pub(super) fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.millis()).unwrap_or_default()
}

/// Whether a seal is what was asked for, made by this CA: its name, kind and users, and valid now. A CA may have drawn the picture
/// in its own way.
///
/// # Errors
/// What does not fit.
pub(super) fn fits(
    authority: &Authority,
    asked: &SealIssueRequest,
    issued: &IssuedSeal,
) -> Result<(), String> {
    let seal = SesSeal::from_der(issued.seal.as_bytes()).map_err(|e| e.to_string())?;
    seal.verify_maker_signature().map_err(|e| e.to_string())?;
    authority.vouches_for(seal.maker(), clock::now()).map_err(|e| e.to_string())?;
    if seal.id() != issued.seal_id {
        return Err("its esID is not the one that the CA names it by".to_owned());
    }
    if seal.name() != asked.name || seal.kind() != i64::from(asked.kind) {
        return Err("it has another name or kind than asked for".to_owned());
    }
    let now = clock::now().seconds();
    if seal.valid_until() < now || seal.valid_from() > now + MOST_CLOCK_SKEW_SECONDS {
        return Err("it is not valid now".to_owned());
    }
    let signers = asked.signers.iter().map(|der| Certificate::from_der(der.as_bytes()));
    let signers: Vec<_> = signers.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    if let Some(missing) = signers.iter().find(|signer| !seal.signers().contains(signer)) {
        return Err(format!("it does not name the certificate {} as a user", missing.serial()));
    }
    if seal.signers().len() > signers.len() {
        return Err("it names more users than asked for".to_owned());
    }
    Ok(())
}
