//! The certificates themselves, to be kept and checked anywhere.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use yinqiao_gm::x509::AnyCertificate;
use yinqiao_protocol::{Base64, Sm3Hex};

use super::super::caller::SignedIn;
use super::super::problems::ForCaller;
use super::visible;
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FormatQuery {
    /// DER where it is left out.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// A form of certificates.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// X.690.
    #[default]
    Der,
    /// RFC 7468.
    Pem,
}

/// DER, as the document describes it.
#[derive(ToSchema)]
#[schema(value_type = String, format = "binary")]
#[expect(dead_code, reason = "it stands for bytes in the document only")]
pub struct DerFile(Vec<u8>);

/// The signing certificate.
#[utoipa::path(
    get,
    path = "/v1/certificates/{certificate}/signing-certificate",
    operation_id = "signing_certificate",
    tag = "certificate",
    params(("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"), FormatQuery),
    responses(
        (status = 200, description = "X.509", content(
            (DerFile = "application/pkix-cert"), (String = "application/x-pem-file"),
        )),
        ForCaller,
    ),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn signing(
    broker: web::Data<Broker>,
    caller: SignedIn,
    certificate: web::Path<Sm3Hex>,
    query: web::Query<FormatQuery>,
) -> Result<HttpResponse, ApiError> {
    let record = visible(&broker.repository, &caller, &certificate).await?;
    sent(&record.signing_certificate, &record.facts.signing_serial, query.format)
}

/// The encryption certificate.
#[utoipa::path(
    get,
    path = "/v1/certificates/{certificate}/encryption-certificate",
    operation_id = "encryption_certificate",
    tag = "certificate",
    params(("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"), FormatQuery),
    responses(
        (status = 200, description = "X.509", content(
            (DerFile = "application/pkix-cert"), (String = "application/x-pem-file"),
        )),
        ForCaller,
    ),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn encryption(
    broker: web::Data<Broker>,
    caller: SignedIn,
    certificate: web::Path<Sm3Hex>,
    query: web::Query<FormatQuery>,
) -> Result<HttpResponse, ApiError> {
    let record = visible(&broker.repository, &caller, &certificate).await?;
    let none = "this certificate is for signing only: there is no encryption certificate beside it";
    let encryption = record.encryption_certificate.as_ref();
    let encryption = encryption.ok_or_else(|| ApiError::new(Kind::NotFound, none))?;
    sent(encryption, &record.facts.encryption_serial, query.format)
}

fn sent(der: &Base64, serial: &str, format: Format) -> Result<HttpResponse, ApiError> {
    let (body, media_type, ending) = match format {
        Format::Der => (der.0.clone(), "application/pkix-cert", "cer"),
        Format::Pem => {
            let pem = AnyCertificate::from_der(der.as_slice())
                .and_then(|certificate| certificate.to_pem())
                .map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
            (pem.into_bytes(), "application/x-pem-file", "pem")
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{serial}.{ending}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}
