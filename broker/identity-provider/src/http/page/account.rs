//! The account page: where one stands, and the next step.

use actix_web::HttpResponse;
use maud::{Markup, html};
use yinqiao_lifecycle::identity::AssuranceLevel;

use super::{Page, field};
use crate::account::{Account, Standing};
use crate::http::browser::Browser;
use crate::provider::Provider;
use crate::refusal::Refusal;

/// The page.
pub(in crate::http) fn page(
    provider: &Provider,
    browser: &Browser,
    account: &Account,
    refusal: Option<&Refusal>,
) -> HttpResponse {
    let page = Page { provider, browser, title: ("我的账号", "Account"), refusal, leads_to: None };
    page.with(&html! {
        p { "用户名 " (account.user_name) "，手机号码 " (account.phone.masked()) }
        @if let Some(enterprise) = account.enterprise() {
            p { "法人用户：" (enterprise.name) "（" (enterprise.code) "）" }
        } @else {
            p { "个人用户" }
        }
        @if let Some(person) = account.standing.person() {
            p { (person.name) "，身份证号码 " (person.id_number.masked()) }
        }
        h2 { "认证等级 " small lang="en" { "Assurance" } }
        ol.levels {
            @for level in AssuranceLevel::ALL {
                li.reached[level <= account.standing.level()] { (label(level)) }
            }
        }
        (next(&page, account))
        (page.form("/sign-out", &html! { button { "退出登录 " small lang="en" { "Sign out" } } }))
    })
}

fn label(level: AssuranceLevel) -> &'static str {
    match level {
        AssuranceLevel::L1 => "L1 手机号码已确认",
        AssuranceLevel::L2 => "L2 已填写姓名和身份证号码",
        AssuranceLevel::L3 => "L3 实名认证",
        AssuranceLevel::L4 => "L4 实人认证（人脸比对）",
    }
}

fn next(page: &Page<'_>, account: &Account) -> Markup {
    let state = || {
        page.form(
            "/account/real-name",
            &html! {
                (field(("姓名", "Name"), &html! { input name="name" autocomplete="name" maxlength="100" required; }))
                (field(("身份证号码", "ID number"), &html! { input name="id_number" maxlength="18" required; }))
                button { "提交 " small lang="en" { "Submit" } }
            },
        )
    };
    match &account.standing {
        Standing::Registered => html! { h2 { "第二步：填写身份信息" } (state()) },
        Standing::Stated(_) => html! {
            h2 { "第三步：实名认证" }
            (page.form("/account/real-name/confirmation", &html! {
                button { "核验姓名和身份证号码 " small lang="en" { "Confirm" } }
            }))
            h2 { "更正身份信息 " small lang="en" { "Correct" } }
            (state())
        },
        Standing::Confirmed { .. } => html! { h2 { "第四步：实人认证" } (face(page)) },
        Standing::FaceChecked { at, .. } => html! {
            p { "全部认证已完成，人脸比对时间 " (at) "。" br;
                small lang="en" { "Every level is reached; the face was compared at that time (UTC)." } }
        },
    }
}

fn face(page: &Page<'_>) -> Markup {
    let is_pretended = page.provider.services().face.is_pretended();
    page.form(
        "/account/face-check",
        &html! {
            @if is_pretended {
                p.demo { "演示环境，不使用摄像头。" br;
                    small lang="en" { "This is a demonstration: no camera is used, nothing is compared." } }
                button { "假装面对摄像头 " small lang="en" { "Pretend to look into the camera" } }
            } @else {
                button { "开始人脸比对 " small lang="en" { "Compare my face" } }
            }
        },
    )
}
