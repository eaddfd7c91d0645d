//! One message and its answer: header, protection, transfer, and every check of what comes back.

use std::time::Duration;

use der::asn1::{GeneralizedTime, OctetString};
use yinqiao_ca_sdk::{AdapterError, Call, ErrorClass};

use crate::asn1::{
    Body, ErrorMsgContent, InfoTypeAndValue, PkiHeader, PkiStatus, ReceivedMessage, SentMessage, body_name,
    directory_name, oid, tag,
};
use crate::configuration::Configuration;
use crate::fault::Refusal;
use crate::journal::Transaction;
use crate::protection::{self, Protector};

/// cmp2000: what every server knows, and enough without EnvelopedData and hashAlg (RFC 9810, 7).
const PVNO: u8 = 2;
/// cmp2021: an answer may have it.
const PVNO_2021: u8 = 3;
const NONCE: usize = 16;
/// What a call keeps for its answer.
const MARGIN: Duration = Duration::from_millis(300);

/// The plugin's side of a dialogue, for the time of one call.
pub(crate) struct Dialogue<'a> {
    configuration: &'a Configuration,
    call: &'a Call<'a>,
    protector: Protector,
}

/// An answer whose protection, transaction and nonce are right.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Body,
    /// The CA asks for no certConf.
    pub(crate) implicit_confirm: bool,
    pub(crate) extra_certificates: Vec<Vec<u8>>,
}

/// There is no answer to go on with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The CA has not seen the message, for certain.
    NotSent(AdapterError),
    /// The CA may have seen it; what came back, if anything, cannot be relied on.
    Broken { text: String, vendor_code: Option<String> },
    /// The CA's error message.
    Refused(Refusal),
    /// The CA's error message with the status waiting (RFC 9483, 4.4).
    Waiting,
}

impl Failure {
    fn not_sent(class: ErrorClass, text: impl Into<String>) -> Self {
        Self::NotSent(AdapterError::new(class, text))
    }

    fn broken(text: impl Into<String>) -> Self {
        Self::Broken { text: text.into(), vendor_code: None }
    }

    /// The error of a message that changes nothing.
    pub(crate) fn into_reading_error(self) -> AdapterError {
        match self {
            Self::NotSent(error) => error,
            Self::Broken { text, vendor_code } => {
                AdapterError { vendor_code, ..AdapterError::unhealthy(text) }
            }
            Self::Refused(refusal) => match refusal.class() {
                ErrorClass::UnknownOutcome => AdapterError::unhealthy(refusal.text()),
                _ => refusal.to_error(),
            },
            Self::Waiting => AdapterError::new(ErrorClass::Retryable, "the CA wants to be asked again later"),
        }
    }
}

impl Transaction {
    /// A new one.
    pub(crate) fn begin() -> Result<Self, AdapterError> {
        Ok(Self { id: hex::encode(random()?), peer_nonce: None })
    }
}

impl<'a> Dialogue<'a> {
    /// Fetches the credentials.
    ///
    /// # Errors
    /// Authentication, when the host has none or they are not what they should be.
    pub(crate) fn open(configuration: &'a Configuration, call: &'a Call<'a>) -> Result<Self, AdapterError> {
        let secret = call.host().secret(configuration.secret_name())?;
        let protector = protection::protector(configuration, secret)
            .map_err(|text| AdapterError::new(ErrorClass::Authentication, text))?;
        Ok(Self { configuration, call, protector })
    }

    /// Sends a body and waits for one of the `expected` bodies.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub(crate) fn exchange(
        &self,
        transaction: &mut Transaction,
        body: &Body,
        information: Vec<InfoTypeAndValue>,
        expected: &[u32],
    ) -> Result<Answer, Failure> {
        if self.call.cancelled() {
            return Err(Failure::not_sent(
                ErrorClass::Retryable,
                "the call was cancelled before it was sent",
            ));
        }
        let configured = Duration::from_millis(self.configuration.message_timeout_ms);
        let Some(limit) = self.call.remaining().checked_sub(MARGIN).map(|left| left.min(configured)) else {
            return Err(Failure::not_sent(ErrorClass::Retryable, "too little time was left to ask the CA"));
        };
        let nonce = random().map_err(Failure::NotSent)?;
        let message = self
            .message(transaction, body, information, nonce)
            .map_err(|text| Failure::not_sent(ErrorClass::Unhealthy, text))?;
        let reply = self.configuration.server.post(&message, limit).map_err(|error| match error.sent {
            false => Failure::not_sent(ErrorClass::Retryable, error.to_string()),
            true => Failure::broken(error.to_string()),
        })?;
        let reply = ReceivedMessage::from_der(&reply)
            .map_err(|error| Failure::broken(format!("the reply is not a PKIMessage in DER: {error}")))?;
        let believed = self.check(&reply, transaction, nonce);
        if let Err(text) = believed {
            return Err(self.doubtful(&reply, transaction, nonce, text));
        }
        transaction.peer_nonce =
            reply.header.sender_nonce.as_ref().map(|nonce| hex::encode(nonce.as_bytes()));
        if reply.body.number == tag::ERROR {
            return Err(read_error(&reply.body));
        }
        if !expected.contains(&reply.body.number) {
            let name = body_name(reply.body.number);
            return Err(Failure::broken(format!("{} was answered with {name}", body_name(body.number))));
        }
        let information = reply.header.general_info.unwrap_or_default();
        Ok(Answer {
            implicit_confirm: information.iter().any(|one| one.info_type == oid::IT_IMPLICIT_CONFIRM),
            body: reply.body,
            extra_certificates: reply.extra_certificates,
        })
    }

    fn message(
        &self,
        transaction: &Transaction,
        body: &Body,
        information: Vec<InfoTypeAndValue>,
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, String> {
        let protection = self.protector.begin()?;
        let octets = |octets: &[u8]| OctetString::new(octets).map_err(|error| error.to_string());
        let write = || -> der::Result<(der::asn1::Any, der::asn1::Any, GeneralizedTime)> {
            let now = Duration::from_secs(self.call.host().now_ms() / 1000);
            Ok((
                self.protector.sender()?,
                directory_name(&self.configuration.recipient)?,
                GeneralizedTime::from_unix_duration(now)?,
            ))
        };
        let (sender, recipient, now) = write().map_err(|error| error.to_string())?;
        let peer_nonce = transaction.peer_nonce.as_ref().map(hex::decode).transpose();
        let peer_nonce = peer_nonce.map_err(|error| format!("the journal's nonce: {error}"))?;
        let id =
            hex::decode(&transaction.id).map_err(|error| format!("the journal's transactionID: {error}"))?;
        let header = PkiHeader {
            pvno: PVNO,
            sender,
            recipient,
            message_time: Some(now),
            protection_alg: Some(protection.algorithm().clone()),
            sender_kid: self.protector.key_identifier().map(octets).transpose()?,
            recip_kid: None,
            transaction_id: Some(octets(&id)?),
            sender_nonce: Some(octets(&nonce)?),
            recip_nonce: peer_nonce.as_deref().map(octets).transpose()?,
            free_text: None,
            general_info: (!information.is_empty()).then_some(information),
        };
        let message = SentMessage::new(&header, body).map_err(|error| error.to_string())?;
        let protected_part = message.protected_part().map_err(|error| error.to_string())?;
        let protection = protection.finish(&protected_part)?;
        message.finish(&protection, &self.protector.extra_certificates()).map_err(|error| error.to_string())
    }

    /// Whether the reply is the CA's answer to this very message.
    fn check(
        &self,
        reply: &ReceivedMessage,
        transaction: &Transaction,
        nonce: [u8; NONCE],
    ) -> Result<(), String> {
        let now = self.call.host().now_ms() / 1000;
        self.protector
            .verify(reply, &self.configuration.trusted, now as i64)
            .map_err(|error| error.to_string())?;
        self.check_header(&reply.header, transaction, nonce, now)
    }

    fn check_header(
        &self,
        header: &PkiHeader,
        transaction: &Transaction,
        nonce: [u8; NONCE],
        now: u64,
    ) -> Result<(), String> {
        if !(PVNO..=PVNO_2021).contains(&header.pvno) {
            return Err(format!("the reply has the version {}; 2 and 3 are known", header.pvno));
        }
        let id = header.transaction_id.as_ref().map(|id| hex::encode(id.as_bytes()));
        if id.as_deref() != Some(transaction.id.as_str()) {
            return Err("the reply has another transactionID than the request".to_owned());
        }
        if header.recip_nonce.as_ref().map(|echo| echo.as_bytes()) != Some(&nonce[..]) {
            return Err("the reply's recipNonce is not the request's senderNonce".to_owned());
        }
        if header.sender_nonce.as_ref().is_none_or(|nonce| nonce.as_bytes().len() < NONCE) {
            return Err("the reply has no senderNonce of at least 16 octets".to_owned());
        }
        if let Some(time) = &header.message_time {
            let apart = time.to_unix_duration().as_secs().abs_diff(now);
            if apart > self.configuration.time_tolerance_s {
                return Err(format!("the reply's messageTime is {apart} seconds off; compare the clocks"));
            }
        }
        Ok(())
    }

    /// A reply that fails a check: an error message that is not protected may be believed where the operator says so
    /// (RFC 9483, 3.6.3); otherwise what it says is told, and that anybody may have said it.
    fn doubtful(
        &self,
        reply: &ReceivedMessage,
        transaction: &Transaction,
        nonce: [u8; NONCE],
        text: String,
    ) -> Failure {
        if reply.body.number != tag::ERROR {
            return Failure::broken(text);
        }
        let now = self.call.host().now_ms() / 1000;
        let fits = self.check_header(&reply.header, transaction, nonce, now).is_ok();
        match read_error(&reply.body) {
            Failure::Refused(refusal) if self.configuration.unprotected_errors && fits => {
                Failure::Refused(refusal)
            }
            Failure::Refused(refusal) => Failure::Broken {
                text: format!("{text}; it says, unverified: {}", refusal.text()),
                vendor_code: Some(refusal.vendor_code()),
            },
            _ => Failure::broken(text),
        }
    }
}

fn read_error(body: &Body) -> Failure {
    match body.read::<ErrorMsgContent>() {
        Ok(content) if content.pki_status_info.pki_status() == Some(PkiStatus::Waiting) => Failure::Waiting,
        Ok(content) => Failure::Refused(Refusal::from_error(&content)),
        Err(error) => Failure::broken(format!("the error message is not valid DER: {error}")),
    }
}

fn random() -> Result<[u8; NONCE], AdapterError> {
    let mut octets = [0; NONCE];
    getrandom::fill(&mut octets)
        .map_err(|error| AdapterError::unhealthy(format!("the system gives no randomness: {error}")))?;
    Ok(octets)
}
