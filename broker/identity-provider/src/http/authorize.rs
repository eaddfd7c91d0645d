//! The authorization endpoint and the sign-in that it asks for.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::browser::{Browser, FORM_TOKEN};
use super::offload;
use super::page::{self, sign_in as view};
use crate::account::UserKind;
use crate::oidc::{AuthorizationRequest, Parameters, Prompt, RequestError};
use crate::provider::{Credentials, Provider, Visitor};
use crate::refusal::{Field, Refusal};
use crate::sms::Purpose;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/authorize").route(web::get().to(by_query)).route(web::post().to(by_form)))
        .service(
            web::resource("/sign-in")
                .route(web::get().to(without_request))
                .route(web::post().to(by_password)),
        )
        .route("/sign-in/code", web::post().to(send_code))
        .route("/sign-in/by-code", web::post().to(by_code))
        .route("/sign-in/cancel", web::post().to(cancel));
}

async fn by_query(provider: Data<Provider>, request: HttpRequest) -> HttpResponse {
    authorize(&provider, &request, request.query_string()).await
}

/// Core section 3.1.2.1 has both methods. Browsers send no session with a form of another site, so the user signs in.
async fn by_form(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match std::str::from_utf8(&body) {
        Ok(query) if page::is_form(&request) => authorize(&provider, &request, query).await,
        _ => page::not_a_form(),
    }
}

async fn authorize(provider: &Data<Provider>, http: &HttpRequest, query: &str) -> HttpResponse {
    let asked = match AuthorizationRequest::parse(query, provider.settings()) {
        Ok(asked) => asked,
        Err(error) => return fault(provider, &error),
    };
    let browser = match Browser::of(http, provider) {
        Ok(browser) => browser,
        Err(refusal) => return page::refused(&refusal),
    };
    match visitor(provider, &browser).await {
        Ok(Some(visitor)) if !provider.needs_sign_in(&visitor, &asked) => {
            match give_code(provider, visitor, asked).await {
                Ok(url) => page::see_other(&url),
                Err(refusal) => page::refused(&refusal),
            }
        }
        Ok(_) if asked.prompt == Prompt::Never => {
            fault(provider, &asked.tell("login_required", "nobody is signed in, or not freshly enough"))
        }
        Ok(_) => view::page(provider, &browser, Some(&asked), &view::Step::Start, None),
        Err(refusal) => page::refused(&refusal),
    }
}

async fn without_request(provider: Data<Provider>, http: HttpRequest) -> HttpResponse {
    match Browser::of(&http, &provider) {
        Ok(browser) => view::page(&provider, &browser, None, &view::Step::Start, None),
        Err(refusal) => page::refused(&refusal),
    }
}

async fn by_password(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = [FORM_TOKEN, "request", "user_name", "password"];
    let (browser, form, asked) = match form(&provider, &http, &body, &fields) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let credentials = Credentials::Password {
        user_name: form.text("user_name").to_owned(),
        password: form.text("password").to_owned().into(),
    };
    sign_in(&provider, &browser, asked, credentials, view::Step::Start).await
}

async fn send_code(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = [FORM_TOKEN, "request", "user_kind", "phone_number"];
    let (browser, form, asked) = match form(&provider, &http, &body, &fields) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let (phone, from) = (form.text("phone_number").to_owned(), browser.from);
    let kind = match kind(&form) {
        Ok(kind) => kind,
        Err(refusal) => {
            return view::page(&provider, &browser, asked.as_ref(), &view::Step::Start, Some(&refusal));
        }
    };
    let sent =
        offload(&provider, move |provider| provider.send_code(Purpose::SignIn(kind), &phone, from)).await;
    let (step, refusal) = match sent {
        Ok(sent) => {
            (view::Step::Code { kind, phone: sent.phone.as_str().to_owned(), shown: sent.shown }, None)
        }
        Err(refusal) => (view::Step::Start, Some(refusal)),
    };
    view::page(&provider, &browser, asked.as_ref(), &step, refusal.as_ref())
}

async fn by_code(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = [FORM_TOKEN, "request", "user_kind", "phone_number", "code"];
    let (browser, form, asked) = match form(&provider, &http, &body, &fields) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let user_kind = match kind(&form) {
        Ok(kind) => kind,
        Err(refusal) => {
            return view::page(&provider, &browser, asked.as_ref(), &view::Step::Start, Some(&refusal));
        }
    };
    let phone_number = form.text("phone_number").to_owned();
    let step = view::Step::Code { kind: user_kind, phone: phone_number.clone(), shown: None };
    let code = form.text("code").to_owned().into();
    sign_in(&provider, &browser, asked, Credentials::SmsCode { user_kind, phone_number, code }, step).await
}

/// The user does not want to.
async fn cancel(provider: Data<Provider>, http: HttpRequest, body: Bytes) -> HttpResponse {
    match form(&provider, &http, &body, &[FORM_TOKEN, "request"]) {
        Ok((_, _, Some(asked))) => fault(&provider, &asked.tell("access_denied", "the user cancelled")),
        Ok((_, _, None)) => page::see_other(&provider.endpoints().at("/sign-in")),
        Err(response) => *response,
    }
}

async fn sign_in(
    provider: &Data<Provider>,
    browser: &Browser,
    asked: Option<AuthorizationRequest>,
    credentials: Credentials,
    step: view::Step,
) -> HttpResponse {
    let (from, former) = (browser.from, browser.session());
    let signed_in = offload(provider, move |provider| {
        let signed_in = provider.sign_in(&credentials, from)?;
        if let Some(former) = former {
            provider.sign_out(&former);
        }
        let visitor = provider.visitor(signed_in.session.expose())?;
        Ok((signed_in, visitor))
    })
    .await;
    let (signed_in, visitor) = match signed_in {
        Ok(signed_in) => signed_in,
        Err(refusal) => return view::page(provider, browser, asked.as_ref(), &step, Some(&refusal)),
    };
    let to = match asked {
        None => Ok(provider.endpoints().at("/account")),
        Some(asked) => give_code(provider, visitor, asked).await,
    };
    let answered = to.map(|url| page::see_other(&url)).and_then(|mut response| {
        browser.sign_in(&mut response, &signed_in)?;
        Ok(response)
    });
    answered.unwrap_or_else(|refusal| page::refused(&refusal))
}

async fn give_code(
    provider: &Data<Provider>,
    visitor: Visitor,
    asked: AuthorizationRequest,
) -> Result<String, Refusal> {
    offload(provider, move |provider| provider.authorize(&visitor, &asked).map(String::from)).await
}

/// Who is signed in, if anybody.
pub(super) async fn visitor(
    provider: &Data<Provider>,
    browser: &Browser,
) -> Result<Option<Visitor>, Refusal> {
    let Some(session) = browser.session() else { return Ok(None) };
    match offload(provider, move |provider| provider.visitor(&session)).await {
        Ok(visitor) => Ok(Some(visitor)),
        Err(Refusal::SignedOut) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Browser, fields, and the application's request that the form carries, read anew.
fn form(
    provider: &Provider,
    http: &HttpRequest,
    body: &[u8],
    fields: &[&str],
) -> Result<(Browser, Parameters, Option<AuthorizationRequest>), Box<HttpResponse>> {
    let (browser, form) = page::form(provider, http, body, fields)?;
    let asked = form
        .get("request")
        .map(|query| AuthorizationRequest::parse(query, provider.settings()))
        .transpose()
        .map_err(|error| fault(provider, &error))?;
    Ok((browser, form, asked))
}

/// The kind that a form names.
pub(super) fn kind(form: &Parameters) -> Result<UserKind, Refusal> {
    UserKind::parse(form.text("user_kind"))
        .ok_or_else(|| Refusal::invalid(Field::UserKind, "person or legal_person"))
}

fn fault(provider: &Provider, error: &RequestError) -> HttpResponse {
    match (error, error.answer(&provider.settings().issuer)) {
        (RequestError::Tell { .. }, Some(url)) => page::see_other(url.as_str()),
        (RequestError::Stay(reason), _) => page::message(
            StatusCode::BAD_REQUEST,
            "登录请求有误",
            "应用发来的登录请求不正确，请返回应用重新登录。",
            &format!("The application's request does not fit: {reason}."),
        ),
        (RequestError::Tell { description, .. }, None) => {
            page::message(StatusCode::BAD_REQUEST, "登录请求有误", "应用的返回地址不正确。", description)
        }
    }
}
