//! Further pairs for the same subject: with the same keys, and with other keys.

use yinqiao_ca_sdk::ErrorClass;
use yinqiao_ca_sdk::messages::State;
use yinqiao_gm::sm2::PrivateKey;

use super::issue::{opens, pair_of};
use super::revocation::state;
use crate::bench::{Bench, serial_of};
use crate::fixtures;
use crate::verdict::{HOLDS, Verdict, While as _, ensure, failed};

pub(crate) async fn keeps_keys(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let present = bench.prepared(&handle, "renewed").await?;
    let csr = fixtures::request_for(&present.key).during("making a certificate request")?;
    let request = fixtures::renew(&present.serial, csr);
    let (reply, _) = bench.done(&handle, &request, &bench.key("renew")?).await?;
    let (signing, encryption, _) = pair_of(reply)?;
    ensure(signing.public_key() == present.signing.public_key(), || {
        "the renewed signing certificate holds another key".to_owned()
    })?;
    ensure(signing.subject() == present.signing.subject(), || {
        "the renewed certificate has another subject".to_owned()
    })?;
    ensure(signing.serial() != present.signing.serial(), || {
        "the renewed certificate has the old serial number".to_owned()
    })?;
    ensure(encryption.is_some() == present.encryption.is_some(), || {
        "one pair has an encryption certificate, and the other has none".to_owned()
    })?;
    if let (Some(new), Some(old)) = (&encryption, &present.encryption) {
        ensure(new.public_key() == old.public_key(), || {
            "the renewed encryption certificate holds another key".to_owned()
        })?;
    }
    if bench.offers(yinqiao_ca_sdk::Operation::Status.capability()) {
        let old = state(bench, &handle, &present.serial).await?.state;
        ensure(old == State::Good, || {
            format!("after the renewal the present certificate is {old:?}; it stays valid")
        })?;
    }
    HOLDS
}

pub(crate) async fn refuses_another_key(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let present = bench.prepared(&handle, "renewed").await?;
    let other = PrivateKey::generate().during("making a key")?;
    let csr = fixtures::request_for(&other).during("making a certificate request")?;
    match bench.run(&handle, &fixtures::renew(&present.serial, csr), &bench.key("renew")?).await {
        Err(error) if error.class == ErrorClass::Permanent => HOLDS,
        Err(error) => {
            Err(failed(format!("a renewal with another key is {}; permanent is the class", error.class)))
        }
        Ok(_) => Err(failed("a renewal with another key is done: that is a rekey")),
    }
}

pub(crate) async fn changes_keys(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let present = bench.prepared(&handle, "rekeyed").await?;
    let key = PrivateKey::generate().during("making a key")?;
    let csr = fixtures::request_for(&key).during("making a certificate request")?;
    let request = fixtures::rekey(&present.serial, csr);
    let (reply, _) = bench.done(&handle, &request, &bench.key("rekey")?).await?;
    let (signing, encryption, pair) = pair_of(reply)?;
    ensure(signing.public_key() == key.public_key(), || {
        "the rekeyed signing certificate does not hold the request's key".to_owned()
    })?;
    ensure(signing.subject() == present.signing.subject(), || {
        "the rekeyed certificate has another subject".to_owned()
    })?;
    ensure(serial_of(&signing)? != present.serial, || {
        "the rekeyed certificate has the old serial number".to_owned()
    })?;
    if let (Some(new), Some(old)) = (&encryption, &present.encryption) {
        ensure(new.public_key() != old.public_key(), || {
            "the encryption key is still the old one".to_owned()
        })?;
    }
    match (&encryption, &pair.enveloped_key) {
        (Some(certificate), Some(enveloped)) => opens(enveloped.as_bytes(), &key, certificate)?,
        (None, None) => {}
        _ => {
            return Err(failed("encryption_certificate and enveloped_key must be both there or both absent"));
        }
    }
    HOLDS
}
