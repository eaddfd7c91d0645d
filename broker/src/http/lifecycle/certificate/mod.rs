//! Certificates: one's own, those of the company that one stands for, and all for the trading centre's staff.

use actix_web::web;
use utoipa::OpenApi;

use yinqiao_lifecycle::certificate::CertificateRefusal;
use yinqiao_protocol::Sm3Hex;

use super::caller::SignedIn;
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::http::resource::resource;
use crate::records::Repository;

mod change;
mod file;
mod list;
mod staff;
mod view;

pub use view::view;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    list::own,
    list::one,
    list::of_enterprise,
    list::of_member,
    file::signing,
    file::encryption,
    change::suspend,
    change::resume,
    change::revoke,
    staff::of_user,
    staff::of_enterprise,
    staff::of_serial,
    staff::one,
    staff::suspend,
    staff::resume,
    staff::revoke,
    staff::ask_again,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/certificates").get(list::own))
        .service(resource("/v1/certificates/{certificate}").get(list::one))
        .service(resource("/v1/certificates/{certificate}/signing-certificate").get(file::signing))
        .service(resource("/v1/certificates/{certificate}/encryption-certificate").get(file::encryption))
        .service(resource("/v1/certificates/{certificate}/suspend").post(change::suspend))
        .service(resource("/v1/certificates/{certificate}/resume").post(change::resume))
        .service(resource("/v1/certificates/{certificate}/revoke").post(change::revoke))
        .service(resource("/v1/enterprises/{code}/certificates").get(list::of_enterprise))
        .service(resource("/v1/enterprises/{code}/members/{user}/certificates").get(list::of_member))
        .configure(configure_staff);
}

fn configure_staff(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/operator/users/{user}/certificates").get(staff::of_user))
        .service(resource("/v1/operator/enterprises/{code}/certificates").get(staff::of_enterprise))
        .service(resource("/v1/operator/serial-numbers/{serial}/certificates").get(staff::of_serial))
        .service(resource("/v1/operator/certificates/{certificate}").get(staff::one))
        .service(resource("/v1/operator/certificates/{certificate}/suspend").post(staff::suspend))
        .service(resource("/v1/operator/certificates/{certificate}/resume").post(staff::resume))
        .service(resource("/v1/operator/certificates/{certificate}/revoke").post(staff::revoke))
        .service(resource("/v1/operator/certificates/{certificate}/ask-again").post(staff::ask_again));
}

/// A certificate that is the caller's, or of the company that the caller stands for.
async fn visible(
    repository: &Repository,
    caller: &SignedIn,
    sm3: &Sm3Hex,
) -> Result<CertificateRecord, ApiError> {
    let actor = caller.actor();
    let found = repository.get::<CertificateRecord>(sm3.as_bytes()).await?;
    found
        .map(|found| found.value)
        .filter(|record| {
            let own = record.facts.user.is_some_and(|user| actor.is_user(user));
            let company = record.facts.enterprise.as_ref();
            !record.standing.is_hidden()
                && (own || company.is_some_and(|code| actor.is_legal_person_of(code)))
        })
        .ok_or_else(|| ApiError::from(CertificateRefusal::NotFound))
}
