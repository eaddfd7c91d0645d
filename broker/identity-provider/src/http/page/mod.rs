//! Pages: HTML without scripts, Chinese with small English print.

pub(super) mod account;
pub(super) mod register;
pub(super) mod sign_in;
pub(super) mod sign_out;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use maud::{DOCTYPE, Markup, html};
use url::Url;

use super::browser::{Browser, FORM_TOKEN};
use super::status;
use crate::oidc::{Malformed, Parameters};
use crate::provider::Provider;
use crate::refusal::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.route("/style.css", web::get().to(style));
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header(("Cache-Control", "public, max-age=300"))
        .body(include_str!("style.css"))
}

/// A page of the provider for a browser; its forms may lead to `leads_to` as well.
pub(super) struct Page<'a> {
    /// The provider.
    pub(super) provider: &'a Provider,
    /// Who gets it.
    pub(super) browser: &'a Browser,
    /// The heading in Chinese and English.
    pub(super) title: (&'a str, &'a str),
    /// Why the form comes again.
    pub(super) refusal: Option<&'a Refusal>,
    /// An application's address that a form's answer redirects to.
    pub(super) leads_to: Option<&'a str>,
}

impl Page<'_> {
    /// The response.
    pub(super) fn with(&self, content: &Markup) -> HttpResponse {
        let status = self.refusal.map(status::of);
        let code = status.as_ref().map_or(StatusCode::OK, |status| match status.code {
            StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
            other => other,
        });
        let body = html! {
            @if let Some(refusal) = self.refusal {
                p.refusal role="alert" { (refusal.chinese()) br; small lang="en" { (refusal) } }
            }
            (content)
        };
        let style = self.provider.endpoints().at("/style.css");
        let mut response = document(code, self.title, &body, Some(&style), self.leads_to);
        if let Some(seconds) = status.and_then(|status| status.retry_after) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.browser.name(&mut response) {
            Ok(()) => response,
            Err(refusal) => refused(&refusal),
        }
    }

    /// A form that posts to `path`, with its token.
    pub(super) fn form(&self, path: &str, content: &Markup) -> Markup {
        html! {
            form method="post" action=(self.provider.endpoints().at(path)) {
                input type="hidden" name=(FORM_TOKEN) value=(*self.browser.form_token(self.provider));
                (content)
            }
        }
    }
}

/// A labelled field.
pub(super) fn field(label: (&str, &str), input: &Markup) -> Markup {
    html! { label { span { (label.0) " " small lang="en" { (label.1) } } (input) } }
}

fn document(
    code: StatusCode,
    title: (&str, &str),
    body: &Markup,
    style: Option<&str>,
    leads_to: Option<&str>,
) -> HttpResponse {
    let leads_to = leads_to.and_then(|url| Url::parse(url).ok()).map_or_else(String::new, |url| {
        if url.has_host() && url.origin().is_tuple() {
            format!(" {}", url.origin().ascii_serialization())
        } else {
            format!(" {}:", url.scheme())
        }
    });
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{leads_to}; frame-ancestors 'none'; base-uri 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title.0) " · 印桥身份" }
                @if let Some(style) = style { link rel="stylesheet" href=(style); }
            }
            body {
                main {
                    h1 { (title.0) " " small lang="en" { (title.1) } }
                    (body)
                }
                footer { "演示用身份服务，请勿填写真实信息。" br;
                    small lang="en" { "An identity provider for demonstrations: do not enter real data." } }
            }
        }
    };
    HttpResponse::build(code)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .body(page.into_string())
}

/// A page that only says something.
pub(super) fn message(code: StatusCode, title: &str, chinese: &str, english: &str) -> HttpResponse {
    let body = html! { p { (chinese) br; small lang="en" { (english) } } };
    document(code, (title, ""), &body, None, None)
}

/// A refusal that belongs to no form.
pub(super) fn refused(refusal: &Refusal) -> HttpResponse {
    let status = status::of(refusal);
    message(status.code, "操作未完成", &refusal.chinese(), &refusal.to_string())
}

/// 404
pub(super) async fn not_found() -> HttpResponse {
    message(StatusCode::NOT_FOUND, "页面不存在", "没有这个页面。", "There is no such page.")
}

/// 415
pub(super) fn not_a_form() -> HttpResponse {
    message(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "请求有误",
        "请求格式不正确。",
        "The body must be application/x-www-form-urlencoded.",
    )
}

/// 400
pub(super) fn malformed(error: &Malformed) -> HttpResponse {
    message(StatusCode::BAD_REQUEST, "请求有误", "请求内容不正确。", &error.to_string())
}

/// Elsewhere, by GET.
pub(super) fn see_other(url: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish()
}

/// Whether the body says that it is a form.
pub(super) fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The browser and the fields of a form that a page of this provider gave it.
pub(super) fn form(
    provider: &Provider,
    request: &HttpRequest,
    body: &[u8],
    fields: &[&str],
) -> Result<(Browser, Parameters), Box<HttpResponse>> {
    if !is_form(request) {
        return Err(Box::new(not_a_form()));
    }
    let form = Parameters::parse_form(body, fields).map_err(|error| Box::new(malformed(&error)))?;
    let browser = Browser::of(request, provider).map_err(|refusal| Box::new(refused(&refusal)))?;
    browser.sent(provider, &form).map_err(|_| {
        Box::new(message(
            StatusCode::FORBIDDEN,
            "页面已过期",
            "该页面已过期或不是由本站打开，请返回重新操作。",
            "This form is not one that this browser got here, or its session is over: go back, reload, try again.",
        ))
    })?;
    Ok((browser, form))
}
