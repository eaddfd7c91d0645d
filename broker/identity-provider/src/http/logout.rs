//! Sign-out, for users and for applications (OpenID Connect RP-Initiated Logout 1.0).

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::authorize::visitor;
use super::browser::{Browser, FORM_TOKEN};
use super::offload;
use super::page::{self, sign_out as view};
use crate::oidc::LogoutRequest;
use crate::provider::Provider;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/logout").route(web::get().to(by_query)).route(web::post().to(by_form)))
        .route("/sign-out", web::post().to(confirmed));
}

async fn by_query(provider: Data<Provider>, http: HttpRequest) -> HttpResponse {
    log_out(&provider, &http, http.query_string().as_bytes()).await
}

async fn by_form(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    if page::is_form(&http) { log_out(&provider, &http, &body).await } else { page::not_a_form() }
}

/// At once when the application shows an ID token of the one who is signed in; else the user is asked.
async fn log_out(provider: &Data<Provider>, http: &HttpRequest, parameters: &[u8]) -> HttpResponse {
    let asked = match LogoutRequest::parse(parameters, provider.settings(), provider.key()) {
        Ok(asked) => asked,
        Err(error) => return page::malformed(&error),
    };
    let browser = match Browser::of(http, provider) {
        Ok(browser) => browser,
        Err(refusal) => return page::refused(&refusal),
    };
    let then = asked.then.as_deref();
    match visitor(provider, &browser).await {
        Ok(None) => leave(&browser, then),
        Ok(Some(visitor)) if asked.subject.as_ref() == Some(&visitor.account.subject) => {
            end(provider, &browser).await;
            leave(&browser, then)
        }
        Ok(Some(_)) => {
            view::page(provider, &browser, std::str::from_utf8(parameters).unwrap_or_default(), then)
        }
        Err(refusal) => page::refused(&refusal),
    }
}

/// The user says yes.
async fn confirmed(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let (browser, form) = match page::form(&provider, &http, &body, &[FORM_TOKEN, "request"]) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let request = form.text("request").as_bytes();
    let asked = match LogoutRequest::parse(request, provider.settings(), provider.key()) {
        Ok(asked) => asked,
        Err(error) => return page::malformed(&error),
    };
    end(&provider, &browser).await;
    leave(&browser, asked.then.as_deref())
}

async fn end(provider: &Data<Provider>, browser: &Browser) {
    if let Some(session) = browser.session() {
        let ended = offload(provider, move |provider| {
            provider.sign_out(&session);
            Ok(())
        });
        if let Err(error) = ended.await {
            tracing::warn!(event = "session_not_ended", %error);
        }
    }
}

fn leave(browser: &Browser, then: Option<&str>) -> HttpResponse {
    let mut response = match then {
        Some(url) => page::see_other(url),
        None => page::message(StatusCode::OK, "已退出", "您已安全退出登录。", "You are signed out."),
    };
    match browser.sign_out(&mut response) {
        Ok(()) => response,
        Err(refusal) => page::refused(&refusal),
    }
}
