//! Registration: a code to the phone first, then the account.

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::authorize::kind;
use super::browser::{Browser, FORM_TOKEN};
use super::offload;
use super::page::{self, register as view};
use crate::account::RegistrationFields;
use crate::provider::Provider;
use crate::sms::Purpose;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/register").route(web::get().to(start)).route(web::post().to(register)))
        .route("/register/code", web::post().to(send_code));
}

async fn start(provider: Data<Provider>, http: HttpRequest) -> HttpResponse {
    match Browser::of(&http, &provider) {
        Ok(browser) => view::start(&provider, &browser, None),
        Err(refusal) => page::refused(&refusal),
    }
}

async fn send_code(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let (browser, form) =
        match page::form(&provider, &http, &body, &[FORM_TOKEN, "user_kind", "phone_number"]) {
            Ok(read) => read,
            Err(response) => return *response,
        };
    let kind = match kind(&form) {
        Ok(kind) => kind,
        Err(refusal) => return view::start(&provider, &browser, Some(&refusal)),
    };
    let (phone, from) = (form.text("phone_number").to_owned(), browser.from);
    match offload(&provider, move |provider| provider.send_code(Purpose::Register, &phone, from)).await {
        Ok(sent) => {
            let filled = view::Filled::only(kind, sent.phone.as_str());
            view::fields(&provider, &browser, &filled, sent.shown.as_ref(), None)
        }
        Err(refusal) => view::start(&provider, &browser, Some(&refusal)),
    }
}

async fn register(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let known = [
        FORM_TOKEN,
        "user_kind",
        "phone_number",
        "code",
        "user_name",
        "password",
        "enterprise_name",
        "enterprise_code",
    ];
    let (browser, form) = match page::form(&provider, &http, &body, &known) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let kind = match kind(&form) {
        Ok(kind) => kind,
        Err(refusal) => return view::start(&provider, &browser, Some(&refusal)),
    };
    let fields = RegistrationFields {
        user_kind: kind,
        user_name: form.text("user_name").to_owned(),
        password: form.text("password").to_owned().into(),
        phone_number: form.text("phone_number").to_owned(),
        code: form.text("code").to_owned().into(),
        enterprise_name: form.get("enterprise_name").map(str::to_owned),
        enterprise_code: form.get("enterprise_code").map(str::to_owned),
    };
    let from = browser.from;
    match offload(&provider, move |provider| provider.register(&fields, from)).await {
        Ok(_) => page::see_other(&provider.endpoints().at("/sign-in")),
        Err(refusal) => {
            let filled = view::Filled {
                kind,
                phone: form.text("phone_number"),
                user_name: form.text("user_name"),
                enterprise_name: form.text("enterprise_name"),
                enterprise_code: form.text("enterprise_code"),
            };
            view::fields(&provider, &browser, &filled, None, Some(&refusal))
        }
    }
}
