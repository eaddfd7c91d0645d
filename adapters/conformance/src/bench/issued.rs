//! Certificate pairs that a run has had issued.

use std::sync::Arc;
use std::time::{Duration, Instant};

use yinqiao_ca_sdk::messages::{CertificatePair, Der, IdempotencyKey, Serial};
use yinqiao_ca_sdk::{Operation, Reply, Request};
use yinqiao_ca_worker::AdapterHandle;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::Certificate;

use super::Bench;
use crate::fixtures;
use crate::verdict::{Stop, While as _, failed, skipped};

/// A pair and what it was asked for with.
pub(crate) struct Issued {
    /// The signing key.
    pub(crate) key: PrivateKey,
    pub(crate) request: Request,
    pub(crate) idempotency_key: IdempotencyKey,
    pub(crate) pair: CertificatePair,
    /// The reply as it came.
    pub(crate) document: Vec<u8>,
    pub(crate) signing: Certificate,
    pub(crate) encryption: Option<Certificate>,
    /// Of the signing certificate.
    pub(crate) serial: Serial,
    pub(crate) took: Duration,
}

impl Issued {
    /// Serial numbers of all its certificates.
    pub(crate) fn serials(&self) -> Result<Vec<Serial>, Stop> {
        let mut serials = vec![self.serial.clone()];
        if let Some(certificate) = &self.encryption {
            serials.push(serial_of(certificate)?);
        }
        Ok(serials)
    }
}

impl Bench {
    /// The CA's certificates: those that it gives, and those that came with an issued pair, DER.
    pub(crate) async fn authorities(&self, handle: &AdapterHandle) -> Result<Vec<Der>, Stop> {
        let mut ders = Vec::new();
        if self.offers(Operation::CaCertificates.capability())
            && let Reply::CaCertificates(reply) =
                self.done(handle, &fixtures::ca_certificates(), &self.key("authorities")?).await?.0
        {
            ders.extend(reply.certificates);
        }
        if self.offers(Operation::Issue.capability())
            && let Ok(pair) = self.pair().await
        {
            ders.extend(pair.pair.chain.iter().cloned());
        }
        Ok(ders)
    }

    /// The pair that most checks look at. Nobody revokes it.
    pub(crate) async fn pair(&self) -> Result<Arc<Issued>, Stop> {
        let mut shared = self.pair.lock().await;
        if shared.is_none() {
            let handle = self.handle().await?;
            *shared = Some(self.issue(&handle, "shared").await.map(Arc::new));
            if let Some(Err(_)) = &*shared {
                // A process that an issue has ended says so in issue.issues, not in the check that asked first.
                self.let_go().await;
            }
        }
        match shared.as_ref() {
            Some(Ok(pair)) => Ok(pair.clone()),
            Some(Err(Stop::Skipped(why))) => Err(skipped(why)),
            Some(Err(Stop::Failed(why) | Stop::NotOffered(why))) => {
                Err(skipped(format!("needs an issued certificate: {why}; see issue.issues")))
            }
            None => Err(skipped("needs an issued certificate")),
        }
    }

    /// Has a new pair issued.
    pub(crate) async fn issue(&self, handle: &AdapterHandle, what: &str) -> Result<Issued, Stop> {
        let key = PrivateKey::generate().during("making a key")?;
        let request = self.issue_request(&key)?;
        let idempotency_key = self.key(what)?;
        let began = Instant::now();
        let (reply, document) = self.done(handle, &request, &idempotency_key).await?;
        issued(key, request, idempotency_key, reply, document, began.elapsed())
    }

    /// As [`Self::issue`], where it is only the preparation of a check: without it there is nothing to look at.
    pub(crate) async fn prepared(&self, handle: &AdapterHandle, what: &str) -> Result<Issued, Stop> {
        if !self.offers(Operation::Issue.capability()) {
            return Err(skipped("needs an issued certificate, and the plugin does not offer issue"));
        }
        self.pair().await?;
        self.issue(handle, what).await.map_err(|stop| match stop {
            Stop::Failed(why) => skipped(format!("needs an issued certificate: {why}; see issue.issues")),
            stop => stop,
        })
    }

    pub(crate) fn issue_request(&self, key: &PrivateKey) -> Result<Request, Stop> {
        let csr = fixtures::request_for(key).during("making a certificate request")?;
        Ok(fixtures::issue(csr, self.options.holder(), self.product(), None))
    }

    /// The product that is asked for.
    pub(crate) fn product(&self) -> Option<String> {
        let described = || self.description().ok()?.products.first().map(|product| product.name.clone());
        self.options.product.clone().or_else(described)
    }
}

/// Reads the reply to an issue.
pub(crate) fn issued(
    key: PrivateKey,
    request: Request,
    idempotency_key: IdempotencyKey,
    reply: Reply,
    document: Vec<u8>,
    took: Duration,
) -> Result<Issued, Stop> {
    let Reply::Pair(pair) = reply else { return Err(failed("the reply is no pair")) };
    let signing = Certificate::from_der(pair.signing_certificate.as_bytes())
        .during("reading the signing certificate (X.509 with an SM2 key)")?;
    let encryption = pair
        .encryption_certificate
        .as_ref()
        .map(|der| Certificate::from_der(der.as_bytes()))
        .transpose()
        .during("reading the encryption certificate (X.509 with an SM2 key)")?;
    let serial = serial_of(&signing)?;
    Ok(Issued { key, request, idempotency_key, pair, document, signing, encryption, serial, took })
}

pub(crate) fn serial_of(certificate: &Certificate) -> Result<Serial, Stop> {
    Serial::from_octets(certificate.serial().as_bytes())
        .map_err(|error| failed(format!("the certificate's serial number: {error}")))
}
