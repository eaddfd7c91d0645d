//! A seal is made by the CA of the certificates that may use it.

use tracing::{info, warn};
use uuid::Uuid;

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, SealIssueRequest, SealPicture};
use yinqiao_lifecycle::certificate::Status;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::seal::SealStanding;
use yinqiao_protocol::task::{SealKind, is_showable};
use yinqiao_protocol::{Base64, SealId};

use crate::adapter::{AuthorityError, Patience};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{SealRecord, SealRequestRecord};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::operation_key;
use crate::picture::MOST_PNG_BYTES;
use crate::store::{RecordChange, StoreError};

mod application;
mod authorities;
mod issued;
mod review;
mod revocation;
mod unfit;
mod withdrawal;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use issued::{VALIDITY_DAYS, fits, seal_type, unix_millis};

pub use application::{NewSealApplication, apply, cancel};
pub(crate) use review::make;
pub use revocation::{change_usage, find, revoke};
pub(crate) use revocation::{company_of, find_by_id, revoke_at_authority, revoke_with_company};
pub use withdrawal::SealWithdrawal;

/// Pixels of a seal's picture each way at most.
const MOST_PIXELS: u32 = 4096;

/// What a seal is to be.
pub struct NewSeal {
    /// 统一社会信用代码
    pub enterprise: String,
    /// Which kind.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// PNG.
    pub picture: Vec<u8>,
    /// On paper, millimetres.
    pub width: u32,
    /// On paper, millimetres.
    pub height: u32,
}

/// What came of having a seal made.
pub enum SealMaking {
    /// It is there.
    Made(Box<SealRecord>),
    /// The CA is not finished, or not in reach; the broker goes on by itself.
    Requested {
        /// What the seal will be called.
        seal: SealId,
        /// What it waits for.
        reason: String,
    },
}

impl Broker {
    /// Has a seal made for all certificates of an enterprise that are good now.
    ///
    /// # Errors
    /// When the enterprise has none, the picture is no PNG, or the CA does not make it.
    pub async fn make_seal(&self, new: NewSeal) -> Result<SealMaking, ApiError> {
        let invalid = |text: &str| Err(ApiError::new(Kind::InvalidRequest, text));
        if !is_showable(&new.name, 100) {
            return invalid("a seal's name has 1 to 100 characters and no control characters");
        }
        if !(1..=200).contains(&new.width) || !(1..=200).contains(&new.height) {
            return invalid("a seal's picture is 1 to 200 mm wide and high");
        }
        if new.picture.len() > MOST_PNG_BYTES || !is_png(&new.picture) {
            return invalid(
                "a seal's picture is a whole PNG file of at most 512 KiB and 4,096 pixels each way",
            );
        }
        self.company_in_use(&new.enterprise).await?;
        let now = clock::now();
        let mut signers = Vec::new();
        let mut adapter = None;
        for record in self.directory.certificates().await? {
            let of_enterprise = record
                .holder
                .enterprise
                .as_ref()
                .is_some_and(|enterprise| enterprise.unified_social_credit_code == new.enterprise);
            if of_enterprise
                && record.status(now) == Status::Active
                && adapter.get_or_insert_with(|| record.certificate_authority.clone())
                    == &record.certificate_authority
            {
                signers.push(Der(record.signing_certificate.0));
            }
        }
        let Some(adapter) = adapter else {
            return invalid("no certificate of this enterprise is known: enrol a phone for it first");
        };
        self.authorities.get(&adapter)?;
        let request = SealIssueRequest {
            kind: seal_type(new.kind),
            name: new.name.clone(),
            picture: SealPicture {
                format: "PNG".to_owned(),
                data: Der(new.picture),
                width_mm: new.width,
                height_mm: new.height,
            },
            signers,
            valid_from_ms: None,
            valid_until_ms: unix_millis(now.plus_seconds(VALIDITY_DAYS * 86_400)),
        };
        let request = SealRequestRecord {
            id: SealId::from_bytes(*Uuid::new_v4().as_bytes()),
            kind: new.kind,
            enterprise: new.enterprise,
            certificate_authority: adapter,
            request,
            requested_at: now,
            withdrawn_at: None,
        };
        self.directory.add_seal_request(&request).await?;
        match self.finish_seal(&request, Patience::LONG).await {
            Ok(seal) => Ok(SealMaking::Made(Box::new(seal))),
            Err(SealError::NotYet(reason)) => Ok(SealMaking::Requested { seal: request.id, reason }),
            Err(SealError::Failed(error)) => Err(error),
        }
    }

    /// Goes on with seals that their CA has not made yet: called every few seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish_seals(&self) -> Result<(), ApiError> {
        for request in self.directory.seal_requests().await? {
            if request.withdrawn_at.is_some() {
                if let Err(SealError::Failed(error)) = self.finish_withdrawal(&request).await {
                    warn!(seal = %request.id, reason = error.problem().detail, "a seal is not withdrawn yet");
                }
                continue;
            }
            match self.finish_seal(&request, Patience::NONE).await {
                Ok(seal) => info!(seal = %seal.id, "the CA has made a seal"),
                Err(SealError::NotYet(_)) => {}
                Err(SealError::Failed(error)) => {
                    warn!(seal = %request.id, reason = error.problem().detail, "the CA makes no seal");
                }
            }
        }
        Ok(())
    }

    async fn finish_seal(
        &self,
        request: &SealRequestRecord,
        patience: Patience,
    ) -> Result<SealRecord, SealError> {
        let company = match self.company_in_use(&request.enterprise).await {
            Ok(company) => company,
            Err(gone) => {
                let withdrawn = self.directory.withdraw_seal_request(&request.id, clock::now()).await?;
                self.finish_withdrawal(&withdrawn).await?;
                return Err(gone.into());
            }
        };
        let authority = match self.authorities.get(&request.certificate_authority) {
            Ok(authority) => authority,
            Err(error) => return Err(SealError::NotYet(error.to_string())),
        };
        let key = key_of(request, "seal")?;
        let issued = match authority.issue_seal(&key, request.request.clone(), patience).await {
            Ok(issued) => issued,
            Err(AuthorityError::Over) => return self.made_meanwhile(request).await,
            Err(error) if error.is_final() => {
                self.directory.conclude_seal_request(&request.id, None, None).await?;
                authority.conclude(&key).await?;
                return Err(SealError::Failed(error.into()));
            }
            Err(error) => return Err(SealError::NotYet(error.to_string())),
        };
        let known = unfit::is_known(&self.repository, authority.name(), &issued.seal_id).await?;
        if known && let Ok(seal) = self.directory.seal(&request.enterprise, &request.id).await {
            // Another attempt was quicker.
            return Ok(seal);
        }
        let unfit = match fits(&authority, &request.request, &issued) {
            Err(text) => Some(text),
            Ok(()) => known.then(|| unfit::KNOWN.to_owned()),
        };
        if let Some(text) = unfit {
            // From here on it is not wanted, whatever is found out later: asking again would give the same.
            let withdrawn = self.directory.withdraw_seal_request(&request.id, clock::now()).await?;
            self.finish_withdrawal(&withdrawn).await?;
            let authority = request.certificate_authority.clone();
            return Err(AuthorityError::Broken { authority, text: format!("seal: {text}") }.into());
        }
        let seal = SealRecord {
            id: request.id,
            kind: request.kind,
            name: request.request.name.clone(),
            enterprise: request.enterprise.clone(),
            certificate_authority: request.certificate_authority.clone(),
            der: Base64(issued.seal.0),
            made_at: clock::now(),
            standing: SealStanding::default(),
        };
        match self.directory.conclude_seal_request(&request.id, Some(&seal), company).await {
            Ok(()) => authority.conclude(&key).await?,
            Err(StoreError::Conflict) => return self.made_meanwhile(request).await,
            Err(error) => return Err(error.into()),
        }
        Ok(seal)
    }

    /// A condition that a company is still as it is now. One that is registered must not be on its way out; others an operator
    /// enrolled.
    async fn company_in_use(&self, code: &str) -> Result<Option<RecordChange>, ApiError> {
        let Some(company) = self.repository.get::<Enterprise>(code.as_bytes()).await? else {
            return Ok(None);
        };
        company.value.require_active()?;
        Ok(Some(company.unchanged()))
    }

    /// The seal that was stored while this attempt was at it.
    async fn made_meanwhile(&self, request: &SealRequestRecord) -> Result<SealRecord, SealError> {
        match self.directory.seal(&request.enterprise, &request.id).await {
            Ok(seal) => Ok(seal),
            Err(_) => Err(SealError::NotYet("the request has ended in the meantime".to_owned())),
        }
    }
}

/// What the CA knows an operation of this request by.
fn key_of(request: &SealRequestRecord, operation: &str) -> Result<IdempotencyKey, ApiError> {
    operation_key(format!("{operation}-{}", request.id))
}

/// Why there is no seal.
enum SealError {
    /// The CA is not finished, or not in reach: the broker goes on by itself.
    NotYet(String),
    /// There will be none.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for SealError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Whether the whole picture can be decoded, within 4,096 pixels each way.
fn is_png(bytes: &[u8]) -> bool {
    let decoded = || -> Option<()> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().ok()?;
        let (width, height) = reader.info().size();
        if width > MOST_PIXELS || height > MOST_PIXELS {
            return None;
        }
        let mut pixels = vec![0; reader.output_buffer_size()?];
        reader.next_frame(&mut pixels).ok()?;
        reader.finish().ok()
    };
    decoded().is_some()
}
