//! Calls from several threads at once, as far as the declared threading allows them.

use yinqiao_ca_abi::{status, threading};
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{Called, Octets, RawCall, Result as Answered, Step};

use super::process::harmless_calls;
use crate::bench::{Bench, CALL, error_of, is_status, status_name, submit_call};
use crate::verdict::{Stop, Verdict, While as _, ensure, failed, holds, not_offered};

/// Threads at once.
const THREADS: usize = 8;

pub(crate) async fn at_once(bench: &Bench) -> Verdict {
    let own = match bench.table()?.threading {
        threading::CA_THREADING_PER_INSTANCE => true,
        threading::CA_THREADING_REENTRANT => false,
        _ => return Err(not_offered("the plugin is called on one thread")),
    };
    let mut opened = bench.opened().await?;
    let rounds = bench.options.profile.of(4, 100);
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let mut calls = Vec::new();
        for _ in 0..rounds {
            calls.extend(
                harmless_calls(bench)
                    .await?
                    .into_iter()
                    .map(|(_, call)| RawCall { instance: opened.instance, ..call }),
            );
        }
        threads.push(calls);
    }
    let each = threads[0].len();
    if own {
        // An instance on a thread of its own: the first one has this process's main thread.
        super::open::close(&mut opened.probe, opened.instance).await?;
    }
    let configuration: Option<Octets> = own.then_some(bench.configuration()?.to_string().into_bytes().into());
    let results = together(&mut opened.probe, configuration, threads).await?;
    for (number, calls) in results.iter().enumerate() {
        ensure(calls.len() == each, || format!("thread {number} made {} of {each} calls", calls.len()))?;
        for called in calls {
            ensure(is_status(called.status), || format!("thread {number}: {}", status_name(called.status)))?;
        }
    }
    // The same question has the same class of answer on every thread, once the CA is in order.
    for position in 0..each {
        let mut statuses: Vec<i32> = results.iter().map(|calls| calls[position].status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        ensure(statuses.len() == 1, || {
            format!(
                "the same call gives several answers at once: {}",
                results.iter().map(|calls| error_of(&calls[position])).collect::<Vec<_>>().join(", ")
            )
        })?;
    }
    holds(format!("{THREADS} threads, {each} calls each"))
}

pub(crate) async fn one_key_at_once(bench: &Bench) -> Verdict {
    if bench.table()?.threading == threading::CA_THREADING_SERIAL {
        return Err(not_offered("the plugin is called on one thread"));
    }
    bench.pair().await?;
    let own = bench.table()?.threading == threading::CA_THREADING_PER_INSTANCE;
    let mut opened = bench.opened().await?;
    let key = bench.key("race")?;
    let request = bench.issue_request(&yinqiao_gm::sm2::PrivateKey::generate().during("making a key")?)?;
    let document = request.to_json().map_err(|error| failed(error.to_string()))?;
    let call = RawCall {
        instance: opened.instance,
        ..submit_call(Operation::Issue.number(), key.as_str(), &document)
    };
    if own {
        super::open::close(&mut opened.probe, opened.instance).await?;
    }
    let configuration: Option<Octets> = own.then_some(bench.configuration()?.to_string().into_bytes().into());
    let results = together(&mut opened.probe, configuration, vec![vec![call]; THREADS]).await?;
    let replies: Vec<&Called> =
        results.iter().flatten().filter(|called| called.status == status::CA_OK).collect();
    ensure(!replies.is_empty(), || {
        let said: Vec<String> = results.iter().flatten().map(error_of).collect();
        format!("{THREADS} threads submit under one key, and none gets a reply: {}", said.join(", "))
    })?;
    ensure(replies.iter().all(|called| called.document == replies[0].document), || {
        "threads that submit under one key at once get different certificates".to_owned()
    })?;
    holds(format!("{} of {THREADS} threads got the one reply", replies.len()))
}

async fn together(
    probe: &mut yinqiao_ca_worker::probe::Probe,
    configuration: Option<Octets>,
    threads: Vec<Vec<RawCall>>,
) -> Result<Vec<Vec<Called>>, Stop> {
    let limit = CALL * 20;
    let answer = probe.step(&Step::Together { configuration, threads }, limit).await;
    match answer.during("calls from several threads at once")?.result {
        Answered::Together { threads } => Ok(threads),
        other => Err(failed(format!("an unexpected answer: {other:?}"))),
    }
}
