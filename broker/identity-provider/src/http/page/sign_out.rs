//! The question whether to sign out.

use actix_web::HttpResponse;
use maud::html;

use super::Page;
use crate::http::browser::Browser;
use crate::provider::Provider;

/// The page; `request` is the application's, as it came, and `then` where its answer leads.
pub(in crate::http) fn page(
    provider: &Provider,
    browser: &Browser,
    request: &str,
    then: Option<&str>,
) -> HttpResponse {
    let page = Page { provider, browser, title: ("退出登录", "Sign out"), refusal: None, leads_to: then };
    page.with(&html! {
        p { "确定要退出登录吗？" br; small lang="en" { "Do you want to sign out?" } }
        (page.form("/sign-out", &html! {
            input type="hidden" name="request" value=(request);
            button { "退出登录 " small lang="en" { "Sign out" } }
        }))
        p { a href=(provider.endpoints().at("/account")) { "返回 " small lang="en" { "Back" } } }
    })
}
