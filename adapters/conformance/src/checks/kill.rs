//! kill -9 at every stage: afterwards there is one certificate or none, and lookup knows which.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{IdempotencyKey, LookupQuery, LookupReply, RevocationReason, Serial};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::{AdapterHandle, ProcessState};
use yinqiao_gm::sm2::PrivateKey;

use super::issue::{another_request, pair_of};
use super::list;
use crate::bench::{Bench, CALL, serial_of, within};
use crate::fixtures;
use crate::verdict::{Stop, Verdict, While as _, ensure, failed, holds, not_offered, skipped};

pub(crate) async fn during(bench: &Bench, operation: Operation) -> Verdict {
    let known = [capability::CA_CAN_LOOKUP, capability::CA_CAN_DEDUPLICATE, capability::CA_CAN_LIST];
    if !known.iter().any(|bit| bench.offers(*bit)) {
        return Err(not_offered(
            "lookup, list or deduplicate, by which a host would learn what a killed call has done",
        ));
    }
    let handle = bench.start(bench.configuration()?.clone(), bench.services.clone()).await?;
    let request = prepare(bench, &handle, operation).await?;
    let began = Instant::now();
    bench.done(&handle, &request, &bench.key("unkilled")?).await.map_err(|stop| match stop {
        Stop::Failed(why) => skipped(format!("it does not work without a kill: {why}")),
        stop => stop,
    })?;
    let whole = began.elapsed().max(Duration::from_millis(2));

    let few = if operation == Operation::Issue { (12, 400) } else { (5, 80) };
    let instants = bench.options.profile.of(few.0, few.1);
    let mut random = fastrand::Rng::with_seed(bench.options.seed);
    let (mut stored, mut unknown) = (0, 0);
    for number in 0..instants {
        let request = prepare(bench, &handle, operation).await?;
        let key = bench.key("killed")?;
        // Stepped over a little more than the whole call, with a random part.
        let step = whole * 3 / 2 / instants;
        let after = step * number + step.mul_f64(random.f64());
        if kill_inside(&handle, &request, &key, after).await? {
            unknown += 1;
        }
        if settled(bench, &handle, &request, &key).await.map_err(|stop| at(stop, after))? {
            stored += 1;
        }
    }
    holds(format!("{instants} kills, {unknown} inside the call, {stored} after it was stored"))
}

/// Under the key, the list has the certificates of one pair at most.
pub(crate) async fn at_most_one_pair(handle: &AdapterHandle, key: &IdempotencyKey) -> Result<(), Stop> {
    let serials = listed_under(handle, key).await?;
    ensure(serials.len() <= 2, || {
        format!("{} certificates were issued under one idempotency key", serials.len())
    })
}

async fn listed_under(handle: &AdapterHandle, key: &IdempotencyKey) -> Result<BTreeSet<Serial>, Stop> {
    let listed = list::all(handle, 500).await?;
    Ok(listed
        .into_iter()
        .filter(|one| one.idempotency_key.as_ref() == Some(key))
        .map(|one| one.serial)
        .collect())
}

/// Submits, kills the process after that time, and waits for the next one. True when the call did not survive.
async fn kill_inside(
    handle: &std::sync::Arc<AdapterHandle>,
    request: &Request,
    key: &IdempotencyKey,
    after: Duration,
) -> Result<bool, Stop> {
    let process = handle.health().process_id;
    let call = {
        let (handle, request, key) = (handle.clone(), request.clone(), key.clone());
        tokio::spawn(async move { handle.submit(&request, &key, &within(CALL)).await })
    };
    tokio::time::sleep(after).await;
    if let Some(pid) = process.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // The handle has not reaped it yet, or it is gone: the number is nobody else's within this instant.
        if handle.health().process_id == process {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let result = call.await.map_err(|error| skipped(error.to_string()))?;
    until_replaced(handle, process).await?;
    match result {
        Ok(_) => Ok(false),
        Err(error)
            if matches!(
                error.class,
                ErrorClass::UnknownOutcome | ErrorClass::Unhealthy | ErrorClass::Retryable
            ) =>
        {
            Ok(true)
        }
        Err(error) => Err(failed(format!("a call whose process was killed is {error}"))),
    }
}

async fn until_replaced(handle: &AdapterHandle, process: Option<u32>) -> Result<(), Stop> {
    let began = Instant::now();
    while began.elapsed() < CALL {
        let health = handle.health();
        if health.state == ProcessState::Ready && health.process_id.is_some() && health.process_id != process
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ending = handle.health().last_ending.map(|ending| ending.to_string()).unwrap_or_default();
    Err(failed(format!("after a kill it does not open again within {CALL:?}: {ending}")))
}

/// Finds out what the killed call has done, finishes it, and counts. True when it had been done before the kill.
async fn settled(
    bench: &Bench,
    handle: &AdapterHandle,
    request: &Request,
    key: &IdempotencyKey,
) -> Result<bool, Stop> {
    let operation = request.operation();
    let (lookup, deduplicates) =
        (bench.offers(capability::CA_CAN_LOOKUP), bench.offers(capability::CA_CAN_DEDUPLICATE));
    let mut found = None;
    if lookup {
        let query = LookupQuery::IdempotencyKey(key.clone());
        match handle.lookup(&query, &within(CALL)).await.during("lookup after a kill")? {
            LookupReply::Absent => {}
            LookupReply::Pending { .. } => return Err(skipped("the CA decides later")),
            LookupReply::Done { operation: done, reply } => {
                ensure(done == operation, || {
                    format!("lookup says that {done} was done; it was {operation}")
                })?;
                let parsed = Reply::parse(operation, reply.get().as_bytes());
                parsed
                    .map_err(|error| failed(format!("the reply that lookup gives is not valid: {error}")))?;
                found = Some(reply.get().as_bytes().to_vec());
            }
        }
    }
    let before = found.is_some();
    if deduplicates || (lookup && !before) {
        let (_, document) = bench.done(handle, request, key).await?;
        if let Some(found) = &found {
            ensure(same_document(found, &document), || {
                "the same request under the same key gives another reply than lookup".to_owned()
            })?;
        }
        found = Some(document);
    }
    let makes = matches!(operation, Operation::Issue | Operation::Renew | Operation::Rekey);
    if makes && bench.offers(capability::CA_CAN_LIST) {
        let listed = listed_under(handle, key).await?;
        match found.map(|document| Reply::parse(operation, &document)) {
            Some(Ok(reply)) => {
                let (signing, encryption, _) = pair_of(reply)?;
                let mut own = BTreeSet::from([serial_of(&signing)?]);
                own.extend(encryption.as_ref().map(serial_of).transpose()?);
                let strangers: Vec<String> = listed.difference(&own).map(ToString::to_string).collect();
                ensure(strangers.is_empty(), || {
                    format!("a second pair was issued under the key: {}", strangers.join(", "))
                })?;
            }
            _ => ensure(listed.len() <= 2, || {
                format!("{} certificates were issued under the key", listed.len())
            })?,
        }
    }
    Ok(before)
}

async fn prepare(bench: &Bench, handle: &AdapterHandle, operation: Operation) -> Result<Request, Stop> {
    if operation == Operation::Issue {
        return another_request(bench);
    }
    let pair = bench.prepared(handle, "kill").await?;
    Ok(match operation {
        Operation::Renew => fixtures::renew(
            &pair.serial,
            fixtures::request_for(&pair.key).during("making a certificate request")?,
        ),
        Operation::Rekey => {
            let key = PrivateKey::generate().during("making a key")?;
            fixtures::rekey(&pair.serial, fixtures::request_for(&key).during("making a certificate request")?)
        }
        Operation::Revoke => fixtures::revoke(&pair.serial, RevocationReason::Superseded, true),
        Operation::SealIssue => fixtures::seal(&pair.pair.signing_certificate, bench.now_ms()),
        other => return Err(skipped(format!("the kit does not kill during {other}"))),
    })
}

/// Two JSON documents that say the same; only the plugin's own spelling may differ.
fn same_document(one: &[u8], other: &[u8]) -> bool {
    let parse = |octets| serde_json::from_slice::<serde_json::Value>(octets).ok();
    parse(one).is_some_and(|one| Some(one) == parse(other))
}

fn at(stop: Stop, after: Duration) -> Stop {
    match stop {
        Stop::Failed(why) => failed(format!("killed after {after:?}: {why}")),
        stop => stop,
    }
}
