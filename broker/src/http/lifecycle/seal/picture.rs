//! Pictures of seals, before a seal is applied for.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use yinqiao_lifecycle::AuditNote;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::SealRefusal;
use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::seal::SealPictureView;

use crate::broker::Broker;
use crate::http::body_error;
use crate::http::lifecycle::caller::{SignedIn, Verified};
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::picture::{Background, MOST_BYTES, PictureError, SealPicture};
use crate::records::Repository;
use crate::records::seals::{SealPictureRecord, seal_picture_key, unused_seal_pictures_of};

/// Pictures that wait for an application, of one company at most.
const MOST_UNUSED: usize = 20;

/// How a picture is to be drawn.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams, Serialize)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PictureQuery {
    /// Width of the seal on paper, millimetres.
    #[param(minimum = 1, maximum = 200)]
    width_mm: u32,
    /// Height of the seal on paper, millimetres.
    #[param(minimum = 1, maximum = 200)]
    height_mm: u32,
    /// What becomes of the paper behind the print; `remove` where it is left out.
    #[serde(default)]
    background: PictureBackground,
}

/// What becomes of a picture's background.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureBackground {
    /// Paper becomes transparent.
    #[default]
    Remove,
    /// It stays: for pictures that are transparent already.
    Keep,
}

/// Uploads a picture of a seal: a PNG or JPEG file of at most 4 MiB and 4,096 pixels each way. It is drawn anew: the preview
/// shows what will be seen on documents. A picture that no seal is applied for with is removed after a day.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/seal-pictures",
    operation_id = "upload_seal_picture",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        PictureQuery,
        Post,
    ),
    request_body(content(("image/png"), ("image/jpeg")), description = "The file"),
    responses((status = 201, description = "The picture as it is kept", body = SealPictureView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn upload(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    code: web::Path<CreditCode>,
    query: web::Query<PictureQuery>,
    post: Post,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    caller.must_lead(&code)?;
    let file = body.map_err(|error| body_error(&error, format_args!("{MOST_BYTES} bytes")))?;
    let PictureQuery { width_mm, height_mm, background } = *query;
    let (asked, actor) = ((Sm3Hex::of(&file), *query), caller.actor());
    let background = match background {
        PictureBackground::Remove => Background::Remove,
        PictureBackground::Keep => Background::Keep,
    };
    if let Some(answer) = post.answered(&broker.repository, &caller.caller(), &asked).await? {
        return Ok(answer);
    }
    check_room(&broker.repository, &code).await?;
    let drawn = broker
        .drawing
        .run(move || SealPicture::from_upload(&file, background, (width_mm, height_mm)))
        .await?
        .map_err(refused)?;
    post.run(&broker.repository, &caller.caller(), &asked, async |transaction| {
        let found = transaction.get::<SealPictureRecord>(&seal_picture_key(&code, &drawn.sm3)).await?;
        if found.is_none() {
            check_room(transaction.repository(), &code).await?;
        }
        let before = found.as_ref().map(|found| &found.value);
        let record = SealPictureRecord {
            enterprise: code.clone(),
            sm3: drawn.sm3,
            png: drawn.png.as_slice().into(),
            width: drawn.width,
            height: drawn.height,
            width_mm,
            height_mm,
            uploaded_at: transaction.now(),
            in_use: before.is_some_and(|before| before.in_use),
        };
        transaction.put(found.as_ref(), &record)?;
        let subject = format!("enterprise/{}", *code);
        let note = AuditNote::new("seal.upload", subject, &actor, record.uploaded_at);
        transaction.note(note.with("picture", record.sm3.to_string()));
        let SealPictureRecord { sm3, width, height, .. } = record;
        Ok(Answer::created(SealPictureView { picture: sm3, width, height, width_mm, height_mm }))
    })
    .await
}

/// Refuses what would be too much, or for nothing.
async fn check_room(repository: &Repository, code: &CreditCode) -> Result<(), ApiError> {
    let company = repository.get::<Enterprise>(code.as_str().as_bytes()).await?;
    company.ok_or(SealRefusal::NotFound)?.value.require_active()?;
    let unused = unused_seal_pictures_of(code);
    let unused = repository.page::<SealPictureRecord>(&unused, None, MOST_UNUSED).await?;
    if unused.items.len() < MOST_UNUSED {
        return Ok(());
    }
    let text =
        format!("{MOST_UNUSED} pictures were uploaded and not used: apply with one of them, or wait a day");
    Err(ApiError::new(Kind::Conflict, text))
}

fn refused(error: PictureError) -> ApiError {
    let kind = match error {
        PictureError::TooLarge => Kind::TooLarge,
        PictureError::Encoding(_) => Kind::Internal,
        PictureError::Format
        | PictureError::TooManyPixels
        | PictureError::Broken
        | PictureError::Empty
        | PictureError::Millimetres => Kind::InvalidRequest,
    };
    ApiError::new(kind, error.to_string())
}

/// A picture as it will be seen on documents.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seal-pictures/{picture}",
    operation_id = "seal_picture",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("picture" = Sm3Hex, Path, description = "SM3 of the PNG"),
    ),
    responses((status = 200, description = "PNG", content_type = "image/png", body = Vec<u8>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn preview(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, Sm3Hex)>,
) -> Result<HttpResponse, ApiError> {
    let (code, sm3) = path.into_inner();
    caller.must_lead(&code)?;
    let found = broker.repository.get::<SealPictureRecord>(&seal_picture_key(&code, &sm3)).await?;
    let found = found.ok_or(SealRefusal::NotFound)?;
    Ok(picture("image/png", found.value.png.0))
}

/// A picture as an answer.
pub(super) fn picture(media_type: &str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(bytes)
}
