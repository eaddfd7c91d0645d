//! Codes, sessions, and codes for applications.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::accounts::AccountView;
use super::problem::{ApiError, read};
use crate::account::UserKind;
use crate::http::browser::address;
use crate::http::oauth::bearer;
use crate::http::offload;
use crate::oidc::{AuthorizationRequest, RequestError};
use crate::provider::{Credentials, Provider};
use crate::refusal::{Field, Refusal};
use crate::sms::Purpose;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCode {
    purpose: CodePurpose,
    user_kind: UserKind,
    phone_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CodePurpose {
    Register,
    SignIn,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NewSession {
    Password(ByPassword),
    Code(ByCode),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByPassword {
    user_name: String,
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByCode {
    user_kind: UserKind,
    phone_number: String,
    code: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAuthorization {
    authorization_url: String,
}

pub(super) async fn send_code(
    provider: Data<Provider>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let new: NewCode = read(&request, &body)?;
    let purpose = match new.purpose {
        CodePurpose::Register => Purpose::Register,
        CodePurpose::SignIn => Purpose::SignIn(new.user_kind),
    };
    let from = address(&request);
    let sent =
        offload(&provider, move |provider| provider.send_code(purpose, &new.phone_number, from)).await?;
    let mut told = json!({"expires_in": sent.expires_in, "resend_after": sent.resend_after});
    if let Some(code) = &sent.shown {
        told["shown_code"] = code.expose().into();
    }
    Ok(HttpResponse::Accepted().json(told))
}

pub(super) async fn sign_in(
    provider: Data<Provider>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let credentials = match read(&request, &body)? {
        NewSession::Password(ByPassword { user_name, password }) => {
            Credentials::Password { user_name, password }
        }
        NewSession::Code(ByCode { user_kind, phone_number, code }) => {
            Credentials::SmsCode { user_kind, phone_number, code }
        }
    };
    let from = address(&request);
    let signed_in = offload(&provider, move |provider| provider.sign_in(&credentials, from)).await?;
    Ok(HttpResponse::Created().json(json!({
        "session": signed_in.session.expose(),
        "expires_in": signed_in.expires_in,
        "account": AccountView::from(&signed_in.account),
    })))
}

pub(super) async fn sign_out(
    provider: Data<Provider>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let session = session(&request)?;
    offload(&provider, move |provider| {
        provider.visitor(&session)?;
        provider.sign_out(&session);
        Ok(())
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a browser would get from the authorization endpoint.
pub(super) async fn authorize(
    provider: Data<Provider>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let new: NewAuthorization = read(&request, &body)?;
    let session = session(&request)?;
    let refused = |rule: &str| Refusal::invalid(Field::AuthorizationRequest, rule);
    let endpoint = provider.endpoints().at("/authorize");
    let query = new
        .authorization_url
        .strip_prefix(&endpoint)
        .and_then(|rest| rest.strip_prefix('?'))
        .ok_or_else(|| refused(&format!("it must begin with {endpoint}?")))?;
    let asked = match AuthorizationRequest::parse(query, provider.settings()) {
        Ok(asked) => asked,
        Err(RequestError::Stay(reason)) => return Err(refused(&reason).into()),
        Err(error @ RequestError::Tell { .. }) => {
            let url = error
                .answer(&provider.settings().issuer)
                .ok_or_else(|| refused("its redirect_uri is no URL"))?;
            return Ok(HttpResponse::Ok().json(json!({"redirect_to": url.as_str()})));
        }
    };
    let url = offload(&provider, move |provider| {
        let visitor = provider.visitor(&session)?;
        if provider.needs_sign_in(&visitor, &asked) {
            return Ok(None);
        }
        provider.authorize(&visitor, &asked).map(Some)
    })
    .await?;
    match url {
        Some(url) => Ok(HttpResponse::Ok().json(json!({"redirect_to": url.as_str()}))),
        None => Err(ApiError::Request(
            StatusCode::FORBIDDEN,
            "sign-in-required",
            "the application asks for a fresh sign-in: open a new session and ask without prompt".to_owned(),
        )),
    }
}

/// The session that a request shows.
pub(super) fn session(request: &HttpRequest) -> Result<Zeroizing<String>, Refusal> {
    bearer(request).ok_or(Refusal::SignedOut)
}
