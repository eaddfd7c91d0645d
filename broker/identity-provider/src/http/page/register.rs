//! The pages of registration.

use actix_web::HttpResponse;
use maud::html;

use super::sign_in::{code_field, demonstration, kinds, phone_field};
use super::{Page, field};
use crate::account::UserKind;
use crate::http::browser::Browser;
use crate::provider::Provider;
use crate::refusal::Refusal;
use crate::sms::SmsCode;

/// What the user has filled in so far, but for secrets.
pub(in crate::http) struct Filled<'a> {
    pub(in crate::http) kind: UserKind,
    pub(in crate::http) phone: &'a str,
    pub(in crate::http) user_name: &'a str,
    pub(in crate::http) enterprise_name: &'a str,
    pub(in crate::http) enterprise_code: &'a str,
}

impl Filled<'_> {
    /// Nothing but the kind and the number.
    pub(in crate::http) fn only(kind: UserKind, phone: &str) -> Filled<'_> {
        Filled { kind, phone, user_name: "", enterprise_name: "", enterprise_code: "" }
    }
}

/// Which kind of user, and the number.
pub(in crate::http) fn start(
    provider: &Provider,
    browser: &Browser,
    refusal: Option<&Refusal>,
) -> HttpResponse {
    let page = Page { provider, browser, title: ("注册", "Register"), refusal, leads_to: None };
    page.with(&page.form(
        "/register/code",
        &html! {
            (kinds(UserKind::Person)) (phone_field())
            button { "获取验证码 " small lang="en" { "Send code" } }
        },
    ))
}

/// The code and all else.
pub(in crate::http) fn fields(
    provider: &Provider,
    browser: &Browser,
    filled: &Filled<'_>,
    shown: Option<&SmsCode>,
    refusal: Option<&Refusal>,
) -> HttpResponse {
    let page = Page { provider, browser, title: ("注册", "Register"), refusal, leads_to: None };
    let shortest = provider.settings().limits.shortest_password;
    let label = match filled.kind {
        UserKind::Person => "个人用户",
        UserKind::LegalPerson => "法人用户",
    };
    page.with(&html! {
        p { (label) "，手机号码 " (filled.phone) "。" }
        (demonstration(shown))
        (page.form("/register", &html! {
            input type="hidden" name="user_kind" value=(filled.kind.as_str());
            input type="hidden" name="phone_number" value=(filled.phone);
            (code_field())
            (field(("用户名", "User name"), &html! {
                input name="user_name" value=(filled.user_name) autocomplete="username" required;
            }))
            (field(("密码", "Password"), &html! {
                input type="password" name="password" autocomplete="new-password" minlength=(shortest)
                    maxlength="128" required;
            }))
            p { small { "密码至少 " (shortest) " 个字符，可用一句话。" } }
            @if filled.kind == UserKind::LegalPerson {
                (field(("企业名称", "Enterprise"), &html! {
                    input name="enterprise_name" value=(filled.enterprise_name) required;
                }))
                (field(("统一社会信用代码", "Credit code"), &html! {
                    input name="enterprise_code" value=(filled.enterprise_code) maxlength="18" required;
                }))
            }
            button { "注册" }
        }))
        p { a href=(provider.endpoints().at("/register")) { "重新获取验证码 " small lang="en" { "Another code" } } }
    })
}
