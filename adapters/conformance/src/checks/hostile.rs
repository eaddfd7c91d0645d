//! Requests that no host would send: each must end with a class, and change nothing.

use serde_json::{Value, json};
use yinqiao_ca_abi::{capability, status};
use yinqiao_ca_sdk::{Operation, Request};
use yinqiao_ca_worker::probe::{Function, Probe, RawCall};
use yinqiao_ca_worker::{Library, WorkerProgram};
use yinqiao_gm::sm2::PrivateKey;

use crate::bench::{
    Bench, Opened, call_of, error_of, is_status, offer, open, status_name, submit_call, table,
};
use crate::fixtures::{self, P256_REQUEST, Subject};
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, skipped};

mod mutation;

/// What follows the contract's name in messages of sanitizers.
const SANITIZER_WORDS: [&str; 3] = ["ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer"];

/// A document for a place where another one is expected.
struct Malformed {
    what: String,
    document: Option<Vec<u8>>,
}

pub(crate) async fn malformed_json(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let documents = malformed();
    let mut calls = 0;
    for operation in bench.sound_operations().await {
        for Malformed { what, document } in &documents {
            let key = bench.key("malformed")?;
            let call = RawCall {
                document: document.clone().map(Into::into),
                ..submit_call(operation.number(), key.as_str(), b"")
            };
            let what = format!("{operation} with {what}");
            // A request without members need not be read.
            if matches!(operation, Operation::Crl | Operation::CaCertificates) {
                ends(&mut opened, call, &what).await?;
            } else {
                refused(&mut opened, call, &what).await?;
            }
            calls += 1;
        }
    }
    for function in functions(bench) {
        for Malformed { what, document } in &documents {
            let call = RawCall { document: document.clone().map(Into::into), ..call_of(function, b"") };
            // An empty query of list asks for the first page in some hands; a token is any text.
            let what = format!("{function:?} with {what}");
            ends(&mut opened, call, &what).await?;
            calls += 1;
        }
    }
    holds(format!("{calls} calls"))
}

pub(crate) async fn wrong_types(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let subject = bench.subject()?;
    let mut calls = 0;
    for operation in bench.sound_operations().await {
        let sample = fixtures::sample(operation, &subject);
        for (what, document) in mutation::wrong_types(&sample) {
            let octets = document.to_string().into_bytes();
            if Request::parse(operation, &octets).is_ok() {
                continue;
            }
            let key = bench.key("types")?;
            let call = submit_call(operation.number(), key.as_str(), &octets);
            refused(&mut opened, call, &format!("{operation} with {what}")).await?;
            calls += 1;
        }
    }
    holds(format!("{calls} calls"))
}

pub(crate) async fn unknown_operations(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    for number in [0, 16, 47, 48, 63, 64, 255, 1 << 16, u32::MAX] {
        let key = bench.key("operation")?;
        let call = submit_call(number, key.as_str(), b"{}");
        let called = opened.call(call, &format!("the operation number {number}")).await?;
        ensure(called.status == status::CA_NOT_SUPPORTED, || {
            format!(
                "to the operation number {number} it says {}; CA_NOT_SUPPORTED is the class",
                error_of(&called)
            )
        })?;
    }
    HOLDS
}

pub(crate) async fn unoffered_operations(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let subject = bench.subject()?;
    let offered = bench.operations();
    for operation in Operation::ALL.iter().filter(|operation| !offered.contains(operation)) {
        let document = fixtures::sample(*operation, &subject).to_string();
        let key = bench.key("unoffered")?;
        let call = submit_call(operation.number(), key.as_str(), document.as_bytes());
        let called = opened.call(call, &format!("{operation}, which is not offered")).await?;
        ensure(called.status == status::CA_NOT_SUPPORTED, || {
            format!(
                "to {operation}, which it does not offer, it says {}; CA_NOT_SUPPORTED is the class",
                error_of(&called)
            )
        })?;
    }
    HOLDS
}

pub(crate) async fn unknown_members(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let subject = bench.subject()?;
    let sound = bench.sound_operations().await;
    let mut tried = Vec::new();
    for operation in [
        Operation::Issue,
        Operation::Status,
        Operation::Crl,
        Operation::CaCertificates,
        Operation::SealStatus,
    ] {
        if !sound.contains(&operation) {
            continue;
        }
        let plain = fixtures::sample(operation, &subject);
        let mut more = plain.clone();
        more["conformance_unknown"] = json!({"deep": [1, null, "x"]});
        let mut statuses = Vec::new();
        for document in [plain, more] {
            let key = bench.key("members")?;
            let call = submit_call(operation.number(), key.as_str(), document.to_string().as_bytes());
            statuses.push(opened.call(call, operation.name()).await?);
        }
        ensure(statuses[0].status == statuses[1].status, || {
            format!(
                "{operation} with a member that nobody knows says {}; without it, {}",
                error_of(&statuses[1]),
                error_of(&statuses[0])
            )
        })?;
        tried.push(operation.name());
    }
    if tried.is_empty() {
        return Err(skipped("no operation is offered that could be tried"));
    }
    holds(tried.join(", "))
}

pub(crate) async fn idempotency_keys(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    bench.pair().await?;
    let unique = bench.key("limits")?.to_string();
    let printable: String = (b'!'..=b'~').map(char::from).collect();
    let long = |end: &str| format!("{unique}{}{end}", "k".repeat(128 - unique.len() - end.len()));
    let keys = [
        long("a"),
        // Another one in its last character alone.
        long("b"),
        format!("{unique}{}", &printable[..printable.len().min(128 - unique.len())]),
        format!("../../{unique}"),
        format!("{unique}/../x"),
        format!("%s%n{unique}"),
        unique.to_uppercase(),
        unique.clone(),
    ];
    let mut signing = Vec::new();
    for key in &keys {
        let request = bench.issue_request(&PrivateKey::generate().during("making a key")?)?;
        let document = request.to_json().map_err(|error| skipped(error.to_string()))?;
        let call = submit_call(Operation::Issue.number(), key, &document);
        let called = opened.call(call, &format!("issue under a key of {} characters", key.len())).await?;
        match called.status {
            status::CA_PENDING => return Err(skipped("the CA decides issues later")),
            status::CA_OK => {}
            _ => {
                return Err(failed(format!(
                    "issue under the idempotency key {key:?} says {}",
                    error_of(&called)
                )));
            }
        }
        let reply: Value = serde_json::from_slice(&called.document.0).unwrap_or_default();
        let certificate = reply["signing_certificate"].clone();
        ensure(!signing.contains(&certificate), || {
            format!("the idempotency key {key:?} gives the certificate that another key gave")
        })?;
        signing.push(certificate);
    }
    HOLDS
}

pub(crate) async fn bad_requests(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    bench.pair().await?;
    let subject = bench.subject()?;
    let good = subject.csr.as_bytes();
    let mut forged = good.to_vec();
    // Within the subject's name: the signature no longer fits.
    let position = good.windows(11).position(|window| window == b"conformance").unwrap_or(good.len() / 2);
    forged[position] ^= 1;
    let mut longer = good.to_vec();
    longer.push(0);
    let requests: [(&str, Value); 7] = [
        ("no DER", json!("AAECAwQ=")),
        ("an empty request", json!("")),
        ("half a request", base64(&good[..good.len() / 2])),
        ("a request with an octet behind it", base64(&longer)),
        ("a request whose signature does not fit", base64(&forged)),
        ("a request for a key on P-256", json!(P256_REQUEST)),
        ("base64 without padding", json!("MAA")),
    ];
    for (what, csr) in requests {
        let mut document = fixtures::sample(Operation::Issue, &subject);
        document["csr"] = csr;
        let key = bench.key("request")?;
        let call = submit_call(Operation::Issue.number(), key.as_str(), document.to_string().as_bytes());
        refused(&mut opened, call, &format!("issue with {what}")).await?;
    }
    HOLDS
}

pub(crate) async fn mutations(bench: &Bench) -> Verdict {
    let mut opened = bench.opened().await?;
    let rounds = bench.options.profile.of(40, 4000);
    mutate(bench, &mut opened, rounds).await?;
    holds(format!("{rounds} of each operation, seed {}", bench.options.seed))
}

pub(crate) async fn sanitizers(bench: &Bench) -> Verdict {
    let Some(path) = &bench.options.sanitized else { return Err(skipped("needs --sanitized")) };
    let library = Library::open(path, None).map_err(|error| skipped(error.to_string()))?;
    let program = under_sanitizer(bench, &library)?;
    let mut probe = Probe::start(&program, &library)?;
    crate::bench::load(&mut probe).await.map_err(|stop| cannot(&stop))?;
    let secrets = bench.options.secrets.iter().map(|(name, value)| (name.clone(), value.to_vec().into()));
    crate::bench::give_secrets(&mut probe, secrets.collect()).await?;
    table(&mut probe, offer()).await?;
    let answer = open(&mut probe, bench.configuration()?).await;
    let instance =
        answer.during("open")?.instance.ok_or_else(|| skipped("the sanitized library does not open"))?;
    let mut opened = Opened { probe, instance };
    let result = async {
        super::process::exercise(bench, &mut opened).await?;
        mutate(bench, &mut opened, bench.options.profile.of(40, 1000)).await
    };
    let result = result.await;
    let said = String::from_utf8_lossy(&opened.probe.standard_error().await).into_owned();
    if let Some(line) = said.lines().find(|line| SANITIZER_WORDS.iter().any(|word| line.contains(word))) {
        return Err(failed(format!("the sanitizer reports: {}", line.trim())));
    }
    result?;
    HOLDS
}

/// The probe's program, with the runtime of the sanitizer that the library is linked with loaded first. A runtime that
/// came second would refuse to work.
fn under_sanitizer(bench: &Bench, library: &Library) -> Result<WorkerProgram, Stop> {
    let needed = super::library::needed(library)?;
    let runtimes: Vec<&str> = needed
        .iter()
        .map(String::as_str)
        .filter(|name| {
            ["libasan.", "libubsan.", "libtsan.", "libclang_rt."].iter().any(|start| name.starts_with(start))
        })
        .collect();
    if runtimes.is_empty() {
        return Err(skipped(
            "the sanitized library needs no shared runtime (libasan, libubsan, libtsan, libclang_rt): with clang, link it with -shared-libsan",
        ));
    }
    let program = &bench.options.probe;
    let path = if program.program.as_os_str() == "/proc/self/exe" {
        std::env::current_exe()?
    } else {
        program.program.clone()
    };
    let mut arguments = vec![
        format!("LD_PRELOAD={}", runtimes.join(":")).into(),
        // The kit reads reports; a plugin's leaks at the end of a process are none of its business.
        "ASAN_OPTIONS=detect_leaks=0".into(),
        "UBSAN_OPTIONS=print_stacktrace=0".into(),
        path.into_os_string(),
    ];
    arguments.extend(program.arguments.iter().cloned());
    Ok(WorkerProgram { program: "/usr/bin/env".into(), arguments })
}

fn cannot(stop: &Stop) -> Stop {
    skipped(format!("the sanitized library cannot be run under its runtime: {stop:?}"))
}

/// Random changes of valid requests. A reply is allowed only to what still is a valid request.
async fn mutate(bench: &Bench, opened: &mut Opened, rounds: u32) -> Result<(), Stop> {
    let subject = bench.subject()?;
    let mut random = fastrand::Rng::with_seed(bench.options.seed);
    for operation in bench.sound_operations().await {
        let sample = fixtures::sample(operation, &subject).to_string().into_bytes();
        for round in 0..rounds {
            let document = mutation::mutated(&sample, &mut random);
            let key = bench.key("mutation")?;
            let call = submit_call(operation.number(), key.as_str(), &document);
            let what =
                format!("{operation} with the random document {round} of the seed {}", bench.options.seed);
            let unread = matches!(operation, Operation::Crl | Operation::CaCertificates);
            let valid = unread || Request::parse(operation, &document).is_ok();
            if valid { ends(opened, call, &what).await? } else { refused(opened, call, &what).await? }
        }
    }
    Ok(())
}

/// The call ends with a class that says: nothing was done, and it is the request's fault.
async fn refused(opened: &mut Opened, call: RawCall, what: &str) -> Result<(), Stop> {
    let called = opened.call(call, what).await?;
    let classes = [status::CA_PERMANENT, status::CA_NOT_SUPPORTED, status::CA_LIMIT];
    ensure(classes.contains(&called.status), || {
        format!("{what}: {}; CA_PERMANENT is the class of a request that will never work", error_of(&called))
    })?;
    is_error_document(&called.document.0, what)
}

/// The call ends with a status of the contract.
async fn ends(opened: &mut Opened, call: RawCall, what: &str) -> Result<(), Stop> {
    let called = opened.call(call, what).await?;
    ensure(is_status(called.status), || format!("{what}: it returned {}", status_name(called.status)))
}

/// With an error, the buffer holds an error document or nothing.
fn is_error_document(document: &[u8], what: &str) -> Result<(), Stop> {
    if document.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<yinqiao_ca_sdk::messages::ErrorDocument>(document)
        .map(drop)
        .map_err(|error| failed(format!("{what}: what it wrote is no error document: {error}")))
}

fn functions(bench: &Bench) -> Vec<Function> {
    let all = [
        (Function::Poll, capability::CA_CAN_POLL),
        (Function::Lookup, capability::CA_CAN_LOOKUP),
        (Function::Cancel, capability::CA_CAN_CANCEL),
        (Function::List, capability::CA_CAN_LIST),
    ];
    all.into_iter().filter(|(_, bit)| bench.offers(*bit)).map(|(function, _)| function).collect()
}

fn malformed() -> Vec<Malformed> {
    let deep = |depth: usize| format!("{{\"x\": {}1{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let documents: Vec<(&str, Vec<u8>)> = vec![
        ("an empty document", Vec::new()),
        ("half an object", b"{\"csr\": \"AA".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("octets that are no UTF-8", b"{\"x\": \"\xff\xc0\xaf\"}".to_vec()),
        ("NULs", vec![0; 64]),
        ("an unpaired surrogate", b"{\"serial\": \"\\ud800\"}".to_vec()),
        ("two documents", b"{}{}".to_vec()),
        ("lists nested 100 deep", deep(100)),
        ("lists nested 100000 deep", deep(100_000)),
        ("brackets that are never closed", vec![b'['; 200_000]),
        ("a text of 4 MiB", [b"{\"csr\": \"".to_vec(), vec![b'A'; 4 << 20], b"\"".to_vec()].concat()),
    ];
    let mut all: Vec<Malformed> = documents
        .into_iter()
        .map(|(what, document)| Malformed { what: what.to_owned(), document: Some(document) })
        .collect();
    all.push(Malformed { what: "an empty slice with a NULL pointer".to_owned(), document: None });
    all
}

fn base64(octets: &[u8]) -> Value {
    json!(String::from(yinqiao_ca_sdk::messages::Der(octets.to_vec())))
}

impl Bench {
    /// What valid requests are about: a new key, and names that the CA does not know.
    pub(crate) fn subject(&self) -> Result<Subject, Stop> {
        let key = PrivateKey::generate().during("making a key")?;
        let csr = fixtures::request_for(&key).during("making a certificate request")?;
        let serial =
            "7f00c0ffee00c0ffee".to_owned().try_into().map_err(|_| skipped("the kit itself failed"))?;
        Ok(Subject {
            signer: csr.clone(),
            csr,
            holder: self.options.holder(),
            product: self.product(),
            serial,
            now_ms: self.now_ms(),
        })
    }
}
