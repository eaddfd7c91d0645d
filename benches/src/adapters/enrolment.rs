//! Phones that enrol, so that a plugin issues. Requests are sent once: what the broker does not do at once has failed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ureq::Agent;

use yinqiao_phone::{KdfParameters, Phone, Pin};
use yinqiao_protocol::Token;
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};

use crate::login::broker::Broker;

/// One phone, which enrols again and again.
pub struct Applicant<'b> {
    broker: &'b Broker,
    phone: Phone,
    pin: Pin,
    agent: Agent,
}

/// What an enrolment came to.
pub enum Outcome {
    /// A certificate pair.
    Issued(Box<Enrolled>),
    /// The broker's refusal: status and problem.
    Refused(String),
    /// Nothing within the time.
    CutOff,
}

impl<'b> Applicant<'b> {
    /// Whose files lie in `folder`.
    pub fn new(broker: &'b Broker, folder: &Path) -> Result<Self> {
        let phone = Phone::open_with(folder, KdfParameters::new(64, 1)?)?;
        Ok(Self { broker, phone, pin: Pin::parse("271828")?, agent: agent() })
    }

    /// An enrolment at the CA `adapter`, ready to be sent.
    pub fn prepare(&self, adapter: &str) -> Result<EnrolRequest> {
        let code = self.broker.operate(&["enrolment", "add", "--name", "王小明", "--adapter", adapter])?;
        let code = Token::parse(&code).context("no enrolment code came")?;
        Ok(self.phone.begin(self.broker.url(), &code, &self.pin)?.1)
    }

    /// Sends it.
    pub fn send(&self, request: &EnrolRequest, within: Duration) -> Result<Outcome> {
        let url = format!("{}/v1/phone/enrolments", self.broker.url());
        let sent = self
            .agent
            .post(&url)
            .header("Content-Type", "application/json")
            .config()
            .timeout_global(Some(within))
            .build()
            .send(serde_json::to_vec(request)?);
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(ureq::Error::Timeout(_)) => return Ok(Outcome::CutOff),
            Err(error) => bail!("an enrolment's connection broke: {error}"),
        };
        let status = answer.status();
        let text = answer.body_mut().read_to_string().context("an enrolment's answer broke off")?;
        Ok(match status.is_success() {
            true => Outcome::Issued(Box::new(serde_json::from_str(&text)?)),
            false => Outcome::Refused(format!("{status}: {text}")),
        })
    }
}

/// A client that sends nothing twice and takes every status for an answer.
pub fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent()
}
