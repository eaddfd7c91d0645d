//! A plugin that is left alone, and credentials that change under it.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{Function, Octets, RawCall, Step};

use super::issue::another_request;
use super::open::health;
use crate::bench::{Bench, CALL, call_of, called, error_of, give_secrets, open, within};
use crate::verdict::{HOLDS, Verdict, While as _, ensure, failed, holds, not_offered, skipped};

/// Clock ticks a second in /proc/PID/stat, on every platform that the contract names.
const TICKS: u64 = 100;

pub(crate) async fn left_alone(bench: &Bench) -> Verdict {
    let idle = bench.options.idle();
    let handle = bench.start(bench.configuration()?.clone(), bench.services.clone()).await?;
    let healthy = handle.probe(&within(CALL)).await.is_ok();
    let issues = bench.offers(Operation::Issue.capability()) && bench.pair().await.is_ok();
    let process = handle.health().process_id;
    let before = process.and_then(processor_time);
    let began = Instant::now();
    tokio::time::sleep(idle).await;
    let (after, took) = (process.and_then(processor_time), began.elapsed());
    if let (Some(before), Some(after)) = (before, after) {
        let used = Duration::from_millis((after - before) * 1000 / TICKS);
        ensure(used * 10 <= took, || format!("idle for {took:?}, it used {used:?} of the processor"))?;
    }
    if healthy {
        handle.probe(&within(CALL)).await.during(&format!("health after {idle:?}"))?;
    }
    if issues {
        bench.done(&handle, &another_request(bench)?, &bench.key("idle")?).await?;
    }
    ensure(handle.health().process_id == process, || "its process did not survive".to_owned())?;
    holds(format!("{idle:?}"))
}

pub(crate) async fn rotation(bench: &Bench) -> Verdict {
    let required: Vec<&str> =
        bench.description()?.secrets.iter().filter(|one| one.required).map(|one| one.name.as_str()).collect();
    let Some(name) = required.first() else { return Err(not_offered("the plugin requires no secret")) };
    let given: BTreeMap<String, Octets> =
        bench.options.secrets.iter().map(|(name, value)| (name.clone(), value.to_vec().into())).collect();
    if !given.contains_key(*name) {
        return Err(skipped(format!("needs the secret {name}: --secrets DIR with a file of that name")));
    }
    bench.opened().await?;
    let mut wrong = given.clone();
    wrong.insert((*name).to_owned(), b"an-old-secret-of-the-conformance-kit".to_vec().into());
    let mut probe = bench.ready().await?;
    give_secrets(&mut probe, wrong).await?;
    let opened = open(&mut probe, bench.configuration()?).await.during("open with an old secret")?;
    let Some(instance) = opened.instance else {
        give_secrets(&mut probe, given).await?;
        let again = open(&mut probe, bench.configuration()?).await.during("open with the new secret")?;
        ensure(again.status == status::CA_OK, || {
            format!(
                "in a process that had seen the old secret, it does not open with the new one: {}",
                error_of(&again)
            )
        })?;
        return HOLDS;
    };
    let refused = health(&mut probe, instance).await?;
    if refused.status != status::CA_AUTHENTICATION {
        return Err(skipped(format!(
            "with an old secret, health says {}; see open.wrong-secret",
            error_of(&refused)
        )));
    }
    give_secrets(&mut probe, given).await?;
    let call = RawCall { instance, ..call_of(Function::Health, b"") };
    let answer = probe.step(&Step::Call(call), CALL).await.during("health with the new secret")?;
    ensure(answer.host.secrets.iter().any(|asked| asked == name), || {
        "after the CA refused the old secret, it does not ask for it again".to_owned()
    })?;
    let well = called(answer).map_err(failed)?;
    ensure(well.status == status::CA_OK, || format!("with the new secret, health says {}", error_of(&well)))?;
    HOLDS
}

/// Of a process, in ticks.
fn processor_time(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything, the fields 3 and up.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
