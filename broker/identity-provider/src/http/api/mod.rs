//! A JSON API beside the pages, for tests and demonstration programs: the same rules, the same checks.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `POST /api/codes` | `{purpose: "register"\|"sign_in", user_kind, phone_number}` | 202 `{expires_in, resend_after, shown_code?}` |
//! | `POST /api/accounts` | `{user_kind, user_name, password, phone_number, code, enterprise_name?, enterprise_code?}` | 201, the account |
//! | `POST /api/sessions` | `{user_name, password}` or `{user_kind, phone_number, code}` | 201 `{session, expires_in, account}` |
//! | `DELETE /api/sessions/current` | | 204 |
//! | `GET /api/account` | | the account |
//! | `POST /api/account/real-name` | `{name, id_number}` | the account, at L2 |
//! | `POST /api/account/real-name/confirmation` | | the account, at L3 |
//! | `POST /api/account/face-check` | | the account, at L4 |
//! | `POST /api/authorizations` | `{authorization_url}`, as the application gives it to a browser | `{redirect_to}`, with the code |
//!
//! A session is shown as `Authorization: Bearer SESSION`; cookies do not count here, so that no page of another site can use
//! this API for a user. Errors are problem documents (RFC 9457), types `urn:yinqiao:problem:NAME`.

mod accounts;
mod problem;
mod sessions;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};

use self::problem::ApiError;

pub(super) fn configure(config: &mut ServiceConfig) {
    let resource = |path: &str| web::resource(path).default_service(web::to(no_such_method));
    let api = web::scope("/api")
        .service(resource("/codes").route(web::post().to(sessions::send_code)))
        .service(resource("/sessions").route(web::post().to(sessions::sign_in)))
        .service(resource("/sessions/current").route(web::delete().to(sessions::sign_out)))
        .service(resource("/authorizations").route(web::post().to(sessions::authorize)))
        .service(resource("/accounts").route(web::post().to(accounts::register)))
        .service(resource("/account").route(web::get().to(accounts::show)))
        .service(resource("/account/real-name").route(web::post().to(accounts::state_real_name)))
        .service(
            resource("/account/real-name/confirmation").route(web::post().to(accounts::confirm_real_name)),
        )
        .service(resource("/account/face-check").route(web::post().to(accounts::check_face)))
        .default_service(web::to(no_such_thing));
    config.service(api);
}

async fn no_such_thing() -> Result<HttpResponse, ApiError> {
    Err(ApiError::Request(StatusCode::NOT_FOUND, "not-found", "there is nothing at this address".to_owned()))
}

async fn no_such_method() -> Result<HttpResponse, ApiError> {
    let detail = "this address has another method".to_owned();
    Err(ApiError::Request(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail))
}
