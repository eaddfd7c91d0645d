//! Operations that people or batches at the CA decide later.

use yinqiao_ca_sdk::messages::{Cancellation, LookupQuery, LookupReply, Pending};
use yinqiao_ca_sdk::{ErrorClass, Operation, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_ca_worker::Submitted;

use super::issue::another_request;
use crate::bench::{Bench, CALL, within};
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, not_offered};

/// Tokens that no CA gave.
const NOBODYS: [&str; 4] = ["nobody", "../../etc/passwd", "", "00000000-0000-0000-0000-000000000000"];

pub(crate) async fn unknown_token(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    for token in NOBODYS {
        match handle.poll(Operation::Issue, token, &within(CALL)).await {
            Err(error) if error.class == ErrorClass::Permanent => {}
            Err(error) => {
                return Err(failed(format!(
                    "poll with a token that nobody knows is {}; permanent is the class",
                    error.class
                )));
            }
            Ok(_) => return Err(failed("poll with a token that nobody knows has a reply")),
        }
    }
    HOLDS
}

pub(crate) async fn survives_restart(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let (operation, key, pending) = first_pending(bench, &handle).await?;
    ensure(pending.retry_after_ms > 0, || {
        "retry_after_ms is 0: the host would poll without a pause".to_owned()
    })?;
    let other = bench.start(bench.configuration()?.clone(), bench.services.clone()).await?;
    other
        .poll(operation, &pending.token, &within(CALL))
        .await
        .during("poll with the token in another process")?;
    if bench.offers(yinqiao_ca_abi::capability::CA_CAN_LOOKUP) {
        let query = LookupQuery::IdempotencyKey(key);
        match other.lookup(&query, &within(CALL)).await.during("lookup of what is pending")? {
            LookupReply::Absent => return Err(failed("lookup says absent of what is pending")),
            LookupReply::Pending { .. } | LookupReply::Done { .. } => {}
        }
    }
    HOLDS
}

pub(crate) async fn cancels(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let (operation, _, pending) = first_pending(bench, &handle).await?;
    match handle.cancel(&pending.token, &within(CALL)).await.during("cancel")? {
        Cancellation::Done => holds("it was done already"),
        Cancellation::Cancelled => match handle.poll(operation, &pending.token, &within(CALL)).await {
            Ok(Submitted::Done { .. }) => Err(failed("what was cancelled is done all the same")),
            Ok(Submitted::Pending(_)) => Err(failed("what was cancelled is still pending")),
            Err(error) => ensure(error.class == ErrorClass::Permanent, || {
                format!("poll of what was cancelled is {}; permanent is the class", error.class)
            })
            .map(|()| None),
        },
    }
}

pub(crate) async fn cancel_of_nothing(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    for token in NOBODYS {
        match handle.cancel(token, &within(CALL)).await {
            Err(error) if error.class == ErrorClass::Permanent => {}
            Err(error) => {
                return Err(failed(format!(
                    "cancel with a token that nobody knows is {}; permanent is the class",
                    error.class
                )));
            }
            Ok(_) => return Err(failed("cancel with a token that nobody knows is done")),
        }
    }
    HOLDS
}

/// An operation that the CA does not decide at once.
async fn first_pending(
    bench: &Bench,
    handle: &AdapterHandle,
) -> Result<(Operation, yinqiao_ca_sdk::messages::IdempotencyKey, Pending), Stop> {
    for request in candidates(bench, handle).await? {
        let key = bench.key("pending")?;
        if let Ok(Submitted::Pending(pending)) = handle.submit(&request, &key, &within(CALL)).await {
            return Ok((request.operation(), key, pending));
        }
    }
    Err(not_offered("the CA decides everything at once"))
}

async fn candidates(bench: &Bench, handle: &AdapterHandle) -> Result<Vec<Request>, Stop> {
    let mut requests = Vec::new();
    if bench.sound_operations().await.contains(&Operation::Issue) {
        requests.push(another_request(bench)?);
        if let Ok(pair) = bench.prepared(handle, "pending").await {
            if let (true, Some(encryption)) =
                (bench.offers(Operation::RecoverKey.capability()), &pair.encryption)
            {
                let serial = crate::bench::serial_of(encryption)?;
                let csr = bench.subject()?.csr;
                requests
                    .push(Request::RecoverKey(yinqiao_ca_sdk::messages::RecoverKeyRequest { serial, csr }));
            }
            if bench.offers(Operation::SealIssue.capability()) {
                requests.push(crate::fixtures::seal(&pair.pair.signing_certificate, bench.now_ms()));
            }
        }
    }
    Ok(requests)
}
