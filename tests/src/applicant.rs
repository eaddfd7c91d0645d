//! A phone's one request for a certificate pair: the very same bytes, sent as often as wanted.

use yinqiao_phone::store::KeyName;
use yinqiao_protocol::phone::Enrolled;

use crate::answer::Answer;
use crate::broker::Broker;
use crate::holder::{Company, Holder, pin};
use crate::relying_party::{agent, send};

/// A phone that has made its key and not got its pair yet.
pub struct Applicant {
    holder: Holder,
    key: KeyName,
    request: Vec<u8>,
    url: String,
}

impl Applicant {
    /// With a one-time code for a new holder.
    pub fn new(broker: &Broker, name: &str, company: Option<&Company>) -> Self {
        let (holder, url) = (Holder::new(), broker.url());
        let code = broker.enrolment_code(name, company, None);
        let (key, request) = holder.phone.begin(&url, &code, &pin()).unwrap();
        Self { holder, key, request: serde_json::to_vec(&request).unwrap(), url }
    }

    /// Sends the request once, and waits for the answer.
    pub fn send(&self) -> Answer {
        self.try_send().unwrap()
    }

    /// As [`Applicant::send`], to a broker that may be killed meanwhile.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn try_send(&self) -> Result<Answer, ureq::Error> {
        send(&agent(), &self.url, "POST", "/v1/phone/enrolments", None, &self.request)
    }

    /// Sends the request until the broker answers with a pair.
    pub fn insist(&self) -> Enrolled {
        for _ in 0..200 {
            match self.try_send() {
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => return answer.expect(),
                // The broker is down for a moment.
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
        panic!("no pair");
    }

    /// Takes the pair, after the phone's own checks.
    pub fn take(self, enrolled: &Enrolled) -> Holder {
        self.holder.phone.conclude(&self.key, &self.url, enrolled, &pin()).unwrap();
        self.holder
    }

    /// The phone, which has no pair.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}
