//! A CA that is gone, silent, slow, or breaks off: classes that are true, deadlines that are kept.

use std::time::Duration;

use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{AdapterError, IdempotencyKey, LookupQuery, LookupReply};
use yinqiao_ca_sdk::{ErrorClass, Operation};
use yinqiao_ca_worker::AdapterHandle;

use super::issue::another_request;
use crate::bench::{Bench, CALL, Decided, within};
use crate::options::Upstream;
use crate::proxy::{Fault, FaultProxy};
use crate::verdict::{HOLDS, Stop, Verdict, ensure, failed, holds, skipped};

/// For a call that cannot come to its end.
const SHORT: Duration = Duration::from_secs(3);
/// Calls until a plugin has to be well again.
const ATTEMPTS: u32 = 3;

/// A plugin whose CA is behind a proxy.
struct Proxied {
    upstream: Upstream,
    proxy: Option<FaultProxy>,
    port: u16,
    handle: std::sync::Arc<AdapterHandle>,
}

pub(crate) async fn open_without_ca(bench: &Bench) -> Verdict {
    let upstream = upstream(bench)?;
    // The port is free again when the proxy is gone.
    let port = FaultProxy::start(upstream.address).await?.port();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let configuration =
        upstream.redirect(bench.configuration()?, port).map_err(|error| skipped(error.to_string()))?;
    let handle = bench.start(configuration, bench.services.clone()).await.map_err(|stop| match stop {
        Stop::Failed(why) => {
            failed(format!("a CA that cannot be reached is no reason to fail in open: {why}"))
        }
        stop => stop,
    })?;
    match handle.probe(&within(SHORT)).await {
        Ok(_) => Err(failed("health says that all is well, and the CA refuses connections")),
        Err(error) => {
            let classes = [ErrorClass::Unhealthy, ErrorClass::Retryable];
            ensure(classes.contains(&error.class), || {
                format!("health of a CA that refuses connections is {}; unhealthy is the class", error.class)
            })?;
            HOLDS
        }
    }
}

pub(crate) async fn refused(bench: &Bench) -> Verdict {
    let mut proxied = Proxied::start(bench).await?;
    proxied.works(bench).await?;
    proxied.stop().await;
    let (key, error) = proxied.fails(bench).await?;
    ensure(matches!(error.class, ErrorClass::Retryable | ErrorClass::Unhealthy), || {
        format!(
            "issue at a CA that refuses connections is {error}; nothing was sent, so retryable or unhealthy is the class"
        )
    })?;
    proxied.resume().await?;
    proxied.is_true(bench, &key, &error).await?;
    proxied.recovers(bench).await
}

pub(crate) async fn black_hole(bench: &Bench) -> Verdict {
    swallowed(bench, Fault::BlackHole, "a CA that takes the request and never answers").await
}

pub(crate) async fn half_close(bench: &Bench) -> Verdict {
    swallowed(bench, Fault::HalfClose, "a CA that closes its side instead of answering").await
}

pub(crate) async fn reset(bench: &Bench) -> Verdict {
    swallowed(bench, Fault::Reset, "a CA that resets the connection instead of answering").await
}

pub(crate) async fn drip(bench: &Bench) -> Verdict {
    let proxied = Proxied::start(bench).await?;
    proxied.works(bench).await?;
    proxied.set(Fault::Drip);
    let (key, error) = proxied.fails(bench).await?;
    proxied.set(Fault::None);
    proxied.is_true(bench, &key, &error).await?;
    proxied.recovers(bench).await
}

pub(crate) async fn cut_reply(bench: &Bench) -> Verdict {
    let proxied = Proxied::start(bench).await?;
    let answers = proxied.answers_of_an_issue(bench).await?;
    proxied.set(Fault::CutReply(answers));
    let key = bench.key("cut")?;
    let request = another_request(bench)?;
    let result = bench.run(&proxied.handle, &request, &key).await;
    proxied.set(Fault::None);
    match result {
        Ok(_) => {
            // The plugin asked again by itself, as it may where the CA knows the key.
            proxied.exactly_once(bench, &key).await?;
            holds("the plugin found the answer by itself")
        }
        Err(error) => {
            ensure(error.class == ErrorClass::UnknownOutcome, || {
                format!(
                    "the CA had the request and its answer was lost: {error}; unknown outcome is the class"
                )
            })?;
            proxied.exactly_once(bench, &key).await?;
            proxied.recovers(bench).await
        }
    }
}

pub(crate) async fn restart(bench: &Bench) -> Verdict {
    let mut proxied = Proxied::start(bench).await?;
    proxied.works(bench).await?;
    proxied.stop().await;
    proxied.resume().await?;
    proxied.recovers(bench).await
}

async fn swallowed(bench: &Bench, fault: Fault, what: &str) -> Verdict {
    let proxied = Proxied::start(bench).await?;
    let answers = proxied.answers_of_an_issue(bench).await?;
    proxied.set(fault);
    let (key, error) = proxied.fails(bench).await?;
    if answers == 1 {
        ensure(error.class == ErrorClass::UnknownOutcome, || {
            format!("{what}: {error}; the request was sent, so unknown outcome is the class")
        })?;
    } else {
        // What was swallowed first is a greeting, and the plugin may know that nothing was done.
        ensure(!matches!(error.class, ErrorClass::Permanent | ErrorClass::NotSupported), || {
            format!("{what}: {error}; the same request may work later")
        })?;
    }
    proxied.set(Fault::None);
    proxied.is_true(bench, &key, &error).await?;
    proxied.recovers(bench).await
}

impl Proxied {
    async fn start(bench: &Bench) -> Result<Self, Stop> {
        let upstream = upstream(bench)?;
        let proxy = FaultProxy::start(upstream.address).await?;
        let port = proxy.port();
        let configuration =
            upstream.redirect(bench.configuration()?, port).map_err(|error| skipped(error.to_string()))?;
        let handle = bench.start(configuration, bench.services.clone()).await?;
        Ok(Self { upstream, proxy: Some(proxy), port, handle })
    }

    fn set(&self, fault: Fault) {
        if let Some(proxy) = &self.proxy {
            proxy.set(fault);
        }
    }

    /// From now on connections are refused.
    async fn stop(&mut self) {
        self.proxy = None;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    async fn resume(&mut self) -> Result<(), Stop> {
        self.proxy = Some(FaultProxy::start_at(self.port, self.upstream.address).await?);
        Ok(())
    }

    /// An issue through the proxy as it should be; otherwise nothing can be said of faults.
    async fn works(&self, bench: &Bench) -> Result<(), Stop> {
        let connections = |proxied: &Self| proxied.proxy.as_ref().map_or(0, FaultProxy::connections);
        let result = bench.run(&self.handle, &another_request(bench)?, &bench.key("proxied")?).await;
        ensure_usable(result)?;
        if connections(self) == 0 {
            return Err(skipped("the plugin did not connect to the proxy: is the pointer the CA's address?"));
        }
        Ok(())
    }

    /// How many answers of the CA one issue takes on connections that are new.
    async fn answers_of_an_issue(&self, bench: &Bench) -> Result<u64, Stop> {
        self.works(bench).await?;
        self.set(Fault::None);
        self.works(bench).await?;
        Ok(self.proxy.as_ref().map_or(1, FaultProxy::answers).max(1))
    }

    /// Health and an issue, which cannot succeed now: both end in time and by themselves.
    async fn fails(&self, bench: &Bench) -> Result<(IdempotencyKey, AdapterError), Stop> {
        if self.handle.probe(&within(SHORT)).await.is_ok() {
            return Err(failed("health says that all is well, and the CA does not answer"));
        }
        let key = bench.key("fault")?;
        let request = another_request(bench)?;
        let result = self.handle.submit(&request, &key, &within(SHORT)).await;
        ensure(self.handle.health().kills == 0, || {
            format!(
                "a call was not back at its deadline of {SHORT:?} and had to be killed: it must heed remaining_ms and cancelled"
            )
        })?;
        ensure(self.handle.health().restarts == 0, || "the plugin's process did not survive".to_owned())?;
        match result {
            Err(error) => Ok((key, error)),
            Ok(_) => Err(failed("issue is done, and the CA did not answer")),
        }
    }

    /// A class that promises that nothing was done must be true.
    async fn is_true(&self, bench: &Bench, key: &IdempotencyKey, error: &AdapterError) -> Result<(), Stop> {
        if error.class == ErrorClass::UnknownOutcome {
            return self.exactly_once(bench, key).await;
        }
        if let Some(LookupReply::Done { .. }) = self.lookup(bench, key).await? {
            return Err(failed(format!(
                "the class {} promises that nothing was done, and the CA has issued",
                error.class
            )));
        }
        Ok(())
    }

    /// After an unknown outcome, lookup tells, and the list has no second certificate.
    async fn exactly_once(&self, bench: &Bench, key: &IdempotencyKey) -> Result<(), Stop> {
        self.lookup(bench, key).await?;
        if bench.offers(capability::CA_CAN_LIST) {
            super::kill::at_most_one_pair(&self.handle, key).await?;
        }
        Ok(())
    }

    async fn lookup(&self, bench: &Bench, key: &IdempotencyKey) -> Result<Option<LookupReply>, Stop> {
        if !bench.offers(capability::CA_CAN_LOOKUP) {
            return Ok(None);
        }
        let query = LookupQuery::IdempotencyKey(key.clone());
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.handle.lookup(&query, &within(CALL)).await {
                Ok(reply) => return Ok(Some(reply)),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(failed(format!("after the fault is over, lookup still fails: {why}")))
    }

    /// The plugin works again without a new process.
    async fn recovers(&self, bench: &Bench) -> Verdict {
        let mut last = None;
        for attempt in 1..=ATTEMPTS {
            match bench.run(&self.handle, &another_request(bench)?, &bench.key("recovers")?).await {
                Ok(_) => {
                    ensure(self.handle.health().restarts == 0, || {
                        "the plugin's process did not survive".to_owned()
                    })?;
                    return holds(format!("works again at attempt {attempt}"));
                }
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(failed(format!("the CA is there again, and {ATTEMPTS} issues in a row fail: {why}")))
    }
}

fn ensure_usable(result: Result<Decided, AdapterError>) -> Result<(), Stop> {
    match result {
        Ok(Decided::Done { .. }) => Ok(()),
        Ok(Decided::Pending(_)) => Err(skipped("the CA decides issues later")),
        Err(error) => Err(skipped(format!("the plugin does not work through the proxy: {error}"))),
    }
}

fn upstream(bench: &Bench) -> Result<Upstream, Stop> {
    if !bench.offers(Operation::Issue.capability()) {
        return Err(skipped("needs issue, which the plugin does not offer"));
    }
    bench.options.upstream.clone().ok_or_else(|| skipped("needs --upstream"))
}
