//! From the download to the certificate.

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{Order, OrderRefusal, State};
use crate::actor::{Actor, OperatorRole};
use crate::job::{Job, JobKind};
use crate::step::Step;

/// How long a phone waits for its certificate before the broker goes on by itself, in seconds.
const PHONE_WAITS_SECONDS: u32 = 5;

impl Order {
    /// A phone begins to download: from now on only this request is taken. The same request again goes on.
    ///
    /// # Errors
    /// When it is not ready, over, or another request's.
    pub fn begin_issue(
        &self,
        request_sm3: Sm3Hex,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        if !by.is_user(self.applicant) {
            return Err(OrderRefusal::NotYours);
        }
        match &self.state {
            State::Ready { until } if *until > now => {
                let note = self.note("begin-issue", by, now).with("request", request_sm3.to_string());
                let next = Self { state: State::Issuing { request_sm3, since: now }, ..self.clone() };
                // The phone waits for the answer itself; the job is for when it goes away.
                let job = Job::at(JobKind::Issue(self.id), now.plus_seconds(PHONE_WAITS_SECONDS), now);
                Ok(Step::change(next, note).with_job(job))
            }
            State::Issuing { request_sm3: before, .. } if *before == request_sm3 => {
                Ok(Step::unchanged(self.clone()))
            }
            State::Issuing { .. } => Err(OrderRefusal::OtherRequest),
            State::Applied { .. } | State::AwaitingPayment { .. } => {
                Err(OrderRefusal::NotReady(self.state_name()))
            }
            State::Ready { .. } => Err(OrderRefusal::Over("expired")),
            State::Issued { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(OrderRefusal::Over(self.state_name())),
        }
    }

    /// The CA has issued.
    ///
    /// # Errors
    /// When nobody asked it to.
    pub fn issued(&self, certificate: Sm3Hex, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        match &self.state {
            State::Issuing { .. } => {
                let note =
                    self.note("issued", &Actor::System, now).with("certificate", certificate.to_string());
                Ok(Step::change(Self { state: State::Issued { certificate, at: now }, ..self.clone() }, note))
            }
            State::Issued { certificate: before, .. } if *before == certificate => {
                Ok(Step::unchanged(self.clone()))
            }
            _ => Err(OrderRefusal::NotReady(self.state_name())),
        }
    }

    /// The CA has refused for good, or an operator gives up: what was paid is given back.
    ///
    /// # Errors
    /// When the CA was not asked.
    pub fn fail(&self, reason: &str, by: &Actor, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        if *by != Actor::System && !by.has_role(OperatorRole::Operator) {
            return Err(OrderRefusal::NotYours);
        }
        match self.state {
            State::Issuing { .. } => {
                let note = self.note("fail", by, now).with("reason", reason);
                Ok(self.ended(State::Failed { reason: reason.to_owned(), at: now }, note, now))
            }
            State::Failed { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(OrderRefusal::NotReady(self.state_name())),
        }
    }

    /// The CA has certainly done nothing for this request: another phone, or another request, may begin.
    ///
    /// # Errors
    /// When it is not under way.
    pub fn begin_again(&self, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        match self.state {
            State::Issuing { .. } => {
                let note = self.note("begin-again", &Actor::System, now);
                Ok(Step::change(Self { state: self.ready(now), ..self.clone() }, note))
            }
            State::Ready { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(OrderRefusal::NotReady(self.state_name())),
        }
    }
}
