//! The phone's requests: claim, fetch, respond, decline.

use std::sync::Arc;

use actix_web::web;

use yinqiao_gm::sm2;
use yinqiao_protocol::holder::{Acceptance, Claimant, Holder, masked_name};
use yinqiao_protocol::phone::{
    Answered, ClaimRequest, Claimed, Decline, DeclineReason, ItemDigest, PhoneSession, Response,
};
use yinqiao_protocol::statement::{Claim, NamedSeal, SignedText, digest_of_parts};
use yinqiao_protocol::task::Task;
use yinqiao_protocol::{Base64, Cause, SessionId, Sm3Hex, Statement, Token, code};

use super::authentication::Bearer;
use super::problem::{ApiError, Kind};
use super::sessions::Wait;
use crate::adapter::TrustError;
use crate::broker::Broker;
use crate::clock;
use crate::directory::{DirectoryError, KnownCertificate};
use crate::session::machine::{ClaimFacts, Input, Refusal};
use crate::session::record::{ClaimRecord, SessionRecord, State};
use crate::session::verification::{Expectation, verify};
use crate::store::{EventsOf, StoredSession};

mod encryption;
mod seal;

use encryption::refuse_other_keys;
use seal::{chosen_seal, still_good, usable_seal};

/// `POST /v1/phone/claims`
pub async fn claim(
    broker: web::Data<Broker>,
    request: web::Json<ClaimRequest>,
) -> Result<web::Json<Claimed>, ApiError> {
    let request = request.into_inner();
    let claim = Claim::from_bytes(request.claim.as_slice())
        .map_err(|e| ApiError::new(Kind::MalformedRequest, format!("claim: {e}")))?;
    let scanned = code::ScannedCode::parse(&claim.code)
        .map_err(|e| ApiError::new(Kind::MalformedRequest, e.to_string()))?;
    let stored = broker.sessions.session(scanned.session).await?;
    if !scanned.is_authentic(stored.record.secret.expose()) {
        return Err(ApiError::new(
            Kind::CodeNotAuthentic,
            "the code was not made for this session: scan the code on the bid system's page",
        ));
    }
    let known = known_certificate(&broker, &claim.certificate_sm3).await?;
    verify_device_signature(&broker, &known, &request).await?;
    let claim_sm3 = Sm3Hex::of(request.claim.as_slice());
    let repeated = stored.record.claim().is_some_and(|before| before.claim_sm3 == claim_sm3);
    let stored = if repeated {
        stored
    } else {
        refuse_what_cannot_be_claimed(&stored.record, &scanned)?;
        let facts = claim_facts(&broker, &stored.record, &known, &claim, claim_sm3).await?;
        broker.sessions.apply(scanned.session, Input::Claim(Box::new(facts))).await?.stored
    };
    claimed(&broker, &stored, claim_sm3).map(web::Json)
}

async fn known_certificate(broker: &Broker, sm3: &Sm3Hex) -> Result<Arc<KnownCertificate>, ApiError> {
    broker.directory.certificate(sm3).await.map_err(|error| match error {
        DirectoryError::NotFound(_) => ApiError::new(
            Kind::CertificateUnknown,
            "this broker does not know the certificate: enrol the phone here, or use a certificate that was",
        ),
        error => error.into(),
    })
}

async fn verify_device_signature(
    broker: &Broker,
    known: &Arc<KnownCertificate>,
    request: &ClaimRequest,
) -> Result<(), ApiError> {
    let (known, bytes, signature) = (Arc::clone(known), request.claim.clone(), request.signature.clone());
    let genuine = broker
        .pool
        .run(move || {
            sm2::Signature::from_der(signature.as_slice())
                .and_then(|signature| known.device_key.verify(bytes.as_slice(), &signature))
                .is_ok()
        })
        .await?;
    if genuine {
        Ok(())
    } else {
        Err(ApiError::new(
            Kind::SignatureInvalid,
            "the claim is not signed by the phone that this certificate was issued to: use that phone",
        ))
    }
}

fn refuse_what_cannot_be_claimed(
    record: &SessionRecord,
    scanned: &code::ScannedCode,
) -> Result<(), ApiError> {
    match &record.state {
        State::Waiting { .. } => {}
        State::Completed { .. } | State::Ended { .. } => {
            return Err(Refusal::Ended(record.state_name()).into());
        }
        State::ItemsAwaited { .. } | State::Ready { .. } => return Err(Refusal::AlreadyClaimed.into()),
    }
    if scanned.is_fresh(record.opened_at, clock::now()) {
        Ok(())
    } else {
        Err(ApiError::new(
            Kind::StaleCode,
            format!(
                "the code is no longer shown: a code is good for {} s; scan the one on the page now",
                u64::from(code::STEPS_ACCEPTED) * code::STEP_MILLIS / 1000
            ),
        ))
    }
}

async fn claim_facts(
    broker: &Broker,
    record: &SessionRecord,
    known: &Arc<KnownCertificate>,
    claim: &Claim,
    claim_sm3: Sm3Hex,
) -> Result<ClaimFacts, ApiError> {
    refuse_other_holders(&record.terms.accept, &known.record.holder, &known.record.certificate_authority)?;
    refuse_other_keys(broker, &record.terms.task, known, &claim.decrypts).await?;
    if let Err(error) = broker.check_certificate(known).await {
        return Err(turned_away(broker, record.id, error).await);
    }
    let seal = match &record.terms.task {
        Task::Seal { seal_kind, .. } => Some(chosen_seal(broker, known, *seal_kind, claim.seal).await?),
        _ => None,
    };
    let holder = known.record.holder.clone();
    let claimant = Claimant {
        masked_name: masked_name(&holder.name),
        enterprise: holder.enterprise.as_ref().map(|enterprise| enterprise.name.clone()),
        match_code: code::match_code(record.secret.expose(), &record.id, claim_sm3.as_bytes()),
        certificate: record.terms.late_items.then(|| known.record.signing_certificate.clone()),
        seal: seal.as_ref().map(|seal| seal.der.clone()),
    };
    Ok(ClaimFacts {
        claim_sm3,
        token_sm3: broker.claim_token(&record.id, claim_sm3).digest(),
        holder,
        certificate_authority: known.record.certificate_authority.clone(),
        certificate_sm3: known.sm3,
        seal: seal.map(|seal| NamedSeal {
            id: seal.id,
            name: seal.name,
            sm3: Sm3Hex::of(seal.der.as_slice()),
        }),
        claimant,
    })
}

/// Notes for the session's end that its holder came and the CA was not to be had.
async fn turned_away(broker: &Broker, session: SessionId, error: TrustError) -> ApiError {
    if let TrustError::StatusUnavailable { authority }
    | TrustError::IssuerStatusUnavailable { authority, .. } = &error
    {
        let input = Input::TurnAway { certificate_authority: authority.clone() };
        if let Err(problem) = broker.sessions.apply(session, input).await {
            return problem.into();
        }
    }
    error.into()
}

fn refuse_other_holders(accept: &Acceptance, holder: &Holder, authority: &str) -> Result<(), ApiError> {
    let refused = |detail: String| Err(ApiError::new(Kind::HolderNotAccepted, detail));
    if !accept.certificate_authorities.is_empty()
        && !accept.certificate_authorities.iter().any(|name| name == authority)
    {
        return refused(format!(
            "the bid system accepts certificates of {} here, this one is of {authority}: choose another certificate",
            accept.certificate_authorities.join(", ")
        ));
    }
    let code = holder.enterprise.as_ref().map(|enterprise| &enterprise.unified_social_credit_code);
    if !accept.enterprises.is_empty() && !code.is_some_and(|code| accept.enterprises.contains(code)) {
        return refused(
            "the bid system expects another company here: choose that company's certificate".into(),
        );
    }
    if !accept.persons.is_empty() && !accept.persons.contains(&holder.id) {
        return refused("the bid system expects another person here: this code is not for you".into());
    }
    Ok(())
}

fn claimed(broker: &Broker, stored: &StoredSession, claim_sm3: Sm3Hex) -> Result<Claimed, ApiError> {
    let record = &stored.record;
    let claim = record.claim().filter(|claim| claim.claim_sm3 == claim_sm3).ok_or(Refusal::AlreadyClaimed)?;
    Ok(Claimed {
        session: record.id,
        claim_token: broker.claim_token(&record.id, claim_sm3),
        match_code: claim.claimant.match_code.clone(),
        relying_party: record.relying_party.clone(),
        purpose: record.terms.task.purpose(),
        display: record.terms.display.clone(),
        items_awaited: matches!(record.state, State::ItemsAwaited { .. }),
        confirm_until: record.deadline(),
    })
}

/// A session that was claimed with this token.
async fn claimed_with(
    broker: &Broker,
    id: SessionId,
    token: &Token,
) -> Result<(StoredSession, ClaimRecord), ApiError> {
    let stored = broker.sessions.session(id).await?;
    match stored.record.claim() {
        Some(claim) if token.matches(&claim.token_sm3) => {
            let claim = claim.clone();
            Ok((stored, claim))
        }
        _ => Err(ApiError::new(
            Kind::NotTheClaimant,
            "the token is not of the phone that claimed the session: claim it first, with a fresh code",
        )),
    }
}

/// `GET /v1/phone/sessions/{session}`
pub async fn fetch(
    broker: web::Data<Broker>,
    Bearer(token): Bearer,
    session: web::Path<SessionId>,
    wait: web::Query<Wait>,
) -> Result<web::Json<PhoneSession>, ApiError> {
    let deadline = tokio::time::Instant::now() + wait.duration();
    let (stored, claim) = claimed_with(&broker, *session, &token).await?;
    let relying_party = stored.record.relying_party.id.clone();
    let (_subscription, woken) = broker.hub.subscribe_waiter(&relying_party, EventsOf::Session(*session));
    loop {
        let stored = broker.sessions.session(*session).await?;
        let awaits = matches!(stored.record.state, State::ItemsAwaited { .. });
        if !awaits || tokio::time::timeout_at(deadline, woken.notified()).await.is_err() {
            return phone_session(&broker, &stored, &claim).await.map(web::Json);
        }
    }
}

async fn phone_session(
    broker: &Broker,
    stored: &StoredSession,
    claim: &ClaimRecord,
) -> Result<PhoneSession, ApiError> {
    let record = &stored.record;
    let mut view = PhoneSession {
        state: record.state_name(),
        until: Some(record.deadline()),
        statement: None,
        seal: None,
        to_be_signed: Vec::new(),
        cause: if let State::Ended { cause, .. } = &record.state { Some(cause.clone()) } else { None },
    };
    if let State::Ready { statement: bytes, .. } = &record.state {
        let known = known_certificate(broker, &claim.certificate_sm3).await?;
        let seal = match usable_seal(broker, claim, &known).await {
            Ok(seal) => seal,
            Err(end) => return Err(end.of(broker, record.id).await),
        };
        let (statement_bytes, seal_bytes) = (bytes.clone(), seal.clone());
        let digests =
            broker.pool.run(move || item_digests(&statement_bytes, seal_bytes.as_deref())).await??;
        view.statement = Some(bytes.clone());
        view.seal = seal.map(Base64);
        view.to_be_signed = digests;
    }
    Ok(view)
}

fn item_digests(statement: &Base64, seal: Option<&[u8]>) -> Result<Vec<ItemDigest>, ApiError> {
    let internal = |e: String| ApiError::new(Kind::Internal, e);
    let statement = Statement::from_bytes(statement.as_slice()).map_err(|e| internal(e.to_string()))?;
    let items = statement.items_to_sign(seal).map_err(|e| internal(e.to_string()))?;
    Ok(items.into_iter().map(|item| ItemDigest { id: item.id, sm3: Sm3Hex::of(&item.bytes) }).collect())
}

/// `POST /v1/phone/sessions/{session}/response`
pub async fn respond(
    broker: web::Data<Broker>,
    Bearer(token): Bearer,
    session: web::Path<SessionId>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<web::Json<Answered>, ApiError> {
    let body = body.map_err(|error| {
        super::body_error(
            &error,
            format_args!("{} bytes: a response has at most 1,000 items", super::MOST_BYTES_PHONE),
        )
    })?;
    let (stored, claim) = claimed_with(&broker, *session, &token).await?;
    let response: Response = serde_json::from_slice(&body).map_err(|e| {
        ApiError::new(Kind::MalformedRequest, format!("the body is not the JSON expected here: {e}"))
    })?;
    let response_sm3 = digest_of_parts(&[&body]);
    let statement = match &stored.record.state {
        State::Ready { statement, .. } => statement.clone(),
        State::Completed { response_sm3: before, at, .. } if *before == response_sm3 => {
            return Ok(web::Json(Answered { state: stored.record.state_name(), at: *at }));
        }
        State::Completed { .. } => return Err(Refusal::OtherResponse.into()),
        State::ItemsAwaited { .. } => return Err(Refusal::ItemsAwaited.into()),
        State::Waiting { .. } => return Err(Refusal::NotClaimed.into()),
        State::Ended { .. } => return Err(Refusal::Ended(stored.record.state_name()).into()),
    };
    let known = known_certificate(&broker, &claim.certificate_sm3).await?;
    let checked = match broker.check_certificate(&known).await {
        Ok(checked) => checked,
        Err(error) => return Err(fail_where_final(&broker, *session, error).await),
    };
    let seal = match usable_seal(&broker, &claim, &known).await {
        Ok(seal) => seal,
        Err(end) => return Err(end.of(&broker, *session).await),
    };
    let expected = Expectation {
        statement: statement.0,
        certificate: known.signing.clone(),
        chain: checked.chain().to_vec(),
        encryption_certificate: known.record.encryption_certificate.clone().map(|der| der.0),
        seal,
        certificate_authority: known.record.certificate_authority.clone(),
        status: checked.status,
    };
    let now = clock::now();
    let facts = broker.pool.run(move || verify(&expected, &response, response_sm3, now)).await??;
    if let Err(end) = still_good(&broker, &claim).await {
        return Err(end.of(&broker, *session).await);
    }
    let applied = broker.sessions.apply(*session, Input::Respond(Box::new(facts))).await?;
    Ok(web::Json(answered(&applied.stored)))
}

/// A certificate that was revoked or suspended or has expired after the claim ends the session; a status that cannot be had now may
/// be had in a moment.
async fn fail_where_final(broker: &Broker, session: SessionId, error: TrustError) -> ApiError {
    let cause = match &error {
        TrustError::Revoked { .. } | TrustError::IssuerRevoked { .. } => Some(Cause::CertificateRevoked),
        TrustError::Held { .. } => Some(Cause::CertificateSuspended),
        TrustError::NotValidNow { .. } => Some(Cause::CertificateExpired),
        TrustError::NotTrusted { .. }
        | TrustError::UnknownAuthority(_)
        | TrustError::StatusUnavailable { .. }
        | TrustError::IssuerStatusUnavailable { .. } => None,
    };
    if let Some(cause) = cause
        && let Err(problem) = broker.sessions.apply(session, Input::Fail(cause)).await
    {
        return problem.into();
    }
    error.into()
}

/// `POST /v1/phone/sessions/{session}/decline`
pub async fn decline(
    broker: web::Data<Broker>,
    Bearer(token): Bearer,
    session: web::Path<SessionId>,
    decline: web::Json<Decline>,
) -> Result<web::Json<Answered>, ApiError> {
    let (stored, _) = claimed_with(&broker, *session, &token).await?;
    let decline = decline.into_inner();
    let input = match (decline.reason, decline.item) {
        (DeclineReason::Declined, None) => Input::Decline(Cause::DeclinedByHolder),
        (DeclineReason::Reported, None) => Input::Decline(Cause::ReportedByHolder),
        (DeclineReason::PinLocked, None) => Input::Fail(Cause::PinLocked),
        // A phone can only refuse a statement that it was given.
        (DeclineReason::Refused, None) if matches!(stored.record.state, State::ItemsAwaited { .. }) => {
            return Err(Refusal::ItemsAwaited.into());
        }
        (DeclineReason::Refused, None) => Input::Fail(Cause::RefusedByPhone),
        (DeclineReason::KeyDidNotOpen, Some(item))
            if stored.record.terms.task.items().iter().any(|(id, _)| **id == item) =>
        {
            Input::Fail(Cause::KeyDidNotOpen { item })
        }
        _ => {
            return Err(ApiError::new(
                Kind::InvalidRequest,
                "item goes with the reason key_did_not_open, and names one of the session's items",
            ));
        }
    };
    let applied = broker.sessions.apply(*session, input).await?;
    Ok(web::Json(answered(&applied.stored)))
}

fn answered(stored: &StoredSession) -> Answered {
    let at = match &stored.record.state {
        State::Completed { at, .. } | State::Ended { at, .. } => *at,
        _ => stored.record.opened_at,
    };
    Answered { state: stored.record.state_name(), at }
}
