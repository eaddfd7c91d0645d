//! Calls of every kind that go on while a plugin is upgraded. Each is sent once; what does not come to its end has failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;

use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{self, CertId, CertStatus, Expectation, Nonce, OcspRequest, OcspResponse};
use yinqiao_gm::x509::{AnyCertificate, CertificateRevocationList};
use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::phone::Enrolled;

use crate::adapters::enrolment::{Applicant, Outcome, agent};
use crate::login::broker::Broker;

/// The CA that is asked.
pub const AUTHORITY: &str = "softca";
/// How long one call may take.
const WITHIN: Duration = Duration::from_secs(30);
/// One enrolment of so many is revoked.
const REVOKED: u64 = 4;
/// Octets of the largest answer.
const ANSWER: u64 = 16 << 20;
/// Pauses after each call of a kind.
const AFTER_ENROLMENT: Duration = Duration::from_millis(100);
const AFTER_QUESTION: Duration = Duration::from_millis(20);

/// Calls of one kind.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// How many were made.
    pub calls: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Why the first of them did.
    first_failure: Option<String>,
}

/// Calls by kind.
#[derive(Debug, Default)]
pub struct Counts {
    enrolments: Count,
    revocations: Count,
    status_questions: Count,
    revocation_lists: Count,
}

/// Makes calls of every kind until `over`.
pub fn ask(broker: &Broker, over: &AtomicBool) -> Result<Counts> {
    let folder = broker.directory().join("applicant");
    let applicant = Applicant::new(broker, &folder)?;
    let first = enrol(&applicant)?;
    let question = Question::about(&first)?;
    thread::scope(|scope| {
        let enrolling = scope.spawn(|| enrol_and_revoke(broker, &applicant, over));
        let asking = scope.spawn(|| {
            let client = agent();
            again(over, AFTER_QUESTION, || question.ask(&client, broker))
        });
        let fetching = scope.spawn(|| {
            let client = agent();
            again(over, AFTER_QUESTION, || fetch_list(&client, broker))
        });
        let panicked = |_| anyhow::anyhow!("a thread panicked");
        let (enrolments, revocations) = enrolling.join().map_err(panicked)?;
        Ok(Counts {
            enrolments,
            revocations,
            status_questions: asking.join().map_err(panicked)?,
            revocation_lists: fetching.join().map_err(panicked)?,
        })
    })
}

fn again(over: &AtomicBool, pause: Duration, call: impl Fn() -> Result<()>) -> Count {
    let mut count = Count::default();
    while !over.load(Ordering::Acquire) {
        count.note(call());
        thread::sleep(pause);
    }
    count
}

fn enrol_and_revoke(broker: &Broker, applicant: &Applicant<'_>, over: &AtomicBool) -> (Count, Count) {
    let (mut enrolments, mut revocations) = (Count::default(), Count::default());
    while !over.load(Ordering::Acquire) {
        let enrolled = enrol(applicant);
        if let Ok(enrolled) = &enrolled
            && enrolments.calls % REVOKED == 0
        {
            let fingerprint = Sm3Hex::of(enrolled.signing_certificate.as_slice()).to_string();
            revocations.note(broker.operate(&["certificate", "revoke", &fingerprint]).map(drop));
        }
        enrolments.note(enrolled.map(drop));
        thread::sleep(AFTER_ENROLMENT);
    }
    (enrolments, revocations)
}

fn enrol(applicant: &Applicant<'_>) -> Result<Box<Enrolled>> {
    match applicant.send(&applicant.prepare(AUTHORITY)?, WITHIN)? {
        Outcome::Issued(enrolled) => Ok(enrolled),
        Outcome::Refused(reason) => bail!("{reason}"),
        Outcome::CutOff => bail!("no answer within {WITHIN:?}"),
    }
}

/// Whether a certificate is good, by OCSP.
struct Question {
    issuer: AnyCertificate,
    cert_id: CertId,
}

impl Question {
    fn about(enrolled: &Enrolled) -> Result<Self> {
        let encryption =
            enrolled.encryption_certificate.as_ref().context("no encryption certificate came")?;
        let certificate = AnyCertificate::from_der(encryption.as_slice())?;
        let issuer = enrolled.chain.first().context("no issuer came")?;
        let issuer = AnyCertificate::from_der(issuer.as_slice())?;
        let cert_id = CertId::new(HashAlgorithm::Sm3, &issuer, certificate.serial())?;
        Ok(Self { issuer, cert_id })
    }

    fn ask(&self, client: &Agent, broker: &Broker) -> Result<()> {
        let nonce = ocsp::generate_nonce()?;
        let request = OcspRequest::build(std::slice::from_ref(&self.cert_id), Some(&nonce))?;
        let url = format!("{}/v1/certificate-authorities/{AUTHORITY}/ocsp", broker.url());
        let sent = client
            .post(&url)
            .header("Content-Type", ocsp::REQUEST_MEDIA_TYPE)
            .config()
            .timeout_global(Some(WITHIN))
            .build()
            .send(request.der());
        let response = OcspResponse::from_der(&body(sent)?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().cast_signed();
        let expectation =
            Expectation { nonce: Nonce::Optional(&nonce), ..Expectation::new(&self.issuer, now) };
        let verified = response.verify(&expectation)?;
        let status = &verified.status(&self.cert_id)?.status;
        ensure!(matches!(status, CertStatus::Good), "a good certificate is said to be otherwise");
        Ok(())
    }
}

fn fetch_list(client: &Agent, broker: &Broker) -> Result<()> {
    let url = format!("{}/v1/certificate-authorities/{AUTHORITY}/crl", broker.url());
    let sent = client.get(&url).config().timeout_global(Some(WITHIN)).build().call();
    CertificateRevocationList::from_der(&body(sent)?)?;
    Ok(())
}

fn body(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Vec<u8>> {
    let mut answer = sent?;
    let status = answer.status();
    let bytes = answer.body_mut().with_config().limit(ANSWER).read_to_vec()?;
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
    Ok(bytes)
}

impl Count {
    fn note(&mut self, result: Result<()>) {
        self.calls += 1;
        if let Err(reason) = result {
            self.failed += 1;
            self.first_failure.get_or_insert_with(|| format!("{reason:#}"));
        }
    }

    fn to_json(&self) -> Value {
        json!({ "calls": self.calls, "failed": self.failed, "first_failure": self.first_failure })
    }
}

impl Counts {
    /// How many failed, of any kind.
    pub fn failed(&self) -> u64 {
        [&self.enrolments, &self.revocations, &self.status_questions, &self.revocation_lists]
            .iter()
            .map(|count| count.failed)
            .sum()
    }

    /// As figures.
    pub fn to_json(&self) -> Value {
        json!({
            "enrolments": self.enrolments.to_json(),
            "revocations": self.revocations.to_json(),
            "ocsp": self.status_questions.to_json(),
            "revocation_lists": self.revocation_lists.to_json(),
        })
    }
}
