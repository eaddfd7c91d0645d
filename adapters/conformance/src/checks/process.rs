//! What a plugin does to its process.

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{Function, HostUse, Probe, RawCall, Result as Answered, Snapshot, Step};
use yinqiao_ca_worker::{Enforcement, Network, Sandbox};

use crate::bench::{Bench, CALL, Opened, call_of, is_status, status_name, submit_call, within};
use crate::fixtures;
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, skipped};

/// Calls of everything that is offered and needs no preparation, with what the plugin did with the host.
pub(crate) async fn exercise(bench: &Bench, opened: &mut Opened) -> Result<HostUse, Stop> {
    let mut used = HostUse::default();
    for (what, call) in calls_of(bench, &bench.operations())? {
        let (called, answer) = opened.call_with(call, &what).await?;
        ensure(is_status(called.status), || format!("{what} returned {}", status_name(called.status)))?;
        used.logged.extend(answer.host.logged);
        used.misuse.extend(answer.host.misuse);
        used.calls += answer.host.calls;
    }
    Ok(used)
}

/// One call each: health, the operations that change nothing, an issue if it works, lookup, list.
pub(crate) async fn harmless_calls(bench: &Bench) -> Result<Vec<(String, RawCall)>, Stop> {
    calls_of(bench, &bench.sound_operations().await)
}

fn calls_of(bench: &Bench, operations: &[Operation]) -> Result<Vec<(String, RawCall)>, Stop> {
    let subject = bench.subject()?;
    let mut calls = vec![("health".to_owned(), call_of(Function::Health, b""))];
    for operation in operations {
        if operation.changes() && *operation != Operation::Issue {
            continue;
        }
        let document = fixtures::sample(*operation, &subject).to_string();
        let key = bench.key("exercise")?;
        let call = submit_call(operation.number(), key.as_str(), document.as_bytes());
        calls.push((operation.name().to_owned(), call));
    }
    if bench.offers(yinqiao_ca_abi::capability::CA_CAN_LOOKUP) {
        calls.push(("lookup".to_owned(), call_of(Function::Lookup, br#"{"idempotency_key": "kit-none"}"#)));
    }
    if bench.offers(yinqiao_ca_abi::capability::CA_CAN_LIST) {
        calls.push(("list".to_owned(), call_of(Function::List, br#"{"limit": 5}"#)));
    }
    Ok(calls)
}

pub(crate) async fn unchanged(bench: &Bench) -> Verdict {
    let (before, after, _) = around_exercise(bench).await?;
    let changed = changes(&before, &after);
    ensure(changed.is_empty(), || format!("its calls changed the process: {}", changed.join("; ")))?;
    HOLDS
}

pub(crate) async fn forks(bench: &Bench) -> Verdict {
    let (before, after, _) = around_exercise(bench).await?;
    ensure(after.children <= before.children, || {
        format!("{} processes are there that it started", after.children - before.children)
    })?;
    ensure(after.reaped_faults == before.reaped_faults, || {
        "it started a process and waited for its end".to_owned()
    })?;
    HOLDS
}

pub(crate) async fn output(bench: &Bench) -> Verdict {
    let (_, _, printed) = around_exercise(bench).await?;
    ensure(printed.is_empty(), || {
        format!(
            "it printed {} octets to standard output; a library writes events by host->log",
            printed.len()
        )
    })?;
    HOLDS
}

pub(crate) async fn ends(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    exercise(bench, &mut opened).await?;
    snapshot(&mut opened.probe).await?;
    HOLDS
}

pub(crate) async fn host_functions(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let used = exercise(bench, &mut opened).await.map_err(elsewhere)?;
    // From threads of its own, it may come late.
    let late = opened.probe.step(&Step::Snapshot, CALL).await.during("looking at the process")?;
    let misuse: Vec<String> = used.misuse.into_iter().chain(late.host.misuse).collect();
    ensure(misuse.is_empty(), || misuse.join("; "))?;
    holds(format!("{} calls of host functions", used.calls))
}

pub(crate) async fn sandbox(bench: &Bench) -> Verdict {
    let configuration = bench.configuration()?.clone();
    let sandbox = Sandbox {
        write: bench.options.write.clone(),
        read: bench.options.read.clone(),
        network: Network::Any,
        enforcement: Enforcement::BestEffort,
    };
    // Without rules first: what fails then is not the rules' doing.
    let request = Operation::Issue.capability();
    let free = bench.handle().await?;
    let issues = bench.offers(request) && bench.pair().await.is_ok();
    let healthy = free.probe(&within(CALL)).await.is_ok();
    let settings = bench.settings(configuration, sandbox);
    let hint = "name the folders that its configuration gives it with --write and --read";
    let handle = bench.start_with(settings, bench.services.clone()).await.map_err(|stop| match stop {
        Stop::Failed(why) => {
            failed(format!("it does not open when it may write to its own folders only ({hint}): {why}"))
        }
        stop => stop,
    })?;
    let isolation = handle.info().isolation;
    if !isolation.files {
        return Err(skipped("the kernel or the host does not enforce rules for files (landlock)"));
    }
    if healthy {
        handle.probe(&within(CALL)).await.during(&format!("health, under rules for files ({hint})"))?;
    }
    if issues {
        bench.issue(&handle, "sandbox").await.map_err(|stop| match stop {
            Stop::Failed(why) => failed(format!("under rules for files ({hint}): {why}")),
            stop => stop,
        })?;
    }
    ensure(handle.health().restarts == 0, || "its process did not survive rules for files".to_owned())?;
    holds(format!("writes to {} folders that were named, and nowhere else", bench.options.write.len()))
}

/// The process before it loaded the library and after a call of everything, and what was printed.
async fn around_exercise(bench: &Bench) -> Result<(Snapshot, Snapshot, Vec<u8>), Stop> {
    let mut fresh = Probe::start(bench.program(), &bench.library)?;
    let before = snapshot(&mut fresh).await?;
    let mut opened = bench.opened().await?;
    exercise(bench, &mut opened).await.map_err(elsewhere)?;
    let after = snapshot(&mut opened.probe).await?;
    Ok((before, after, opened.probe.standard_output().await))
}

/// Calls that do not come back have a check of their own.
fn elsewhere(stop: Stop) -> Stop {
    match stop {
        Stop::Failed(why) => skipped(format!("its calls do not come back: {why}; see process.ends")),
        stop => stop,
    }
}

pub(crate) async fn snapshot(probe: &mut Probe) -> Result<Snapshot, Stop> {
    match probe.step(&Step::Snapshot, CALL).await.during("looking at the process")?.result {
        Answered::Snapshot(snapshot) => Ok(*snapshot),
        other => Err(failed(format!("an unexpected answer: {other:?}"))),
    }
}

/// What must stay and did not, in words.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut changed = Vec::new();
    let handlers = after.signals_caught & !before.signals_caught;
    if handlers != 0 {
        changed.push(format!("handlers for the signals {} were installed", signals(handlers)));
    }
    let ignored = after.signals_ignored ^ before.signals_ignored;
    if ignored != 0 {
        changed.push(format!("whether the signals {} are ignored was changed", signals(ignored)));
    }
    let blocked = after.signals_blocked ^ before.signals_blocked;
    if blocked != 0 {
        changed.push(format!("whether the signals {} are blocked was changed", signals(blocked)));
    }
    if after.umask != before.umask {
        changed.push(format!("the umask is {:03o} instead of {:03o}", after.umask, before.umask));
    }
    if after.working_directory != before.working_directory {
        changed.push("the working directory is another one".to_owned());
    }
    if after.locale != before.locale {
        changed.push(format!("the locale is {:?} instead of {:?}", after.locale, before.locale));
    }
    if after.environment != before.environment {
        changed.push("the environment is another one".to_owned());
    }
    for number in 0..=2 {
        if after.descriptors.get(&number) != before.descriptors.get(&number)
            && (number == 0 || !after.descriptors.contains_key(&number))
        {
            changed.push(format!("the standard descriptor {number} is another one"));
        }
    }
    if after.core_limit != before.core_limit {
        changed.push("the limit of core files was changed".to_owned());
    }
    changed
}

fn signals(mask: u64) -> String {
    let numbers: Vec<String> =
        (0..64).filter(|bit| mask & (1 << bit) != 0).map(|bit| (bit + 1).to_string()).collect();
    numbers.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_a_process_is_named() {
        let before = Snapshot { working_directory: "/".into(), umask: 0o22, ..Snapshot::default() };
        assert!(changes(&before, &before).is_empty());
        let after = Snapshot { signals_caught: 1 << 14, umask: 0, locale: "zh_CN".into(), ..before.clone() };
        let words = changes(&before, &after).join("\n");
        assert!(
            words.contains("signals 15 ") && words.contains("umask is 000") && words.contains("zh_CN"),
            "{words}"
        );
    }
}
