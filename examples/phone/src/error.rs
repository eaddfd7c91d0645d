//! What can go wrong on the phone, and the exit code that a program gives for it.

use yinqiao_protocol::statement::SignedTextError;
use yinqiao_protocol::task::Purpose;
use yinqiao_protocol::{Cause, ItemId, code};

use crate::holdings::Missing;
use crate::http::HttpError;
use crate::picture::PictureError;
use crate::review::ReviewError;
use crate::store::StoreError;

/// Why the phone did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The keys or the PIN.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker or the network.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// Not a code.
    #[error(transparent)]
    Code(#[from] code::NotACode),
    /// The code is of a broker where this phone has no certificate.
    #[error("the code is of the broker at {base}, where this phone has no certificate: enrol there first")]
    OtherBroker {
        /// Its address.
        base: String,
    },
    /// Several certificates fit.
    #[error("several certificates fit: name one of {}", .0.join(", "))]
    ChooseCertificate(Vec<String>),
    /// None has this serial number.
    #[error("this phone has no certificate with the serial number {0} for the code's broker")]
    NoSuchCertificate(String),
    /// The certificate of a kept claim is not there any more.
    #[error(
        "the certificate that claimed the session is no longer on this phone: restore its key file from a copy"
    )]
    CertificateGone,
    /// The enrolment was begun with another broker or code.
    #[error("what the broker issued does not fit what was asked for: {0}; ask the operator for a new code")]
    WrongCertificates(&'static str),
    /// The bytes to sign do not say what was announced.
    #[error("refused to sign: {0}")]
    Refused(#[from] ReviewError),
    /// Items are not there yet.
    #[error("the bid system has not sent what is to be signed yet")]
    ItemsAwaited,
    /// The session is over.
    #[error("the session has ended without a result{}", match .0 { Some(cause) => format!(": {}", cause_text(cause)), None => String::new() })]
    Ended(Option<Cause>),
    /// The encryption key does not open an item.
    #[error("the encryption key of certificate {serial} does not open item \"{item}\"")]
    KeyDidNotOpen {
        /// The first such item.
        item: ItemId,
        /// The certificate that it was wrapped for.
        serial: String,
    },
    /// No key that this session can use opens an item. It is no reason to decline: another phone may have it.
    #[error(
        "item \"{item}\" was encrypted for the certificate with the serial number {serial}. Its key cannot be used here: \
         {missing}. Nothing was declined: with another phone or certificate, have the bid system open a new session"
    )]
    KeyNotUsable {
        /// The first such item.
        item: ItemId,
        /// The certificate that it was wrapped for.
        serial: String,
        /// Where its key is.
        missing: Missing,
    },
    /// An item was encrypted for an older certificate whose keys were not opened.
    #[error(
        "item \"{item}\" was encrypted for the certificate with the serial number {serial}, whose key is with the \
         older certificate {certificate}: open that one with its own PIN, or take its keys over with \
         `yinqiao-phone carry`"
    )]
    OlderPinNeeded {
        /// Which item.
        item: ItemId,
        /// The certificate that it was wrapped for.
        serial: String,
        /// Serial number of the older signing certificate.
        certificate: String,
    },
    /// A text to sign cannot be written.
    #[error("a text to sign cannot be written: {0}")]
    SignedText(#[from] SignedTextError),
    /// A signature cannot be made.
    #[error("a key operation failed: {0}")]
    Key(#[from] yinqiao_gm::Error),
    /// A request cannot be written.
    #[error("a request cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl PhoneError {
    /// The exit code; `docs` of the binary list them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(StoreError::WrongPin { .. } | StoreError::Wait { .. })
            | Self::OlderPinNeeded { .. } => 8,
            Self::Store(StoreError::Locked) => 9,
            Self::Store(_) | Self::Picture(_) => 3,
            Self::Http(HttpError::Problem(_)) => 5,
            Self::Http(_) => 4,
            Self::Ended(_) | Self::ItemsAwaited => 6,
            Self::Refused(_) | Self::KeyDidNotOpen { .. } | Self::WrongCertificates(_) => 7,
            Self::Code(_)
            | Self::OtherBroker { .. }
            | Self::ChooseCertificate(_)
            | Self::NoSuchCertificate(_)
            | Self::CertificateGone
            | Self::KeyNotUsable { .. } => 10,
            Self::SignedText(_) | Self::Key(_) | Self::Json(_) => 1,
        }
    }
}

fn cause_text(cause: &Cause) -> String {
    // A cause's JSON is its name and what belongs to it; there is no second spelling of them.
    serde_json::to_value(cause)
        .ok()
        .and_then(|value| value.get("code").and_then(|code| code.as_str()).map(|code| code.replace('_', " ")))
        .unwrap_or_default()
}

/// A purpose in the field's words.
pub fn purpose_words(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Login => ("登录", "LOG IN"),
        Purpose::Sign => ("签名", "SIGN"),
        Purpose::Seal => ("签章", "SEAL"),
        Purpose::Unseal => ("撤章", "WITHDRAW SEALS"),
        Purpose::Encrypt => ("加密", "ENCRYPT"),
        Purpose::Decrypt => ("解密", "DECRYPT"),
    }
}
