//! A seal is made by the CA of the certificates that may use it.

use uuid::Uuid;

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, SealIssueRequest, SealPicture};
use yinqiao_gm::seal::SesSeal;
use yinqiao_protocol::task::{SealKind, is_showable};
use yinqiao_protocol::{Base64, SealId};

use crate::adapter::AuthorityError;
use crate::broker::Broker;
use crate::clock;
use crate::directory::SealRecord;
use crate::http::problem::{ApiError, Kind};

/// Days that a seal is valid.
const VALIDITY_DAYS: u64 = 3 * 365;
/// Pixels of a seal's picture each way at most.
const MOST_PIXELS: u32 = 4096;
/// Bytes of a seal's picture at most.
const MOST_PICTURE_BYTES: usize = 512 << 10;

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

impl Broker {
    /// Has a seal made for all certificates of an enterprise that are good now.
    ///
    /// # Errors
    /// When the enterprise has none, the picture is no PNG, or the CA does not make it.
    pub async fn make_seal(&self, new: NewSeal) -> Result<SealRecord, ApiError> {
        let invalid = |text: &str| Err(ApiError::new(Kind::InvalidRequest, text));
        if !is_showable(&new.name, 100) {
            return invalid("a seal's name has 1 to 100 characters and no control characters");
        }
        if !(1..=200).contains(&new.width) || !(1..=200).contains(&new.height) {
            return invalid("a seal's picture is 1 to 200 mm wide and high");
        }
        if new.picture.len() > MOST_PICTURE_BYTES || !is_png(&new.picture) {
            return invalid(
                "a seal's picture is a whole PNG file of at most 512 KiB and 4,096 pixels each way",
            );
        }
        let mut signers = Vec::new();
        let mut adapter = None;
        for record in self.directory.certificates().await? {
            let of_enterprise = record
                .holder
                .enterprise
                .as_ref()
                .is_some_and(|enterprise| enterprise.unified_social_credit_code == new.enterprise);
            if of_enterprise
                && record.revocation.is_none()
                && adapter.get_or_insert_with(|| record.certificate_authority.clone())
                    == &record.certificate_authority
            {
                signers.push(Der(record.signing_certificate.0));
            }
        }
        let Some(adapter) = adapter else {
            return invalid("no certificate of this enterprise is known: enrol a phone for it first");
        };
        let authority = self.authorities.get(&adapter)?;
        let now = clock::now();
        let valid_until_ms = u64::try_from(now.millis()).unwrap_or_default() + VALIDITY_DAYS * 86_400_000;
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
            valid_until_ms,
        };
        let id = SealId::from_bytes(*Uuid::new_v4().as_bytes());
        let key = IdempotencyKey::try_from(format!("seal-{id}"))
            .map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?;
        let issued = authority.issue_seal(&key, request).await?;
        let der = issued.seal.0;
        SesSeal::from_der(&der)
            .and_then(|seal| seal.verify_maker_signature().map_err(Into::into))
            .map_err(|e| AuthorityError::Broken { authority: adapter.clone(), text: format!("seal: {e}") })?;
        let record = SealRecord {
            id,
            kind: new.kind,
            name: new.name,
            enterprise: new.enterprise,
            certificate_authority: adapter,
            der: Base64(der),
            made_at: now,
        };
        self.directory.add_seal(&record).await?;
        Ok(record)
    }
}

/// `SES_ESPropertyInfo.type`, which the standard leaves to the business.
fn seal_type(kind: SealKind) -> u32 {
    match kind {
        SealKind::Official => 1,
        SealKind::LegalRepresentative => 2,
        SealKind::Signature => 3,
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
