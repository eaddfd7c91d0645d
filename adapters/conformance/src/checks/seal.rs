//! Electronic seals.

use yinqiao_ca_sdk::messages::{SealIdentity, SealRevokeRequest, SealState, SealStatus};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_gm::seal::{SealVersion, SesSeal};
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::x509::chain::{self, Usage};

use crate::bench::Bench;
use crate::fixtures;
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, skipped};

pub(crate) async fn verifies(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    let request = fixtures::seal(&pair.pair.signing_certificate, bench.now_ms());
    let Request::SealIssue(asked) = &request else { return Err(skipped("the kit itself failed")) };
    let Reply::Seal(issued) = bench.done(&handle, &request, &bench.key("seal")?).await?.0 else {
        return Err(failed("the reply is no seal"));
    };
    let seal = SesSeal::from_der(issued.seal.as_bytes())
        .map_err(|error| failed(format!("the seal cannot be read: {error}")))?;
    ensure(seal.version() == SealVersion::Gbt38540V4, || {
        format!("the seal has version {}; GB/T 38540-2020 has 4", seal.version().number())
    })?;
    seal.verify_maker_signature().during("the maker's signature")?;
    ensure(seal.id() == issued.seal_id, || "seal_id is not the seal's esID".to_owned())?;
    ensure(seal.name() == asked.name && seal.kind() == i64::from(asked.kind), || {
        "name or type of the seal is not as asked for".to_owned()
    })?;
    let picture = seal.picture();
    ensure(picture.data == asked.picture.data.as_bytes() && picture.kind == asked.picture.format, || {
        "the seal's picture is not the one that was given".to_owned()
    })?;
    ensure(
        (picture.width_mm, picture.height_mm) == (asked.picture.width_mm, asked.picture.height_mm),
        || "the seal's size is not as asked for".to_owned(),
    )?;
    ensure(seal.signers().contains(&pair.signing), || "the seal does not list its signer".to_owned())?;
    ensure(seal.valid_until().unsigned_abs() == asked.valid_until_ms / 1000, || {
        "the seal's validity is not as asked for".to_owned()
    })?;
    let above = pair.pair.chain.iter().map(|der| Certificate::from_der(der.as_bytes()));
    let above = above
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| skipped("the chain cannot be read; see issue.chain"))?;
    let roots: Vec<Certificate> = above.last().cloned().into_iter().collect();
    let at = (bench.now_ms() / 1000) as i64;
    match chain::verify(seal.maker(), &above, &roots, at, Usage::Signing) {
        Ok(_) => HOLDS,
        Err(error) => holds(format!(
            "the maker's certificate does not lead to the root of issued certificates: {error}"
        )),
    }
}

pub(crate) async fn status(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let seal_id = issue(bench, &handle).await?;
    let found = state(bench, &handle, &seal_id).await?;
    ensure(found.state == SealState::Valid && found.seal_id == seal_id, || {
        format!("the state of a new seal is {:?}", found.state)
    })?;
    let nobody = state(bench, &handle, "conformance-nobody").await?;
    ensure(nobody.state == SealState::Unknown, || {
        format!("the state of a seal that was never made is {:?}; unknown is the answer", nobody.state)
    })?;
    HOLDS
}

pub(crate) async fn revokes(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let seal_id = issue(bench, &handle).await?;
    let request =
        Request::SealRevoke(SealRevokeRequest { seal_id: seal_id.clone(), reason: "conformance".to_owned() });
    for round in ["", " a second time"] {
        let Reply::SealState(said) = bench.done(&handle, &request, &bench.key("seal-revoke")?).await?.0
        else {
            return Err(failed("the reply is no state of a seal"));
        };
        ensure(said.state == SealState::Revoked, || {
            format!("revoked{round}, the reply says {:?}", said.state)
        })?;
    }
    if bench.offers(Operation::SealStatus.capability()) {
        let found = state(bench, &handle, &seal_id).await?;
        ensure(found.state == SealState::Revoked, || {
            format!("after its revocation the seal is {:?}", found.state)
        })?;
    }
    let nobody = Request::SealRevoke(SealRevokeRequest {
        seal_id: "conformance-nobody".to_owned(),
        reason: "conformance".to_owned(),
    });
    match bench.run(&handle, &nobody, &bench.key("seal-revoke")?).await {
        Err(error) if error.class == ErrorClass::Permanent => HOLDS,
        Err(error) => Err(failed(format!(
            "revoking a seal that was never made is {}; permanent is the class",
            error.class
        ))),
        Ok(_) => Err(failed("a seal that was never made is revoked")),
    }
}

/// A new seal's id; without one there is nothing to look at.
async fn issue(bench: &Bench, handle: &AdapterHandle) -> Result<String, Stop> {
    if !bench.offers(Operation::SealIssue.capability()) {
        return Err(skipped("needs a seal, and the plugin does not offer to issue one"));
    }
    let pair = bench.pair().await?;
    let request = fixtures::seal(&pair.pair.signing_certificate, bench.now_ms());
    match bench.done(handle, &request, &bench.key("seal")?).await {
        Ok((Reply::Seal(issued), _)) => Ok(issued.seal_id),
        Ok(_) => Err(skipped("needs a seal; see seal.verifies")),
        Err(Stop::Failed(why)) => Err(skipped(format!("needs a seal: {why}; see seal.verifies"))),
        Err(stop) => Err(stop),
    }
}

async fn state(bench: &Bench, handle: &AdapterHandle, seal_id: &str) -> Result<SealStatus, Stop> {
    let request = Request::SealStatus(SealIdentity { seal_id: seal_id.to_owned() });
    match bench.done(handle, &request, &bench.key("seal-status")?).await?.0 {
        Reply::SealState(status) => Ok(status),
        _ => Err(failed("the reply is no state of a seal")),
    }
}
