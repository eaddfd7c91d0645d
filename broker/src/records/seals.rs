//! Pictures of seals, applications for seals, and the seals themselves.

use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::{SealApplication, SealApplicationState};
use yinqiao_protocol::seal;
use yinqiao_protocol::{Base64, SealApplicationId, SealId, Sm3Hex, Timestamp};

use super::{Aggregate, Index, IndexEntry, IndexPrefix};
use crate::store::Collection;

/// A picture that was uploaded for a company's seals, stored under the company's code and its digest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SealPictureRecord {
    /// The company.
    pub enterprise: CreditCode,
    /// SM3 of the PNG.
    pub sm3: Sm3Hex,
    /// PNG.
    pub png: Base64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// On paper, millimetres.
    pub width_mm: u32,
    /// On paper, millimetres.
    pub height_mm: u32,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// Whether a seal was applied for with it: one that is of no use is removed after a day.
    pub in_use: bool,
}

/// A picture's key: the company's code, then the digest.
pub fn seal_picture_key(enterprise: &CreditCode, sm3: &Sm3Hex) -> Vec<u8> {
    [enterprise.as_str().as_bytes(), sm3.as_bytes().as_slice()].concat()
}

impl Aggregate for SealPictureRecord {
    const COLLECTION: Collection = Collection::SealPicture;

    fn key(&self) -> Vec<u8> {
        seal_picture_key(&self.enterprise, &self.sm3)
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        if self.in_use {
            return Vec::new();
        }
        let entry = |value: &[u8]| IndexEntry::rising(Index::SealPictureUnused, value, self.uploaded_at);
        vec![entry(&[]), entry(self.enterprise.as_str().as_bytes())]
    }
}

/// All pictures that are of no use yet, the oldest first.
pub fn unused_seal_pictures() -> IndexPrefix {
    IndexPrefix::new(Index::SealPictureUnused, &[])
}

/// A company's pictures that are of no use yet, the oldest first.
pub fn unused_seal_pictures_of(enterprise: &CreditCode) -> IndexPrefix {
    IndexPrefix::new(Index::SealPictureUnused, enterprise.as_str().as_bytes())
}

/// An application with what its CA is asked for, stored under its id. What is asked for never changes: a CA that is asked again
/// is asked for the same.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SealApplicationRecord {
    /// What is decided on.
    pub application: SealApplication,
    /// DER of the signing certificates that may use the seal.
    pub signers: Vec<Base64>,
    /// The last moment of the seal's validity.
    pub valid_until: Timestamp,
    /// What does not fit of what the CA has made of it: once found, it stays so, and is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
}

impl SealApplicationRecord {
    /// The same application, got further.
    #[must_use]
    pub fn got_to(&self, application: SealApplication) -> Self {
        Self { application, ..self.clone() }
    }

    /// What the seal that comes of it is called: there is one at most.
    pub fn seal(&self) -> SealId {
        SealId::from_bytes(*self.application.id.as_bytes())
    }
}

impl Aggregate for SealApplicationRecord {
    const COLLECTION: Collection = Collection::SealApplication;

    fn key(&self) -> Vec<u8> {
        self.application.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let SealApplication { enterprise, applied_at, state, .. } = &self.application;
        let enterprise = enterprise.as_str().as_bytes();
        vec![
            IndexEntry::falling(Index::SealApplicationByEnterprise, enterprise, *applied_at),
            IndexEntry::falling(Index::SealApplicationByState, told(state).name().as_bytes(), *applied_at),
        ]
    }
}

/// A state as it is told.
pub fn told(state: &SealApplicationState) -> seal::SealApplicationState {
    match state {
        SealApplicationState::UnderReview => seal::SealApplicationState::UnderReview,
        SealApplicationState::Made { .. } => seal::SealApplicationState::Made,
        SealApplicationState::Rejected { .. } => seal::SealApplicationState::Rejected,
        SealApplicationState::Cancelled { .. } => seal::SealApplicationState::Cancelled,
    }
}

/// A company's applications for seals, the newest first.
pub fn seal_applications_of(enterprise: &CreditCode) -> IndexPrefix {
    IndexPrefix::new(Index::SealApplicationByEnterprise, enterprise.as_str().as_bytes())
}

/// All applications for seals in a state, the newest first.
pub fn seal_applications_in(state: seal::SealApplicationState) -> IndexPrefix {
    IndexPrefix::new(Index::SealApplicationByState, state.name().as_bytes())
}

/// Holds the place of an application under review: of the same company, kind and name there is one at a time. Stored under
/// [`SealApplication::pending_key`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PendingSeal {
    /// Where it is stored.
    pub key: String,
    /// Which application.
    pub application: SealApplicationId,
}

impl PendingSeal {
    /// The place of an application.
    pub fn of(application: &SealApplication) -> Self {
        let SealApplication { enterprise, kind, name, id, .. } = application;
        Self { key: SealApplication::pending_key(enterprise, *kind, name), application: *id }
    }
}

impl Aggregate for PendingSeal {
    const COLLECTION: Collection = Collection::PendingSeal;

    fn key(&self) -> Vec<u8> {
        self.key.as_bytes().to_vec()
    }
}

/// A company's seals, the newest first.
pub fn seals_of(enterprise: &str) -> IndexPrefix {
    IndexPrefix::new(Index::SealByEnterprise, enterprise.as_bytes())
}

/// The seals that a CA's adapter knows by this esID.
pub fn seals_known_as(adapter: &str, seal_id: &str) -> IndexPrefix {
    IndexPrefix::new(Index::SealByAuthorityId, format!("{adapter}/{seal_id}").as_bytes())
}

/// The seal of this id.
pub fn seal_by_id(id: &SealId) -> IndexPrefix {
    IndexPrefix::new(Index::SealById, id.as_bytes())
}
