//! The account page and the steps from L1 to L4.

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::authorize::visitor;
use super::browser::{Browser, FORM_TOKEN};
use super::offload;
use super::page::{self, account as view};
use crate::account::Account;
use crate::provider::Provider;
use crate::refusal::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .route("", web::get().to(to_account))
        .route("/", web::get().to(to_account))
        .route("/account", web::get().to(show))
        .route("/account/real-name", web::post().to(state_real_name))
        .route("/account/real-name/confirmation", web::post().to(confirm_real_name))
        .route("/account/face-check", web::post().to(check_face));
}

async fn to_account(provider: Data<Provider>) -> HttpResponse {
    page::see_other(&provider.endpoints().at("/account"))
}

async fn show(provider: Data<Provider>, http: HttpRequest) -> HttpResponse {
    let browser = match Browser::of(&http, &provider) {
        Ok(browser) => browser,
        Err(refusal) => return page::refused(&refusal),
    };
    match visitor(&provider, &browser).await {
        Ok(Some(visitor)) => view::page(&provider, &browser, &visitor.account, None),
        Ok(None) => page::see_other(&provider.endpoints().at("/sign-in")),
        Err(refusal) => page::refused(&refusal),
    }
}

async fn state_real_name(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let (browser, form) = match page::form(&provider, &http, &body, &[FORM_TOKEN, "name", "id_number"]) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let (name, number) =
        (form.text("name").to_owned(), zeroize::Zeroizing::new(form.text("id_number").to_owned()));
    take(&provider, &browser, move |provider, subject| provider.state_real_name(subject, &name, &number))
        .await
}

async fn confirm_real_name(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    match page::form(&provider, &http, &body, &[FORM_TOKEN]) {
        Ok((browser, _)) => take(&provider, &browser, Provider::confirm_real_name).await,
        Err(response) => *response,
    }
}

async fn check_face(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    match page::form(&provider, &http, &body, &[FORM_TOKEN]) {
        Ok((browser, _)) => take(&provider, &browser, Provider::check_face).await,
        Err(response) => *response,
    }
}

/// Takes a step for the one who is signed in, and shows where they stand.
async fn take(
    provider: &Data<Provider>,
    browser: &Browser,
    step: impl FnOnce(&Provider, &str) -> Result<Account, Refusal> + Send + 'static,
) -> HttpResponse {
    let visitor = match visitor(provider, browser).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return page::see_other(&provider.endpoints().at("/sign-in")),
        Err(refusal) => return page::refused(&refusal),
    };
    let subject = visitor.account.subject.clone();
    match offload(provider, move |provider| step(provider, &subject)).await {
        Ok(_) => page::see_other(&provider.endpoints().at("/account")),
        Err(refusal) => view::page(provider, browser, &visitor.account, Some(&refusal)),
    }
}
