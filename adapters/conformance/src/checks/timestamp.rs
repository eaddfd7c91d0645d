//! Timestamps (RFC 3161 with SM3).

use yinqiao_ca_sdk::messages::{Der, DerRequest};
use yinqiao_ca_sdk::{Reply, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_gm::tsp::{MessageImprint, TimeStampRequest, TimeStampResponse, Trust, generate_nonce};
use yinqiao_gm::x509::AnyCertificate;

use crate::bench::Bench;
use crate::verdict::{HOLDS, Stop, Verdict, ensure, failed, holds, skipped};

/// By how many seconds the authority's clock may differ from this one.
const CLOCK_TOLERANCE: i64 = 300;

pub(crate) async fn verifies(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let others = authorities(bench, &handle).await?;
    let anchors: Vec<AnyCertificate> = others.iter().filter(|one| one.is_self_issued()).cloned().collect();
    if anchors.is_empty() {
        return Err(skipped("needs CA_CERTIFICATES or an issued certificate to know the authority's root"));
    }
    let mut serials = Vec::new();
    for message in [b"one".as_slice(), b"another"] {
        let request = request_for(message)?;
        let response = respond(bench, &handle, request.der().to_vec().into()).await?;
        let trust = Trust { anchors: &anchors, others: &others };
        let verified =
            response.verify(&request, &trust).map_err(|error| failed(format!("the response: {error}")))?;
        let now = (bench.now_ms() / 1000) as i64;
        ensure((verified.info.time.seconds - now).abs() <= CLOCK_TOLERANCE, || {
            format!("genTime is {} s from now", verified.info.time.seconds - now)
        })?;
        ensure(!serials.contains(&verified.info.serial), || "two stamps have one number".to_owned())?;
        serials.push(verified.info.serial);
    }
    holds("imprint, nonce, signature, purpose and path are right")
}

pub(crate) async fn refuses(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let mut broken = request_for(b"broken")?.der().to_vec();
    broken.truncate(broken.len() / 2);
    let request = Request::Timestamp(DerRequest { request: Der(broken) });
    match bench.run(&handle, &request, &bench.key("timestamp")?).await {
        Err(error) => ensure(error.class == yinqiao_ca_sdk::ErrorClass::Permanent, || {
            format!("half a request is {}; permanent is the class", error.class)
        })
        .map(|()| None),
        // An authority may answer with a rejection of its own.
        Ok(crate::bench::Decided::Done { reply: Reply::Response(reply), .. }) => {
            let response = TimeStampResponse::from_der(reply.response.as_bytes())
                .map_err(|error| failed(format!("the response to half a request: {error}")))?;
            ensure(response.token().is_err(), || "half a request got a stamp".to_owned())?;
            HOLDS
        }
        Ok(_) => Err(failed("half a request got another reply than a response")),
    }
}

fn request_for(message: &[u8]) -> Result<TimeStampRequest, Stop> {
    let failed = |error: yinqiao_gm::tsp::Error| skipped(format!("the kit itself failed: {error}"));
    let nonce = generate_nonce().map_err(failed)?;
    TimeStampRequest::build(&MessageImprint::sm3(message), None, Some(&nonce), true).map_err(failed)
}

async fn respond(bench: &Bench, handle: &AdapterHandle, request: Der) -> Result<TimeStampResponse, Stop> {
    let request = Request::Timestamp(DerRequest { request });
    match bench.done(handle, &request, &bench.key("timestamp")?).await?.0 {
        Reply::Response(reply) => TimeStampResponse::from_der(reply.response.as_bytes())
            .map_err(|error| failed(format!("the response: {error}"))),
        _ => Err(failed("the reply to TIMESTAMP is no response")),
    }
}

/// What the CA gives, and what came with an issued pair.
async fn authorities(bench: &Bench, handle: &AdapterHandle) -> Result<Vec<AnyCertificate>, Stop> {
    let ders = bench.authorities(handle).await?;
    Ok(ders.iter().filter_map(|der| AnyCertificate::from_der(der.as_bytes()).ok()).collect())
}
