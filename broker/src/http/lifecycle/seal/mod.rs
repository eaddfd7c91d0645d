//! Seals: the legal person uploads a picture and applies, a CA reviews and makes the seal, and who of the company may use it is
//! the legal person's to say.

use actix_web::web;
use utoipa::OpenApi;

use yinqiao_lifecycle::seal::SealRevocationReason;
use yinqiao_protocol::seal::SealRevocationRequestReason;

use crate::http::resource;
use crate::picture::MOST_BYTES;

mod application;
mod made;
mod picture;
mod staff;
mod view;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    picture::upload,
    picture::preview,
    application::apply,
    application::list,
    application::one,
    application::cancel,
    made::list,
    made::one,
    made::picture,
    made::users,
    made::change_usage,
    made::revoke,
    staff::applications,
    staff::application,
    staff::seals,
    staff::one,
    staff::revoke,
))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/v1/enterprises/{code}/seal-pictures")
                // One more tells that there are too many.
                .app_data(web::PayloadConfig::new(MOST_BYTES + 1))
                .post(picture::upload),
        )
        .service(resource("/v1/enterprises/{code}/seal-pictures/{picture}").get(picture::preview))
        .service(
            resource("/v1/enterprises/{code}/seal-applications")
                .get(application::list)
                .post(application::apply),
        )
        .service(resource("/v1/enterprises/{code}/seal-applications/{application}").get(application::one))
        .service(
            resource("/v1/enterprises/{code}/seal-applications/{application}/cancel")
                .post(application::cancel),
        )
        .service(resource("/v1/enterprises/{code}/seals").get(made::list))
        .service(resource("/v1/enterprises/{code}/seals/{seal}").get(made::one))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/picture").get(made::picture))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/users").get(made::users))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/usage").put(made::change_usage))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/revoke").post(made::revoke))
        .configure(configure_staff);
}

fn configure_staff(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/v1/operator/seal-application-states/{state}/seal-applications")
                .get(staff::applications),
        )
        .service(resource("/v1/operator/seal-applications/{application}").get(staff::application))
        .service(resource("/v1/operator/enterprises/{code}/seals").get(staff::seals))
        .service(resource("/v1/operator/enterprises/{code}/seals/{seal}").get(staff::one))
        .service(resource("/v1/operator/enterprises/{code}/seals/{seal}/revoke").post(staff::revoke));
}

/// As the lifecycle calls it.
const fn reason(reason: SealRevocationRequestReason) -> SealRevocationReason {
    match reason {
        SealRevocationRequestReason::NoLongerUsed => SealRevocationReason::NoLongerUsed,
        SealRevocationRequestReason::Misused => SealRevocationReason::Misused,
    }
}
