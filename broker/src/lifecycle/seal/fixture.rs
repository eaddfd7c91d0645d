//! A CA that makes seals: it thinks, can be down, loses its answers, and may hand out what nobody asked for.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, IssuedSeal, SealIssueRequest};
use yinqiao_gm::seal::{Picture, SealDescription, SignerList, make_seal};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};

use super::authorities::{Handed, SealAuthorities};
use crate::adapter::{AuthorityError, Withdrawal};
use crate::lifecycle::certificate::CaFuture;

/// What the reviewer does with whatever comes next, and has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mood {
    Thinks,
    Makes,
    MakesAnother,
    Rejects,
}

#[derive(Clone)]
enum Matter {
    UnderReview,
    Made { issued: IssuedSeal, fit: bool },
    Rejected,
    Withdrawn,
}

pub(super) struct SealCa {
    key: PrivateKey,
    certificate: Certificate,
    pub(super) mood: Cell<Mood>,
    pub(super) down: Cell<bool>,
    /// Acts, and then says that it cannot be reached.
    pub(super) loses_answers: Cell<bool>,
    /// Whether it forgets what it has not decided on when it is asked to.
    pub(super) cancels: Cell<bool>,
    /// Names each seal it makes by the same esID.
    pub(super) repeats_itself: Cell<bool>,
    /// Revokes nothing.
    pub(super) refuses: Cell<bool>,
    matters: RefCell<BTreeMap<String, (SealIssueRequest, Matter)>>,
    pub(super) made: RefCell<BTreeSet<String>>,
    pub(super) revoked: RefCell<BTreeSet<String>>,
    pub(super) asked: RefCell<BTreeSet<String>>,
    pub(super) concluded: RefCell<BTreeSet<String>>,
}

impl SealCa {
    pub(super) fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let name = DistinguishedName::builder().country("CN").common_name("制章机构").build().unwrap();
        let serial = SerialNumber::generate().unwrap();
        let public_key = key.public_key().clone();
        let builder =
            CertificateBuilder::new(Profile::RootCa, name, public_key, serial, 1_700_000_000, 4_000_000_000);
        Self {
            certificate: builder.self_sign(&key).unwrap(),
            key,
            mood: Cell::new(Mood::Makes),
            down: Cell::new(false),
            loses_answers: Cell::new(false),
            cancels: Cell::new(true),
            repeats_itself: Cell::new(false),
            refuses: Cell::new(false),
            matters: RefCell::default(),
            made: RefCell::default(),
            revoked: RefCell::default(),
            asked: RefCell::default(),
            concluded: RefCell::default(),
        }
    }

    /// The reviewer goes through everything that waits.
    pub(super) fn decide(&self) {
        let mut matters = self.matters.borrow_mut();
        for (key, (request, matter)) in matters.iter_mut() {
            if matches!(matter, Matter::UnderReview) {
                *matter = match self.mood.get() {
                    Mood::Thinks => continue,
                    Mood::Rejects => Matter::Rejected,
                    mood => self.make_one(key, request, mood == Mood::Makes),
                };
            }
        }
    }

    /// What did not fit does from now on: the broker has come to trust its maker, for example.
    pub(super) fn fits_now(&self) {
        for (_, matter) in self.matters.borrow_mut().values_mut() {
            if let Matter::Made { fit, .. } = matter {
                *fit = true;
            }
        }
    }

    fn make_one(&self, key: &str, request: &SealIssueRequest, fit: bool) -> Matter {
        let seal_id = if self.repeats_itself.get() { "ES-1".to_owned() } else { format!("ES-{key}") };
        let certificates = request.signers.iter().map(|der| Certificate::from_der(der.as_bytes()).unwrap());
        let description = SealDescription {
            id: seal_id.clone(),
            vendor_id: "fake".to_owned(),
            kind: i64::from(request.kind),
            name: request.name.clone(),
            signers: SignerList::certificates_of(&certificates.collect::<Vec<_>>()),
            created: 1_700_000_000,
            valid_from: 1_700_000_000,
            valid_until: 3_900_000_000,
            picture: Picture {
                kind: "PNG".to_owned(),
                data: request.picture.data.as_bytes().to_vec(),
                width_mm: request.picture.width_mm,
                height_mm: request.picture.height_mm,
            },
            extensions: Vec::new(),
        };
        let seal = Der(make_seal(&description, &self.key, &self.certificate).unwrap());
        self.made.borrow_mut().insert(seal_id.clone());
        Matter::Made { issued: IssuedSeal { seal_id, seal }, fit }
    }

    fn begin(&self, key: &IdempotencyKey) -> Result<(), AuthorityError> {
        if self.down.get() {
            let text = "connection refused".to_owned();
            return Err(AuthorityError::Unavailable { authority: "fake".to_owned(), text });
        }
        self.asked.borrow_mut().insert(key.as_str().to_owned());
        Ok(())
    }

    fn answer<T>(&self, value: T) -> Result<T, AuthorityError> {
        let authority = "fake".to_owned();
        match self.loses_answers.get() {
            true => Err(AuthorityError::UnknownOutcome { authority, text: "time-out".to_owned() }),
            false => Ok(value),
        }
    }
}

impl SealAuthorities for SealCa {
    fn makes_seals(&self, name: &str) -> Option<bool> {
        (name == "fake").then_some(true)
    }

    fn make<'a>(
        &'a self,
        _: &'a str,
        key: &'a IdempotencyKey,
        request: &'a SealIssueRequest,
    ) -> CaFuture<'a, Handed> {
        Box::pin(async move {
            self.begin(key)?;
            let name = key.as_str();
            let first = (request.clone(), Matter::UnderReview);
            self.matters.borrow_mut().entry(name.to_owned()).or_insert(first);
            let (asked, matter) = self.matters.borrow()[name].clone();
            assert_eq!(&asked, request, "the same key asks for the same");
            let authority = "fake".to_owned();
            match self.answer(matter)? {
                Matter::UnderReview => {
                    Err(AuthorityError::Pending { authority, retry_after: Duration::from_secs(5) })
                }
                Matter::Made { issued, fit: true } => Ok(Handed::Fit(issued)),
                Matter::Made { issued, fit: false } => {
                    Ok(Handed::Unfit { issued, text: "another name".to_owned() })
                }
                Matter::Rejected => {
                    Err(AuthorityError::Refused { authority, text: "not legible".to_owned() })
                }
                Matter::Withdrawn => panic!("{name} is asked for after it was withdrawn"),
            }
        })
    }

    fn withdraw<'a>(&'a self, _: &'a str, key: &'a IdempotencyKey) -> CaFuture<'a, Withdrawal> {
        Box::pin(async move {
            let mut matters = self.matters.borrow_mut();
            let Some((_, matter)) = matters.get_mut(key.as_str()) else { return Ok(Withdrawal::Withdrawn) };
            self.begin(key)?;
            match matter {
                Matter::UnderReview if self.cancels.get() => *matter = Matter::Withdrawn,
                Matter::Withdrawn => {}
                Matter::UnderReview | Matter::Made { .. } | Matter::Rejected => {
                    return Ok(Withdrawal::TooLate);
                }
            }
            self.answer(Withdrawal::Withdrawn)
        })
    }

    fn revoke<'a>(
        &'a self,
        _: &'a str,
        key: &'a IdempotencyKey,
        seal_id: &'a str,
        _: &'a str,
    ) -> CaFuture<'a, ()> {
        Box::pin(async move {
            self.begin(key)?;
            if self.refuses.get() {
                let text = "not by this way".to_owned();
                return Err(AuthorityError::Refused { authority: "fake".to_owned(), text });
            }
            assert!(self.made.borrow().contains(seal_id), "{seal_id} was never made");
            self.revoked.borrow_mut().insert(seal_id.to_owned());
            self.answer(())
        })
    }

    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        Box::pin(async move {
            self.answer(())?;
            self.concluded.borrow_mut().insert(key.as_str().to_owned());
            Ok(())
        })
    }
}
