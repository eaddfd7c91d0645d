//! The application: submit and cancel.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::task::{SealKind, is_showable};
use yinqiao_protocol::{SealApplicationId, SealId, Sm3Hex, Timestamp, UserId};

use crate::actor::Actor;
use crate::audit::AuditNote;
use crate::identity::CreditCode;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{SealRefusal as Refusal, SealStanding, Usage};

const MOST_NAME_CHARACTERS: usize = 100;
const MOST_MILLIMETRES: u32 = 200;

/// An application for a seal, stored under its id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealApplication {
    /// Its name.
    pub id: SealApplicationId,
    /// The company.
    pub enterprise: CreditCode,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// What it looks like.
    pub picture: Picture,
    /// Name of the adapter of the CA that reviews and makes it.
    pub certificate_authority: String,
    /// Who may use the seal when it is made.
    #[serde(default)]
    pub usage: Usage,
    /// The seal that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SealId>,
    /// Who applied: the legal person.
    pub applied_by: UserId,
    /// When.
    pub applied_at: Timestamp,
    /// Where it stands.
    pub state: SealApplicationState,
}

/// A picture that is stored by its digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Picture {
    /// SM3 of the PNG.
    pub sm3: Sm3Hex,
    /// On paper, millimetres, 1 to 200.
    pub width_mm: u32,
    /// On paper, millimetres, 1 to 200.
    pub height_mm: u32,
}

/// Where an application stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SealApplicationState {
    /// The CA's reviewer has it, or will.
    UnderReview,
    /// The seal is made.
    Made {
        /// Which.
        seal: SealId,
        /// When.
        at: Timestamp,
    },
    /// The reviewer, or the CA, does not want it.
    Rejected {
        /// Why, for the legal person.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// Taken back.
    Cancelled {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Whether it is known what the CA made of it; until then the CA is asked.
        settled: bool,
        /// The seal that the CA had made nevertheless: it is revoked at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stray: Option<SealId>,
    },
}

/// What the CA has to be asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Awaited {
    /// To review the application and make the seal.
    Review,
    /// To forget the application, or to say what came of it.
    Withdrawal,
}

/// What is applied for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewSealApplication {
    /// The company.
    pub enterprise: CreditCode,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
    /// 电子印章名称, 1 to 100 characters.
    pub name: String,
    /// What it looks like.
    pub picture: Picture,
    /// Name of the adapter.
    pub certificate_authority: String,
    /// Who may use it.
    pub usage: Usage,
}

/// What there is beside the application.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Whether the company is being deleted, or is.
    pub enterprise_gone: bool,
    /// The application under review with the same [`SealApplication::pending_key`].
    pub pending: Option<SealApplicationId>,
    /// The seal to be replaced.
    pub replaces: Option<ReplacedSeal<'a>>,
}

/// A seal that is to be replaced.
#[derive(Clone, Copy, Debug)]
pub struct ReplacedSeal<'a> {
    /// Its name.
    pub id: SealId,
    /// Its company.
    pub enterprise: &'a CreditCode,
    /// Its kind.
    pub kind: SealKind,
    /// How it stands.
    pub standing: &'a SealStanding,
}

impl SealApplication {
    /// Applies for a seal, or for a change of one. Only the company's legal person may.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::EnterpriseGone`], [`Refusal::Name`], [`Refusal::Size`], [`Refusal::NotFound`],
    /// [`Refusal::OtherKind`], [`Refusal::SealRevoked`], [`Refusal::AlreadyPending`].
    pub fn submit(
        id: SealApplicationId,
        new: NewSealApplication,
        surroundings: Surroundings<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        let legal_person =
            by.user().filter(|user| user.stands_for(&new.enterprise)).ok_or(Refusal::NotAllowed)?;
        if surroundings.enterprise_gone {
            return Err(Refusal::EnterpriseGone);
        }
        if !is_showable(&new.name, MOST_NAME_CHARACTERS) {
            return Err(Refusal::Name);
        }
        let fits = |millimetres| (1..=MOST_MILLIMETRES).contains(&millimetres);
        if !fits(new.picture.width_mm) || !fits(new.picture.height_mm) {
            return Err(Refusal::Size);
        }
        if let Some(old) = surroundings.replaces {
            if *old.enterprise != new.enterprise {
                return Err(Refusal::NotFound);
            }
            if old.kind != new.kind {
                return Err(Refusal::OtherKind);
            }
            if !old.standing.is_active() {
                return Err(Refusal::SealRevoked);
            }
        }
        if surroundings.pending.is_some_and(|pending| pending != id) {
            return Err(Refusal::AlreadyPending);
        }
        let application = Self {
            id,
            enterprise: new.enterprise,
            kind: new.kind,
            name: new.name,
            picture: new.picture,
            certificate_authority: new.certificate_authority,
            usage: new.usage,
            replaces: surroundings.replaces.map(|old| old.id),
            applied_by: legal_person.id,
            applied_at: now,
            state: SealApplicationState::UnderReview,
        };
        let note = application
            .note("seal.apply", by, now)
            .with("enterprise", application.enterprise.as_str())
            .with("picture", application.picture.sm3.to_string());
        Ok(Step::change(application, note).with_job(Job::new(JobKind::MakeSeal(id), now)))
    }

    /// Takes it back, while it is under review. The legal person may, and the broker as part of a removal. The CA may have
    /// made the seal already: the job goes on until that is known.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Over`].
    pub fn cancel(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        if *by != Actor::System && !by.is_legal_person_of(&self.enterprise) {
            return Err(Refusal::NotFound);
        }
        match &self.state {
            SealApplicationState::UnderReview => {
                let state =
                    SealApplicationState::Cancelled { by: by.clone(), at: now, settled: false, stray: None };
                let next = Self { state, ..self.clone() };
                Ok(Step::change(next, self.note("seal.cancel", by, now))
                    .with_job(Job::new(JobKind::MakeSeal(self.id), now)))
            }
            SealApplicationState::Cancelled { .. } => Ok(Step::unchanged(self.clone())),
            state => Err(Refusal::Over(state.name())),
        }
    }

    /// What the CA has to be asked for; nothing when all is known.
    #[must_use]
    pub fn awaits(&self) -> Option<Awaited> {
        match self.state {
            SealApplicationState::UnderReview => Some(Awaited::Review),
            SealApplicationState::Cancelled { settled: false, .. } => Some(Awaited::Withdrawal),
            _ => None,
        }
    }

    /// Whether it stands in the way of another one with the same [`Self::pending_key`].
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state == SealApplicationState::UnderReview
    }

    /// The name under which there is one pending application at a time: company, kind, and the seal's name.
    #[must_use]
    pub fn pending_key(enterprise: &CreditCode, kind: SealKind, name: &str) -> String {
        let kind = match kind {
            SealKind::Official => "official",
            SealKind::LegalRepresentative => "legal_representative",
            SealKind::Signature => "signature",
        };
        format!("{enterprise}/{kind}/{name}")
    }

    /// The idempotency key for the CA.
    #[must_use]
    pub fn key(&self) -> String {
        format!("seal-{}", self.id)
    }

    pub(super) fn note(&self, action: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(action, format!("seal-application/{}", self.id), by, now)
    }
}

impl SealApplicationState {
    /// In words that follow "the application is".
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::UnderReview => "under review",
            Self::Made { .. } => "over: the seal is made",
            Self::Rejected { .. } => "rejected",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}
