//! Accounts and their levels.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use yinqiao_lifecycle::identity::AssuranceLevel;
use yinqiao_protocol::Timestamp;
use zeroize::Zeroizing;

use super::problem::{ApiError, read};
use super::sessions::session;
use crate::account::{Account, RegistrationFields, UserKind};
use crate::http::browser::address;
use crate::http::offload;
use crate::provider::Provider;
use crate::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    user_kind: UserKind,
    user_name: String,
    password: Zeroizing<String>,
    phone_number: String,
    code: Zeroizing<String>,
    #[serde(default)]
    enterprise_name: Option<String>,
    #[serde(default)]
    enterprise_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRealName {
    name: String,
    id_number: Zeroizing<String>,
}

/// An account for its owner; numbers are masked.
#[derive(Serialize)]
pub(super) struct AccountView {
    subject: String,
    user_kind: UserKind,
    user_name: String,
    phone_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enterprise_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enterprise_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_number: Option<String>,
    assurance_level: AssuranceLevel,
    next_step: &'static str,
    registered_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    face_checked_at: Option<Timestamp>,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        let (person, enterprise) = (account.standing.person(), account.enterprise());
        Self {
            subject: account.subject.clone(),
            user_kind: account.kind(),
            user_name: account.user_name.to_string(),
            phone_number: account.phone.masked(),
            enterprise_name: enterprise.map(|enterprise| enterprise.name.clone()),
            enterprise_code: enterprise.map(|enterprise| enterprise.code.to_string()),
            name: person.map(|person| person.name.clone()),
            id_number: person.map(|person| person.id_number.masked()),
            assurance_level: account.standing.level(),
            next_step: account.standing.next(),
            registered_at: account.registered_at,
            face_checked_at: account.standing.face_checked_at(),
        }
    }
}

pub(super) async fn register(
    provider: Data<Provider>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let new: NewAccount = read(&request, &body)?;
    let from = address(&request);
    let fields = RegistrationFields {
        user_kind: new.user_kind,
        user_name: new.user_name,
        password: new.password,
        phone_number: new.phone_number,
        code: new.code,
        enterprise_name: new.enterprise_name,
        enterprise_code: new.enterprise_code,
    };
    let account = offload(&provider, move |provider| provider.register(&fields, from)).await?;
    Ok(HttpResponse::Created().json(AccountView::from(&account)))
}

pub(super) async fn show(provider: Data<Provider>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let session = session(&request)?;
    let visitor = offload(&provider, move |provider| provider.visitor(&session)).await?;
    Ok(HttpResponse::Ok().json(AccountView::from(&visitor.account)))
}

pub(super) async fn state_real_name(
    provider: Data<Provider>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let new: NewRealName = read(&request, &body)?;
    take(&provider, &request, move |provider, subject| {
        provider.state_real_name(subject, &new.name, &new.id_number)
    })
    .await
}

pub(super) async fn confirm_real_name(
    provider: Data<Provider>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    take(&provider, &request, Provider::confirm_real_name).await
}

pub(super) async fn check_face(
    provider: Data<Provider>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    take(&provider, &request, Provider::check_face).await
}

async fn take(
    provider: &Data<Provider>,
    request: &HttpRequest,
    step: impl FnOnce(&Provider, &str) -> Result<Account, Refusal> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let session = session(request)?;
    let account = offload(provider, move |provider| {
        let visitor = provider.visitor(&session)?;
        step(provider, &visitor.account.subject)
    })
    .await?;
    Ok(HttpResponse::Ok().json(AccountView::from(&account)))
}
