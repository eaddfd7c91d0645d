//! A person with a phone.

use tempfile::TempDir;

use yinqiao_phone::session::SessionKeys;
use yinqiao_phone::{ClaimOptions, ClaimedSession, Fetched, KdfParameters, Phone, PhoneError, Pin};
use yinqiao_protocol::phone::Answered;
use yinqiao_protocol::{Base64, HolderId, Sm3Hex, Token};

use crate::broker::Broker;

/// A company, with a unified social credit code whose check digit is right.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    /// As registered.
    pub name: &'static str,
    /// 统一社会信用代码
    pub code: &'static str,
}

/// A builder who bids.
pub const BUILDER: Company = Company { name: "闽江建设有限公司", code: "91350100M000100Y43" };

/// The six digits of every phone here.
pub const PIN: &str = "271828";

/// A person's phone. Its keys lie in a folder that is removed with it.
pub struct Holder {
    /// The phone.
    pub phone: Phone,
    folder: TempDir,
}

impl Default for Holder {
    fn default() -> Self {
        Self::new()
    }
}

impl Holder {
    /// A phone without certificates, whose PIN costs next to nothing to check.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("yinqiao-phone-").unwrap();
        let phone = Phone::open_with(&folder.path().join("keys"), KdfParameters::new(8, 1).unwrap()).unwrap();
        Self { phone, folder }
    }

    /// The folder that the phone's own lies in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Gets a certificate pair; gives its serial number.
    pub fn enrol(
        &self,
        broker: &Broker,
        name: &str,
        company: Option<&Company>,
        holder: Option<&str>,
    ) -> String {
        let code = broker.enrolment_code(name, company, holder);
        self.enrol_with(broker, &code)
    }

    /// As [`Holder::enrol`], with a code at hand.
    pub fn enrol_with(&self, broker: &Broker, code: &Token) -> String {
        self.phone.enrol(&broker.url(), code, &pin()).unwrap().serial
    }

    /// The broker's name for the holder of the phone's first certificate.
    pub fn id(&self) -> HolderId {
        self.phone.certificates().unwrap()[0].holder.id
    }

    /// SM3 of the DER of the phone's signing certificate, where it has one.
    pub fn certificate_sm3(&self) -> Sm3Hex {
        Sm3Hex::of(self.pair().signing_certificate.as_slice())
    }

    /// DER of the phone's encryption certificate, where it has one pair.
    pub fn encryption_certificate(&self) -> Base64 {
        self.pair().encryption_certificates[0].clone()
    }

    fn pair(&self) -> yinqiao_phone::store::Pair {
        let entries = self.phone.store().keys().unwrap();
        let issued = entries.into_iter().find_map(|entry| match entry.state {
            yinqiao_phone::store::KeyState::Issued(pair) => Some(*pair),
            yinqiao_phone::store::KeyState::Requested { .. } => None,
        });
        issued.unwrap()
    }

    /// Scans a code.
    ///
    /// # Errors
    /// What phone or broker say.
    pub fn scan(&self, code: &str) -> Result<ClaimedSession, PhoneError> {
        self.phone.claim(code, &ClaimOptions::default())
    }

    /// Scans a code, reads what is asked, and agrees.
    pub fn answer(&self, code: &str) -> Answered {
        let mut session = self.scan(code).unwrap();
        agree(&mut session)
    }
}

/// Waits for what is asked, reads it, and agrees.
pub fn agree(session: &mut ClaimedSession) -> Answered {
    while session.fetch(10).unwrap() == Fetched::ItemsAwaited {}
    session.review().unwrap();
    session.answer(&pin()).unwrap()
}

/// The keys for a session that is ready.
pub fn unlock(session: &mut ClaimedSession) -> SessionKeys {
    assert_eq!(session.fetch(0).unwrap(), Fetched::Ready);
    session.unlock(&pin()).unwrap()
}

/// The PIN of every phone here.
pub fn pin() -> Pin {
    Pin::parse(PIN).unwrap()
}

/// The name of the problem that the broker answered a phone with.
#[track_caller]
pub fn problem_of<T: std::fmt::Debug>(result: Result<T, PhoneError>) -> String {
    match result.unwrap_err() {
        PhoneError::Http(error) => error.problem_name().unwrap_or_else(|| panic!("{error}")).to_owned(),
        other => panic!("{other}"),
    }
}
