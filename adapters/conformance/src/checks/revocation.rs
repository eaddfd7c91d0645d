//! Revocation and suspension, and whether all who are asked about them agree.

use yinqiao_ca_sdk::messages::{
    CertificateIdentity, CertificateState, DerRequest, RevocationReason, Serial, State,
};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{CertId, CertStatus, Expectation, Nonce, OcspRequest, OcspResponse, generate_nonce};
use yinqiao_gm::x509::{Certificate, CertificateRevocationList, RevokedEntry};

use crate::bench::{Bench, Issued};
use crate::fixtures;
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, skipped};

pub(crate) async fn revokes(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "revoked").await?;
    let states =
        change(bench, &handle, &fixtures::revoke(&pair.serial, RevocationReason::KeyCompromise, true))
            .await?;
    for serial in pair.serials()? {
        let found = states.iter().find(|state| state.serial == serial);
        let found = found
            .ok_or_else(|| failed(format!("the reply does not name {serial}, which pair=true includes")))?;
        ensure(found.state == State::Revoked, || format!("the reply says {:?}", found.state))?;
        agree(bench, &handle, &pair, &serial, State::Revoked, Some(RevocationReason::KeyCompromise)).await?;
    }
    HOLDS
}

pub(crate) async fn twice(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "revoked").await?;
    let first =
        change(bench, &handle, &fixtures::revoke(&pair.serial, RevocationReason::Superseded, false)).await?;
    let again = fixtures::revoke(&pair.serial, RevocationReason::CessationOfOperation, false);
    let second = change(bench, &handle, &again).await.map_err(|stop| match stop {
        Stop::Failed(why) => failed(format!("revoking what is revoked must be CA_OK: {why}")),
        stop => stop,
    })?;
    let of = |states: &[CertificateState]| states.iter().find(|state| state.serial == pair.serial).cloned();
    let (Some(first), Some(second)) = (of(&first), of(&second)) else {
        return Err(failed("the reply does not name the certificate"));
    };
    ensure(second.state == State::Revoked, || format!("the second reply says {:?}", second.state))?;
    ensure(second.reason == first.reason && second.changed_at_ms == first.changed_at_ms, || {
        "the second reply does not report the first reason and time".to_owned()
    })?;
    HOLDS
}

pub(crate) async fn alone(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "revoked").await?;
    let serials = pair.serials()?;
    let Some(other) = serials.get(1) else { return Err(skipped("the CA issues no encryption certificate")) };
    change(bench, &handle, &fixtures::revoke(&pair.serial, RevocationReason::Superseded, false)).await?;
    agree(bench, &handle, &pair, &pair.serial, State::Revoked, Some(RevocationReason::Superseded)).await?;
    agree(bench, &handle, &pair, other, State::Good, None).await?;
    HOLDS
}

pub(crate) async fn unknown_serial(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let request = fixtures::revoke(&bench.subject()?.serial, RevocationReason::Superseded, false);
    match bench.run(&handle, &request, &bench.key("revoke")?).await {
        Err(error) if error.class == ErrorClass::Permanent => {
            ensure(!error.text.contains("gave no text"), || {
                "the error has no text: operators see nothing but a class".to_owned()
            })?;
            HOLDS
        }
        Err(error) => Err(failed(format!(
            "revoking a number that was never given is {}; permanent is the class",
            error.class
        ))),
        Ok(_) => Err(failed("a number that was never given is revoked")),
    }
}

pub(crate) async fn holds_and_releases(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "held").await?;
    let states = change(bench, &handle, &fixtures::hold(&pair.serial)).await?;
    ensure(states.iter().any(|state| state.serial == pair.serial && state.state == State::Held), || {
        "the reply to hold does not say held".to_owned()
    })?;
    for serial in pair.serials()? {
        agree(bench, &handle, &pair, &serial, State::Held, Some(RevocationReason::CertificateHold)).await?;
    }
    if !bench.offers(Operation::Unhold.capability()) {
        return holds("unhold is not offered");
    }
    change(bench, &handle, &fixtures::unhold(&pair.serial)).await?;
    for serial in pair.serials()? {
        agree(bench, &handle, &pair, &serial, State::Good, None).await?;
    }
    HOLDS
}

pub(crate) async fn held_can_be_revoked(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "held").await?;
    change(bench, &handle, &fixtures::hold(&pair.serial)).await?;
    change(bench, &handle, &fixtures::revoke(&pair.serial, RevocationReason::PrivilegeWithdrawn, true))
        .await?;
    agree(bench, &handle, &pair, &pair.serial, State::Revoked, Some(RevocationReason::PrivilegeWithdrawn))
        .await?;
    if bench.offers(Operation::Unhold.capability()) {
        match bench.run(&handle, &fixtures::unhold(&pair.serial), &bench.key("unhold")?).await {
            Err(error) if error.class == ErrorClass::Permanent => {}
            Err(error) => {
                return Err(failed(format!(
                    "releasing what is revoked is {}; permanent is the class",
                    error.class
                )));
            }
            Ok(_) => agree(bench, &handle, &pair, &pair.serial, State::Revoked, None).await?,
        }
    }
    HOLDS
}

pub(crate) async fn crl(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let (list, reply) = revocation_list(bench, &handle).await?;
    let number = list.number().ok_or_else(|| failed("the list has no cRLNumber (RFC 5280, 5.2.3)"))?;
    ensure(strip(number) == strip(&hex::decode(&reply.number).unwrap_or_default()), || {
        "number is not the list's cRLNumber".to_owned()
    })?;
    let now = (bench.now_ms() / 1000) as i64;
    ensure(list.this_update() <= now + 300, || "thisUpdate lies in the future".to_owned())?;
    ensure(list.next_update() > now, || {
        "nextUpdate is over: relying parties would refuse the list".to_owned()
    })?;
    ensure(reply.this_update_ms / 1000 == list.this_update().unsigned_abs(), || {
        "this_update_ms is not the list's".to_owned()
    })?;
    ensure(reply.next_update_ms / 1000 == list.next_update().unsigned_abs(), || {
        "next_update_ms is not the list's".to_owned()
    })?;
    let issuers = issuers(bench, &handle).await?;
    ensure(issuers.iter().any(|issuer| list.verify_signature(issuer).is_ok()), || {
        "no certificate of the CA verifies the list".to_owned()
    })?;
    holds(format!("{} entries", list.entries().len()))
}

pub(crate) async fn crl_number_grows(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let (before, _) = revocation_list(bench, &handle).await?;
    let pair = bench.prepared(&handle, "revoked").await?;
    change(bench, &handle, &fixtures::revoke(&pair.serial, RevocationReason::AffiliationChanged, true))
        .await?;
    let (after, _) = revocation_list(bench, &handle).await?;
    ensure(after.entry(pair.signing.serial()).is_some(), || {
        "a list that was fetched after the revocation does not name the certificate".to_owned()
    })?;
    let number = |list: &CertificateRevocationList| strip(list.number().unwrap_or_default());
    let (old, new) = (number(&before), number(&after));
    ensure((new.len(), &new) > (old.len(), &old), || {
        format!(
            "the number of a newer list with other entries is {}, not more than {}",
            hex::encode(&new),
            hex::encode(&old)
        )
    })?;
    HOLDS
}

pub(crate) async fn ocsp(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    let issuer = issuer_of(&pair)?;
    for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sm3] {
        let status = ocsp_status(bench, &handle, &issuer, &pair.signing, hash, true).await?;
        ensure(status == CertStatus::Good, || format!("for a good certificate it answers {status:?}"))?;
    }
    HOLDS
}

/// A certificate's state by the operation of that name.
pub(crate) async fn state(
    bench: &Bench,
    handle: &AdapterHandle,
    serial: &Serial,
) -> Result<CertificateState, Stop> {
    let request = Request::Status(CertificateIdentity { serial: serial.clone() });
    match bench.done(handle, &request, &bench.key("status")?).await?.0 {
        Reply::State(state) => Ok(state),
        _ => Err(failed("the reply to status is no state")),
    }
}

async fn change(
    bench: &Bench,
    handle: &AdapterHandle,
    request: &Request,
) -> Result<Vec<CertificateState>, Stop> {
    match bench.done(handle, request, &bench.key("change")?).await?.0 {
        Reply::States(states) => Ok(states.certificates),
        _ => Err(failed("the reply is no list of states")),
    }
}

/// Status, revocation list and OCSP say the same, as far as each is offered.
async fn agree(
    bench: &Bench,
    handle: &AdapterHandle,
    pair: &Issued,
    serial: &Serial,
    wanted: State,
    reason: Option<RevocationReason>,
) -> Result<(), Stop> {
    let certificate = if *serial == pair.serial { Some(&pair.signing) } else { pair.encryption.as_ref() };
    let Some(certificate) = certificate else { return Ok(()) };
    if bench.offers(Operation::Status.capability()) {
        let found = state(bench, handle, serial).await?;
        ensure(found.state == wanted, || {
            format!("status says {:?} of {serial}; it must be {wanted:?}", found.state)
        })?;
        ensure(reason.is_none() || found.reason == reason, || {
            format!("status gives the reason {:?}; it was {reason:?}", found.reason)
        })?;
    }
    if bench.offers(Operation::Crl.capability()) {
        let (list, _) = revocation_list(bench, handle).await?;
        entry_agrees("the revocation list", list.entry(certificate.serial()), wanted, reason)?;
    }
    if bench.offers(Operation::Ocsp.capability()) {
        let issuer = issuer_of(pair)?;
        let entry = match ocsp_status(bench, handle, &issuer, certificate, HashAlgorithm::Sm3, false).await? {
            CertStatus::Good => None,
            CertStatus::Revoked(entry) => Some(entry),
            CertStatus::Unknown => return Err(failed(format!("OCSP does not know {serial}"))),
        };
        entry_agrees("OCSP", entry, wanted, reason)?;
    }
    Ok(())
}

fn entry_agrees(
    who: &str,
    entry: Option<RevokedEntry>,
    wanted: State,
    reason: Option<RevocationReason>,
) -> Result<(), Stop> {
    match (entry, wanted) {
        (None, State::Good) => Ok(()),
        (Some(_), State::Good) => Err(failed(format!("{who} still names a certificate that is good"))),
        (None, _) => Err(failed(format!("{who} does not name a certificate that is {wanted:?}"))),
        (Some(entry), _) => {
            let code = reason.map(code);
            ensure(code.is_none_or(|code| entry.reason.code() == code), || {
                format!("{who} gives the reason {:?}; it was {reason:?}", entry.reason)
            })
        }
    }
}

async fn ocsp_status(
    bench: &Bench,
    handle: &AdapterHandle,
    issuer: &Certificate,
    certificate: &Certificate,
    hash: HashAlgorithm,
    with_nonce: bool,
) -> Result<CertStatus, Stop> {
    let words = |error: yinqiao_gm::ocsp::Error| failed(format!("OCSP: {error}"));
    let id = CertId::new(hash, issuer, certificate.serial()).map_err(words)?;
    let nonce = generate_nonce().map_err(words)?;
    let request =
        OcspRequest::build(std::slice::from_ref(&id), with_nonce.then_some(&nonce[..])).map_err(words)?;
    let request = Request::Ocsp(DerRequest { request: request.der().to_vec().into() });
    let Reply::Response(reply) = bench.done(handle, &request, &bench.key("ocsp")?).await?.0 else {
        return Err(failed("the reply to OCSP is no response"));
    };
    let response = OcspResponse::from_der(reply.response.as_bytes()).map_err(words)?;
    let nonce = if with_nonce { Nonce::Optional(&nonce) } else { Nonce::NotSent };
    let expectation = Expectation { nonce, ..Expectation::new(issuer, (bench.now_ms() / 1000) as i64) };
    let verified = response.verify(&expectation).map_err(words)?;
    Ok(verified.status(&id).map_err(words)?.status)
}

async fn revocation_list(
    bench: &Bench,
    handle: &AdapterHandle,
) -> Result<(CertificateRevocationList, yinqiao_ca_sdk::messages::Crl), Stop> {
    match bench.done(handle, &fixtures::crl(), &bench.key("crl")?).await?.0 {
        Reply::Crl(reply) => {
            let list = CertificateRevocationList::from_der(reply.crl.as_bytes())
                .during("reading the revocation list (RFC 5280, SM2 with SM3)")?;
            Ok((list, reply))
        }
        _ => Err(failed("the reply to CRL is no list")),
    }
}

/// Certificates that may have signed the list: the CA's own, and those of an issued pair's chain.
async fn issuers(bench: &Bench, handle: &AdapterHandle) -> Result<Vec<Certificate>, Stop> {
    let ders = bench.authorities(handle).await?;
    let found: Vec<Certificate> =
        ders.iter().filter_map(|der| Certificate::from_der(der.as_bytes()).ok()).collect();
    if found.is_empty() {
        return Err(skipped("needs CA_CERTIFICATES or an issued certificate to know the list's issuer"));
    }
    Ok(found)
}

fn issuer_of(pair: &Issued) -> Result<Certificate, Stop> {
    let der = pair.pair.chain.first().ok_or_else(|| skipped("the pair has no chain; see issue.chain"))?;
    Certificate::from_der(der.as_bytes()).map_err(|_| skipped("the chain cannot be read; see issue.chain"))
}

fn strip(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|octet| *octet == 0).collect()
}

/// RFC 5280, 5.3.1.
const fn code(reason: RevocationReason) -> u8 {
    match reason {
        RevocationReason::Unspecified => 0,
        RevocationReason::KeyCompromise => 1,
        RevocationReason::CaCompromise => 2,
        RevocationReason::AffiliationChanged => 3,
        RevocationReason::Superseded => 4,
        RevocationReason::CessationOfOperation => 5,
        RevocationReason::CertificateHold => 6,
        RevocationReason::PrivilegeWithdrawn => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(reason: yinqiao_gm::x509::RevocationReason) -> Option<RevokedEntry> {
        Some(RevokedEntry { revoked_at: 1, reason })
    }

    #[test]
    fn a_list_agrees_only_when_entry_and_reason_are_as_they_must_be() {
        use yinqiao_gm::x509::RevocationReason as Listed;
        let superseded = Some(RevocationReason::Superseded);
        assert!(entry_agrees("it", None, State::Good, None).is_ok());
        assert!(entry_agrees("it", entry(Listed::Superseded), State::Revoked, superseded).is_ok());
        assert!(entry_agrees("it", entry(Listed::Superseded), State::Revoked, None).is_ok());
        for (found, wanted, reason) in [
            (entry(Listed::CertificateHold), State::Good, None),
            (None, State::Held, None),
            (None, State::Revoked, superseded),
            (entry(Listed::Unspecified), State::Revoked, superseded),
        ] {
            assert!(entry_agrees("it", found, wanted, reason).is_err(), "{wanted:?}");
        }
    }
}
