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
                .route(web::post().to(picture::upload)),
        )
        .service(
            resource("/v1/enterprises/{code}/seal-pictures/{picture}").route(web::get().to(picture::preview)),
        )
        .service(
            resource("/v1/enterprises/{code}/seal-applications")
                .route(web::get().to(application::list))
                .route(web::post().to(application::apply)),
        )
        .service(
            resource("/v1/enterprises/{code}/seal-applications/{application}")
                .route(web::get().to(application::one)),
        )
        .service(
            resource("/v1/enterprises/{code}/seal-applications/{application}/cancel")
                .route(web::post().to(application::cancel)),
        )
        .service(resource("/v1/enterprises/{code}/seals").route(web::get().to(made::list)))
        .service(resource("/v1/enterprises/{code}/seals/{seal}").route(web::get().to(made::one)))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/picture").route(web::get().to(made::picture)))
        .service(resource("/v1/enterprises/{code}/seals/{seal}/users").route(web::get().to(made::users)))
        .service(
            resource("/v1/enterprises/{code}/seals/{seal}/usage").route(web::put().to(made::change_usage)),
        )
        .service(resource("/v1/enterprises/{code}/seals/{seal}/revoke").route(web::post().to(made::revoke)))
        .configure(configure_staff);
}

fn configure_staff(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/v1/operator/seal-application-states/{state}/seal-applications")
                .route(web::get().to(staff::applications)),
        )
        .service(
            resource("/v1/operator/seal-applications/{application}").route(web::get().to(staff::application)),
        )
        .service(resource("/v1/operator/enterprises/{code}/seals").route(web::get().to(staff::seals)))
        .service(resource("/v1/operator/enterprises/{code}/seals/{seal}").route(web::get().to(staff::one)))
        .service(
            resource("/v1/operator/enterprises/{code}/seals/{seal}/revoke")
                .route(web::post().to(staff::revoke)),
        );
}

/// As the lifecycle calls it.
const fn reason(reason: SealRevocationRequestReason) -> SealRevocationReason {
    match reason {
        SealRevocationRequestReason::NoLongerUsed => SealRevocationReason::NoLongerUsed,
        SealRevocationRequestReason::Misused => SealRevocationReason::Misused,
    }
}
