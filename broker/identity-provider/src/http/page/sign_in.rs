//! The sign-in page.

use actix_web::HttpResponse;
use maud::{Markup, html};

use super::{Page, field};
use crate::account::UserKind;
use crate::http::browser::Browser;
use crate::oidc::{AuthorizationRequest, Scope};
use crate::provider::Provider;
use crate::refusal::Refusal;
use crate::sms::SmsCode;

/// How far the user is.
pub(in crate::http) enum Step {
    /// By password, or by having a code sent.
    Start,
    /// A code was asked for.
    Code {
        /// For the account of this kind.
        kind: UserKind,
        /// With this number, as the user typed it.
        phone: String,
        /// The code, in a demonstration.
        shown: Option<SmsCode>,
    },
}

/// The page; `asked` is the application's request that brought the user here.
pub(in crate::http) fn page(
    provider: &Provider,
    browser: &Browser,
    asked: Option<&AuthorizationRequest>,
    step: &Step,
    refusal: Option<&Refusal>,
) -> HttpResponse {
    let leads_to = asked.map(|asked| asked.redirect_uri.as_str());
    let page = Page { provider, browser, title: ("登录", "Sign in"), refusal, leads_to };
    let carried =
        html! { @if let Some(asked) = asked { input type="hidden" name="request" value=(asked.query); } };
    page.with(&html! {
        @if let Some(asked) = asked { (purpose(asked)) }
        @match step {
            Step::Start => (start(&page, &carried)),
            Step::Code { kind, phone, shown } => (code(&page, &carried, *kind, phone, shown.as_ref())),
        }
        @if asked.is_some() {
            (page.form("/sign-in/cancel", &html! { (carried) button { "取消" " " small lang="en" { "Cancel" } } }))
        }
        p { a href=(provider.endpoints().at("/register")) { "注册新账号" " " small lang="en" { "Register" } } }
    })
}

/// Which application will know what.
fn purpose(asked: &AuthorizationRequest) -> Markup {
    let told = asked.scopes.iter().map(|scope| match scope {
        Scope::OpenId => "账号标识",
        Scope::Profile => "姓名和用户名",
        Scope::Phone => "手机号码",
        Scope::Identity => "用户类型、身份证号码、企业信息、认证等级",
    });
    html! {
        p { "登录后，" strong { (asked.client_name) } " 将获得：" (told.collect::<Vec<_>>().join("；")) "。" br;
            small lang="en" { (asked.client_name) " will learn who you are, as listed." } }
    }
}

fn start(page: &Page<'_>, carried: &Markup) -> Markup {
    html! {
        h2 { "密码登录 " small lang="en" { "By password" } }
        (page.form("/sign-in", &html! {
            (carried)
            (field(("用户名", "User name"), &html! { input name="user_name" autocomplete="username" required; }))
            (field(("密码", "Password"), &html! {
                input type="password" name="password" autocomplete="current-password" maxlength="128" required;
            }))
            button { "登录" }
        }))
        h2 { "短信验证码登录 " small lang="en" { "By code" } }
        (page.form("/sign-in/code", &html! {
            (carried) (kinds(UserKind::Person)) (phone_field())
            button { "获取验证码 " small lang="en" { "Send code" } }
        }))
    }
}

fn code(page: &Page<'_>, carried: &Markup, kind: UserKind, phone: &str, shown: Option<&SmsCode>) -> Markup {
    html! {
        p { "如果 " (phone) " 已注册，验证码已发送。" br;
            small lang="en" { "If the number is registered, a code is on its way." } }
        (demonstration(shown))
        (page.form("/sign-in/by-code", &html! {
            (carried)
            input type="hidden" name="user_kind" value=(kind.as_str());
            input type="hidden" name="phone_number" value=(phone);
            (code_field())
            button { "登录" }
        }))
    }
}

/// The code in clear words, where nothing is sent.
pub(super) fn demonstration(shown: Option<&SmsCode>) -> Markup {
    html! {
        @if let Some(code) = shown {
            p.demo { "演示环境，不发送短信。您的验证码是 " strong { (code.expose()) } br;
                small lang="en" { "This is a demonstration: nothing is sent to any phone, the code is shown here." } }
        }
    }
}

/// Personal or legal-person user.
pub(super) fn kinds(checked: UserKind) -> Markup {
    html! {
        @for (kind, label) in [(UserKind::Person, "个人用户"), (UserKind::LegalPerson, "法人用户")] {
            label.choice {
                input type="radio" name="user_kind" value=(kind.as_str()) checked[kind == checked] required;
                span { " " (label) }
            }
        }
    }
}

pub(super) fn phone_field() -> Markup {
    field(
        ("手机号码", "Phone number"),
        &html! { input type="tel" name="phone_number" autocomplete="tel" required; },
    )
}

pub(super) fn code_field() -> Markup {
    field(
        ("短信验证码", "Code"),
        &html! {
            input name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" required;
        },
    )
}
