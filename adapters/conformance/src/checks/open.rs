//! Opening and closing.

use std::collections::BTreeMap;

use yinqiao_ca_abi::{status, threading};
use yinqiao_ca_worker::probe::{Answer, Called, Function, Octets, Probe, Result as Answered, Step};

use super::process::snapshot;
use crate::bench::{
    Bench, CALL, call_of, called, error_of, give_secrets, is_status, open, open_raw, status_name,
};
use crate::schema;
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, not_offered, skipped};

/// Documents that are no configuration of any schema.
const NO_DOCUMENTS: [(&str, &[u8]); 5] = [
    ("nothing", b""),
    ("half an object", b"{\"a\":"),
    ("octets that are no UTF-8", b"{\"a\": \"\xff\xfe\"}"),
    ("two objects", b"{} {}"),
    ("a NUL", b"\0"),
];

pub(crate) async fn opens(bench: &Bench) -> Verdict {
    let mut probe = bench.ready().await?;
    let opened = open(&mut probe, bench.configuration()?).await.during("open")?;
    ensure(opened.status == status::CA_OK, || format!("it does not open: {}", error_of(&opened)))?;
    let instance = opened.instance.ok_or_else(|| failed("open returned CA_OK and set no instance"))?;
    ensure(close(&mut probe, instance).await? == status::CA_OK, || "close does not return CA_OK".to_owned())?;
    // And as the broker does it.
    let handle = bench.start(bench.configuration()?.clone(), bench.services.clone()).await?;
    handle.shutdown().await;
    HOLDS
}

pub(crate) async fn bad_configurations(bench: &Bench) -> Verdict {
    let description = bench.description()?;
    let good = bench.configuration()?;
    let validator = schema::validator(&description.configuration)
        .map_err(|why| skipped(format!("there is no schema: {why}; see describe.schema")))?;
    ensure_fits(&validator, good)?;
    let derived = schema::bad_configurations(&description.configuration, &validator, good);
    let mut documents: Vec<(String, Vec<u8>)> =
        NO_DOCUMENTS.iter().map(|(what, document)| ((*what).to_owned(), document.to_vec())).collect();
    documents.extend(derived.into_iter().map(|one| (one.what, one.document)));
    let mut probe = bench.ready().await?;
    for (what, document) in &documents {
        let opened = open_raw(&mut probe, document).await.during(&format!("open with {what}"))?;
        ensure(opened.status != status::CA_OK, || {
            format!("it opens with a configuration that its own schema refuses: {what}")
        })?;
        refused(&opened, what)?;
    }
    // What was begun is undone: the right one still opens.
    let opened = open(&mut probe, good).await.during("open after refusals")?;
    ensure(opened.status == status::CA_OK, || {
        format!("after refused configurations the right one does not open: {}", error_of(&opened))
    })?;
    holds(format!("{} configurations refused", documents.len()))
}

pub(crate) async fn missing_secret(bench: &Bench) -> Verdict {
    let said = each_required_secret(bench, "missing", |secrets, name| {
        secrets.remove(name);
    });
    for (name, said) in said.await? {
        ensure(said.status == status::CA_AUTHENTICATION, || {
            format!("without the secret {name}, it says {}; CA_AUTHENTICATION is the class", error_of(&said))
        })?;
    }
    HOLDS
}

pub(crate) async fn wrong_secret(bench: &Bench) -> Verdict {
    let said = each_required_secret(bench, "wrong", |secrets, name| {
        secrets.insert(name.to_owned(), b"a-wrong-secret-of-the-conformance-kit".to_vec().into());
    });
    let mut notes = Vec::new();
    for (name, said) in said.await? {
        match said.status {
            status::CA_AUTHENTICATION => {}
            // A key that is the plugin's own is not refused by a CA.
            status::CA_UNHEALTHY | status::CA_PERMANENT => {
                notes.push(format!("{name}: {}; CA_AUTHENTICATION would name it", error_of(&said)));
            }
            _ => return Err(failed(format!("with the secret {name} wrong, it says {}", error_of(&said)))),
        }
    }
    Ok((!notes.is_empty()).then(|| notes.join("; ")))
}

pub(crate) async fn again(bench: &Bench) -> Verdict {
    let configuration = bench.configuration()?;
    let mut opened = bench.opened().await?;
    ensure(close(&mut opened.probe, opened.instance).await? == status::CA_OK, || {
        "close does not return CA_OK".to_owned()
    })?;
    let second = open(&mut opened.probe, configuration).await.during("opening again")?;
    let second = second
        .instance
        .ok_or_else(|| failed(format!("it does not open a second time: {}", error_of(&second))))?;
    if bench.table()?.threading == threading::CA_THREADING_REENTRANT {
        let third = open(&mut opened.probe, configuration).await.during("opening twice at once")?;
        let third = third
            .instance
            .ok_or_else(|| failed(format!("it does not open twice at once: {}", error_of(&third))))?;
        close(&mut opened.probe, third).await?;
    }
    opened.instance = second;
    let health = opened.call(call_of(Function::Health, b""), "health of the reopened instance").await?;
    ensure(is_status(health.status), || format!("health returned {}", status_name(health.status)))?;
    close(&mut opened.probe, second).await?;
    HOLDS
}

pub(crate) async fn without_leaks(bench: &Bench) -> Verdict {
    let times = bench.options.profile.of(60, 2000);
    let configuration: Octets = bench.configuration()?.to_string().into_bytes().into();
    let mut probe = bench.ready().await?;
    let step = |times| Step::Reopen { configuration: configuration.clone(), times };
    let limit = CALL * times;
    let first = probe.step(&step(times / 4), limit).await.during("opening and closing")?;
    all_opened(first)?;
    let before = snapshot(&mut probe).await?;
    all_opened(probe.step(&step(times), limit).await.during("opening and closing")?)?;
    let after = snapshot(&mut probe).await?;
    let descriptors = after.descriptors.len().saturating_sub(before.descriptors.len());
    ensure(descriptors == 0, || format!("{times} times open and close leave {descriptors} descriptors"))?;
    let threads = after.threads.saturating_sub(before.threads);
    ensure(threads == 0, || format!("{times} times open and close leave {threads} threads"))?;
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    let allowed = 2048 + u64::from(times) / 2;
    ensure(grown <= allowed, || format!("{times} times open and close leave {grown} KiB of memory"))?;
    holds(format!("{times} times, {grown} KiB more"))
}

/// A configuration that does not fit says nothing about the plugin.
fn ensure_fits(validator: &jsonschema::Validator, good: &serde_json::Value) -> Result<(), Stop> {
    if validator.is_valid(good) {
        return Ok(());
    }
    Err(skipped("the given configuration does not fit the schema; see describe.configuration-fits"))
}

fn refused(opened: &Called, what: &str) -> Result<(), Stop> {
    ensure(opened.instance.is_none(), || format!("with {what}, open returned an error and set an instance"))?;
    ensure(is_status(opened.status) && opened.status != status::CA_PENDING, || {
        format!("with {what}, open returned {}", status_name(opened.status))
    })?;
    ensure(opened.status != status::CA_UNKNOWN_OUTCOME, || {
        format!("with {what}, open returned CA_UNKNOWN_OUTCOME: opening changes nothing at a CA")
    })
}

/// Opens with each required secret changed; what open says of it or, where secrets are fetched later, health.
async fn each_required_secret(
    bench: &Bench,
    what: &str,
    change: impl Fn(&mut BTreeMap<String, Octets>, &str),
) -> Result<Vec<(String, Called)>, Stop> {
    let required: Vec<&str> =
        bench.description()?.secrets.iter().filter(|one| one.required).map(|one| one.name.as_str()).collect();
    if required.is_empty() {
        return Err(not_offered("the plugin requires no secret"));
    }
    let given: BTreeMap<String, Octets> =
        bench.options.secrets.iter().map(|(name, value)| (name.clone(), value.to_vec().into())).collect();
    for name in &required {
        if !given.contains_key(*name) {
            return Err(skipped(format!("needs the secret {name}: --secrets DIR with a file of that name")));
        }
    }
    bench.opened().await?;
    let mut all = Vec::new();
    for name in required {
        let mut secrets = given.clone();
        change(&mut secrets, name);
        let mut probe = bench.ready().await?;
        give_secrets(&mut probe, secrets).await?;
        let opened =
            open(&mut probe, bench.configuration()?).await.during(&format!("open with {name} {what}"))?;
        let said = match opened.instance {
            None => opened,
            Some(instance) => health(&mut probe, instance).await?,
        };
        all.push((name.to_owned(), said));
    }
    Ok(all)
}

pub(crate) async fn health(probe: &mut Probe, instance: usize) -> Result<Called, Stop> {
    let call = yinqiao_ca_worker::probe::RawCall { instance, ..call_of(Function::Health, b"") };
    called(probe.step(&Step::Call(call), CALL).await.during("health")?).map_err(failed)
}

pub(crate) async fn close(probe: &mut Probe, instance: usize) -> Result<i32, Stop> {
    let answer = probe.step(&Step::Close { instance }, CALL).await.during("close")?;
    called(answer).map(|called| called.status).map_err(failed)
}

fn all_opened(answer: Answer) -> Result<(), Stop> {
    match answer.result {
        Answered::Repeated(repeated) => {
            ensure(repeated.statuses.keys().all(|status| *status == status::CA_OK), || {
                format!("of many times, opening failed some: {:?}", repeated.statuses)
            })
        }
        other => Err(failed(format!("an unexpected answer: {other:?}"))),
    }
}
