//! Companies and who belongs to them.

use actix_web::web;
use utoipa::OpenApi;

use yinqiao_lifecycle::cascade::Cascade;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::enterprise::{CascadeView, OpenStepView};

use super::caller::SignedIn;
use crate::http::problem::{ApiError, Kind};
use crate::http::resource::resource;
use crate::records::{Repository, Versioned};

mod company;
mod join;
mod members;
mod succession;

pub use company::view_of;
pub use succession::decide as decide_succession;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    company::view,
    company::edit,
    company::delete,
    company::removal,
    join::apply,
    join::memberships,
    join::withdraw,
    join::leave,
    members::applications,
    members::approve,
    members::reject,
    members::add,
    members::list,
    members::one,
    members::remove,
    succession::request,
    succession::withdraw,
    succession::approve,
    succession::reject,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/v1/enterprises/{code}").get(company::view).put(company::edit).delete(company::delete),
        )
        .service(resource("/v1/enterprises/{code}/removals/{cascade}").get(company::removal))
        .service(resource("/v1/enterprises/{code}/applications").get(members::applications).post(join::apply))
        .service(resource("/v1/enterprises/{code}/applications/{user}/approve").post(members::approve))
        .service(resource("/v1/enterprises/{code}/applications/{user}/reject").post(members::reject))
        .service(resource("/v1/enterprises/{code}/members").get(members::list).post(members::add))
        .service(resource("/v1/enterprises/{code}/members/{user}").get(members::one).delete(members::remove))
        .service(
            resource("/v1/enterprises/{code}/succession")
                .post(succession::request)
                .delete(succession::withdraw),
        )
        .service(resource("/v1/enterprises/{code}/succession/{user}/approve").post(succession::approve))
        .service(resource("/v1/enterprises/{code}/succession/{user}/reject").post(succession::reject))
        .service(resource("/v1/account/memberships").get(join::memberships))
        .service(resource("/v1/account/memberships/{code}/withdraw").post(join::withdraw))
        .service(resource("/v1/account/memberships/{code}").delete(join::leave));
}

/// What is said of a company that is not there, or not the caller's.
fn no_such_company() -> ApiError {
    ApiError::new(Kind::NotFound, "there is no such company, or you have nothing to do with it")
}

/// The company that the caller leads now.
async fn led_by(
    repository: &Repository,
    caller: &SignedIn,
    code: &CreditCode,
) -> Result<Versioned<Enterprise>, ApiError> {
    caller.must_lead(code)?;
    let found = repository.get::<Enterprise>(code.as_str().as_bytes()).await?;
    found.filter(|found| found.value.is_led_by(&caller.actor())).ok_or_else(no_such_company)
}

/// A removal as it is shown.
pub fn cascade_view(cascade: &Cascade) -> CascadeView {
    let progress = cascade.progress();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    CascadeView {
        cascade: cascade.id,
        kind: cascade.kind.name().to_owned(),
        started_at: cascade.started_at,
        finished_at: cascade.finished_at,
        planned: count(progress.planned),
        done: count(progress.done),
        open: progress
            .open
            .into_iter()
            .map(|open| OpenStepView {
                step: open.step,
                attempts: open.attempts,
                last_error: open.last_error,
            })
            .collect(),
    }
}
