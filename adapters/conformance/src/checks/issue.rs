//! What was issued: the right key, by the right CA, under the right name, once.

use yinqiao_ca_sdk::messages::{LookupQuery, LookupReply, State, Validity};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::oid;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::chain::{self, Usage};
use yinqiao_gm::x509::{Certificate, KeyUsage};

use crate::bench::{Bench, CALL, Issued, serial_of, within};
use crate::fixtures;
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds, skipped};

/// By how much a certificate's times may differ from what was asked for, in seconds: clocks, and CAs that begin a day
/// earlier.
const BEGIN_TOLERANCE: i64 = 86_400;
const END_TOLERANCE: i64 = 2 * 86_400;

pub(crate) async fn issues(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.issue(&handle, "first").await?;
    holds(format!("in {} ms", pair.took.as_millis()))
}

pub(crate) async fn key(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    ensure(pair.signing.public_key() == pair.key.public_key(), || {
        "the signing certificate holds another key than the request".to_owned()
    })?;
    if let Some(encryption) = &pair.encryption {
        ensure(encryption.public_key() != pair.key.public_key(), || {
            "the encryption certificate holds the signing key".to_owned()
        })?;
    }
    HOLDS
}

pub(crate) async fn chain(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    let intermediates = pair
        .pair
        .chain
        .iter()
        .map(|der| Certificate::from_der(der.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .during("reading the chain")?;
    let first = intermediates.first().ok_or_else(|| failed("the pair comes without a chain"))?;
    pair.signing.verify_signature(first).during("the chain's first certificate is not the issuer")?;
    for (lower, upper) in intermediates.iter().zip(intermediates.iter().skip(1)) {
        lower
            .verify_signature(upper)
            .during("a certificate of the chain is not signed by the one after it")?;
    }
    let last = intermediates.last().unwrap_or(first);
    ensure(last.is_self_issued(), || {
        "the chain does not lead to the root: its last certificate is not one".to_owned()
    })?;
    let at = (bench.now_ms() / 1000) as i64;
    let roots = std::slice::from_ref(last);
    chain::verify(&pair.signing, &intermediates, roots, at, Usage::Signing)
        .map_err(|error| failed(format!("the signing certificate: {error}")))?;
    if let Some(encryption) = &pair.encryption {
        chain::verify(encryption, &intermediates, roots, at, Usage::Encryption)
            .map_err(|error| failed(format!("the encryption certificate: {error}")))?;
    }
    holds(format!("{} certificates above it", intermediates.len()))
}

pub(crate) async fn ca_certificates(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let key = bench.key("authorities")?;
    let (reply, _) = bench.done(&handle, &fixtures::ca_certificates(), &key).await?;
    let Reply::CaCertificates(reply) = reply else {
        return Err(failed("the reply is no list of certificates"));
    };
    let known = reply
        .certificates
        .iter()
        .map(|der| yinqiao_gm::x509::AnyCertificate::from_der(der.as_bytes()))
        .collect::<Result<Vec<_>, _>>()
        .during("reading the CA's certificates")?;
    let last = known.last().ok_or_else(|| failed("there are none"))?;
    ensure(last.is_self_issued(), || "roots come last, and the last one is no root".to_owned())?;
    if let Some(other) = known.iter().find(|certificate| !certificate.is_ca()) {
        return Err(failed(format!("the certificate {} is no CA's", other.serial())));
    }
    if bench.offers(Operation::Issue.capability())
        && let Ok(pair) = bench.pair().await
    {
        for der in &pair.pair.chain {
            ensure(reply.certificates.contains(der), || {
                "a certificate of an issued pair's chain is not among the CA's certificates".to_owned()
            })?;
        }
    }
    holds(format!("{} certificates", known.len()))
}

pub(crate) async fn algorithms(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    // Certificate::from_der takes SM2 keys and SM2-with-SM3 signatures only; what is left is that no other object
    // identifier stands for them.
    for certificate in [Some(&pair.signing), pair.encryption.as_ref()].into_iter().flatten() {
        let spki = certificate.public_key().to_spki_der().during("encoding the key")?;
        for (what, oid) in [("id-ecPublicKey", oid::EC_PUBLIC_KEY), ("the SM2 curve", oid::SM2_CURVE)] {
            ensure(contains(&spki, oid.as_bytes()), || format!("the key does not name {what} ({oid})"))?;
        }
        ensure(contains(certificate.to_be_signed(), oid::SM2_WITH_SM3.as_bytes()), || {
            format!("the signature does not name SM2 with SM3 ({})", oid::SM2_WITH_SM3)
        })?;
    }
    HOLDS
}

pub(crate) async fn key_usages(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    let signing = usage(&pair.signing, "signing")?;
    ensure(signing.contains(KeyUsage::DIGITAL_SIGNATURE), || {
        format!("the signing certificate's keyUsage is {signing}; digitalSignature is needed")
    })?;
    let encipherment =
        KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT).union(KeyUsage::KEY_AGREEMENT);
    ensure(!signing.intersects(encipherment), || {
        format!("the signing certificate's keyUsage is {signing}: a signing key must not encipher")
    })?;
    let signatures = KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::NON_REPUDIATION);
    if let Some(certificate) = &pair.encryption {
        let encryption = usage(certificate, "encryption")?;
        ensure(encryption.intersects(encipherment) && !encryption.intersects(signatures), || {
            format!("the encryption certificate's keyUsage is {encryption}: it must encipher and not sign")
        })?;
    }
    for certificate in [Some(&pair.signing), pair.encryption.as_ref()].into_iter().flatten() {
        ensure(!certificate.is_ca(), || "an issued certificate is a CA's".to_owned())?;
    }
    HOLDS
}

pub(crate) async fn encryption_key(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    match (&pair.encryption, &pair.pair.enveloped_key) {
        (None, None) => holds("the CA issues no encryption certificate"),
        (Some(certificate), Some(enveloped)) => {
            opens(enveloped.as_bytes(), &pair.key, certificate)?;
            ensure(pair.signing.subject() == certificate.subject(), || {
                "the two certificates of the pair have two subjects".to_owned()
            })?;
            HOLDS
        }
        _ => Err(failed("encryption_certificate and enveloped_key must be both there or both absent")),
    }
}

/// A CA may issue signing certificates alone; whoever relies on the kit must not find that out by the first enrolment.
pub(crate) async fn whole_pair(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    match (&pair.encryption, &pair.pair.enveloped_key) {
        (Some(_), Some(_)) => holds("signing and encryption"),
        (None, None) => holds(
            "signing only: the pair has no encryption certificate and no enveloped key; the broker refuses enrolments \
             that ask for encryption",
        ),
        _ => Err(failed("encryption_certificate and enveloped_key must be both there or both absent")),
    }
}

pub(crate) async fn validity(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    bench.pair().await?;
    let now = (bench.now_ms() / 1000) as i64;
    for days in [7_u32, 90] {
        let key = PrivateKey::generate().during("making a key")?;
        let csr = fixtures::request_for(&key).during("making a certificate request")?;
        let validity = Some(Validity { not_before_ms: None, days: Some(days) });
        let request = fixtures::issue(csr, bench.options.holder(), bench.product(), validity);
        let (reply, _) = bench.done(&handle, &request, &bench.key("validity")?).await?;
        let Reply::Pair(pair) = reply else { return Err(failed("the reply is no pair")) };
        let certificate = Certificate::from_der(pair.signing_certificate.as_bytes()).during("reading it")?;
        let end = now + i64::from(days) * 86_400;
        ensure((certificate.not_before() - now).abs() <= BEGIN_TOLERANCE, || {
            format!("a certificate asked for now begins {} s from now", certificate.not_before() - now)
        })?;
        ensure(certificate.is_valid_at((bench.now_ms() / 1000) as i64), || {
            "a certificate asked for now is not valid now".to_owned()
        })?;
        ensure((certificate.not_after() - end).abs() <= END_TOLERANCE, || {
            format!(
                "a certificate asked for {days} days ends after {} days",
                (certificate.not_after() - now) / 86_400
            )
        })?;
    }
    HOLDS
}

pub(crate) async fn serials(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let mut seen = bench.pair().await?.serials()?;
    for _ in 0..bench.options.profile.of(5, 200) {
        for serial in bench.issue(&handle, "serial").await?.serials()? {
            ensure(!seen.contains(&serial), || format!("the serial number {serial} was given twice"))?;
            seen.push(serial);
        }
    }
    holds(format!("{} numbers", seen.len()))
}

pub(crate) async fn holder(bench: &Bench) -> Verdict {
    let pair = bench.pair().await?;
    let name = bench.options.holder().name;
    let subject = pair.signing.subject();
    let named =
        [subject.common_name(), subject.organization()].into_iter().flatten().any(|value| value == name);
    ensure(named, || {
        format!("neither common name nor organization of the subject ({subject}) is the holder's name")
    })?;
    ensure(subject.common_name().as_deref() != Some("conformance"), || {
        "the subject is the request's, not the holder's".to_owned()
    })?;
    HOLDS
}

pub(crate) async fn deduplicates(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    let (_, again) = bench.done(&handle, &pair.request, &pair.idempotency_key).await?;
    ensure(again == pair.document, || "the same request under the same key gives another reply".to_owned())?;
    let other = bench.issue_request(&PrivateKey::generate().during("making a key")?)?;
    match bench.run(&handle, &other, &pair.idempotency_key).await {
        Err(error) if error.class == ErrorClass::Permanent => HOLDS,
        Err(error) => Err(failed(format!(
            "another request under the same key is {}; permanent is the class",
            error.class
        ))),
        Ok(_) => Err(failed("another request under the same key is done")),
    }
}

pub(crate) async fn lookup(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    let by_key = LookupQuery::IdempotencyKey(pair.idempotency_key.clone());
    is_the_pair(&handle, &by_key, &pair, "by its idempotency key").await?;
    is_the_pair(&handle, &LookupQuery::Serial(pair.serial.clone()), &pair, "by its serial number").await?;
    let nobody = LookupQuery::IdempotencyKey(bench.key("nobody")?);
    match handle.lookup(&nobody, &within(CALL)).await.during("lookup of a key that nobody used")? {
        LookupReply::Absent => HOLDS,
        other => {
            Err(failed(format!("lookup of a key that nobody used says {other:?}; absent is the answer")))
        }
    }
}

pub(crate) async fn status(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.pair().await?;
    for serial in pair.serials()? {
        let state = super::revocation::state(bench, &handle, &serial).await?;
        ensure(state.serial == serial && state.state == State::Good, || {
            format!("the state of a new certificate is {:?}", state.state)
        })?;
    }
    let unknown = bench.subject()?.serial;
    let state = super::revocation::state(bench, &handle, &unknown).await?;
    ensure(state.state == State::Unknown, || {
        format!(
            "the state of a serial number that was never given is {:?}; unknown is the answer",
            state.state
        )
    })?;
    HOLDS
}

/// The enveloped key opens with the signing key and belongs to the certificate.
pub(crate) fn opens(enveloped: &[u8], key: &PrivateKey, certificate: &Certificate) -> Result<(), Stop> {
    let enveloped = EnvelopedKey::from_der(enveloped).during("reading the enveloped key (GM/T 0009)")?;
    ensure(enveloped.public_key() == certificate.public_key(), || {
        "the enveloped key is for another public key than the encryption certificate's".to_owned()
    })?;
    let opened = enveloped.open(key).during("opening the enveloped key with the request's key")?;
    ensure(opened.public_key() == certificate.public_key(), || {
        "the private key in the envelope is not the encryption certificate's".to_owned()
    })
}

async fn is_the_pair(
    handle: &AdapterHandle,
    query: &LookupQuery,
    pair: &Issued,
    how: &str,
) -> Result<(), Stop> {
    match handle.lookup(query, &within(CALL)).await.during(&format!("lookup {how}"))? {
        LookupReply::Done { operation: Operation::Issue, reply } => {
            let Ok(Reply::Pair(found)) = Reply::parse(Operation::Issue, reply.get().as_bytes()) else {
                return Err(failed(format!("lookup {how}: the reply is no pair")));
            };
            ensure(found == pair.pair, || format!("lookup {how} finds another pair"))
        }
        other => Err(failed(format!("lookup {how} says {other:?}; the pair was issued"))),
    }
}

fn usage(certificate: &Certificate, what: &str) -> Result<KeyUsage, Stop> {
    certificate
        .key_usage()
        .ok_or_else(|| failed(format!("the {what} certificate has no keyUsage (GM/T 0015)")))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Reads a pair out of a reply and hands its certificates over.
pub(crate) fn pair_of(
    reply: Reply,
) -> Result<(Certificate, Option<Certificate>, yinqiao_ca_sdk::messages::CertificatePair), Stop> {
    let Reply::Pair(pair) = reply else { return Err(failed("the reply is no pair")) };
    let signing = Certificate::from_der(pair.signing_certificate.as_bytes())
        .during("reading the signing certificate")?;
    let encryption = pair
        .encryption_certificate
        .as_ref()
        .map(|der| Certificate::from_der(der.as_bytes()))
        .transpose()
        .during("reading the encryption certificate")?;
    serial_of(&signing)?;
    Ok((signing, encryption, pair))
}

/// A request with nothing in common with others but the holder.
pub(crate) fn another_request(bench: &Bench) -> Result<Request, Stop> {
    let key = PrivateKey::generate().map_err(|error| skipped(error.to_string()))?;
    bench.issue_request(&key)
}
