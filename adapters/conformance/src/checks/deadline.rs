//! Calls that nobody waits for any more.

use std::time::Duration;

use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::RawCall;

use super::process::harmless_calls;
use crate::bench::{Bench, error_of};
use crate::verdict::{HOLDS, Verdict, ensure};

/// How soon a cancelled call returns. The host's own grace is shorter; a plugin that is close passes.
const SOON: Duration = Duration::from_secs(2);

pub(crate) async fn already_over(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    for (what, call) in harmless_calls(bench).await? {
        let changes = Operation::from_number(call.operation).is_some_and(Operation::changes);
        let call = RawCall { timeout_ms: 0, cancel_after_ms: Some(0), ..call };
        let called = opened.call(call, &format!("{what}, cancelled before it began")).await?;
        ensure(Duration::from_micros(called.micros) <= SOON, || {
            format!("{what}, cancelled before it began, took {} ms", called.micros / 1000)
        })?;
        ensure(called.status != status::CA_UNKNOWN_OUTCOME || changes, || {
            format!("{what}, cancelled before it began, says {}, and it changes nothing", error_of(&called))
        })?;
    }
    HOLDS
}

pub(crate) async fn close_afterwards(bench: &Bench) -> Verdict {
    for (what, call) in harmless_calls(bench).await? {
        let mut opened = bench.opened().await?;
        let call = RawCall { timeout_ms: 20, cancel_after_ms: Some(10), ..call };
        opened.call(call, &format!("{what}, cancelled after 10 ms")).await?;
        let closed = super::open::close(&mut opened.probe, opened.instance).await?;
        ensure(closed == status::CA_OK, || {
            format!("close right after a cancelled {what} does not return CA_OK")
        })?;
        super::process::snapshot(&mut opened.probe).await?;
    }
    HOLDS
}
