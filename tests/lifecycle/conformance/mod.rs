//! Schemathesis holds the broker's answers against the broker's own OpenAPI document, for everybody who may call.
//!
//! It is a Python package, which `cargo xtask test` installs into the workspace's `.tools/venv`. Without it each test prints
//! a line `NOT RUN:` and passes without having judged. Every run asks the same: `schemathesis.toml` has the seed.
#![allow(clippy::print_stdout, reason = "what a test says that judged nothing")]

mod proxy;
pub mod things;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use yinqiao_phone::AccountClient;

use self::proxy::{Credentials, Proxy};
use self::things::Things;
use crate::stage::Stage;

const VERSION: &str = "4.32.5";
const SETTINGS: &str = include_str!("schemathesis.toml");
/// Whom everything but signing in is refused. A wrong method is refused before it is asked who calls: once is enough.
const OF_NOBODY: &str = r#"
[phases.fuzzing.generation]
max-examples = 3

[checks.ignored_auth]
enabled = true
"#;
/// The rest is the other family's: users have no token of staff, and staff no phone.
const OF_SOMEBODY: &str = r#"
[phases.fuzzing.generation]
max-examples = 8

[phases.coverage]
unexpected-methods = []

# The proxy adds them to the requests that Schemathesis means to be without.
[checks.ignored_auth]
enabled = false

[[operations]]
include-path-regex = "THE_REST"
generation.max-examples = 2
phases.coverage.enabled = false
"#;
/// What ends something for good comes last: no company, no members. All else is asked while there is something to ask about.
const FINAL: [&str; 16] = [
    "approve_succession",
    "cancel_order",
    "delete_enterprise",
    "disable_staff",
    "leave",
    "operator_revoke_certificate",
    "operator_revoke_seal",
    "reject_order",
    "reject_recovery",
    "remove_member",
    "revoke_certificate",
    "revoke_seal",
    "staff_approve_succession",
    "staff_cancel_order",
    "staff_reject_order",
    "withdraw_recovery",
];
/// The fewest requests that make a run one that has judged: every operation gets ten or so.
const FEWEST: usize = 800;
/// And the fewest of them that were carried out: a caller who is refused everything proves little. The security officer, who
/// may do least, has some 35.
const FEWEST_DONE: usize = 25;

/// The program, where this version of it is installed.
fn schemathesis(test: &str) -> Option<PathBuf> {
    let install =
        format!("run `cargo xtask test`, or have .tools/venv/bin/pip install schemathesis=={VERSION}");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/schemathesis");
    let Ok(output) = Command::new(&program).arg("--version").output() else {
        println!("NOT RUN: Schemathesis, {test}: the package is missing; {install}");
        return None;
    };
    if !String::from_utf8_lossy(&output.stdout).contains(VERSION) {
        println!("NOT RUN: Schemathesis, {test}: another version is installed; {install}");
        return None;
    }
    Some(program)
}

/// Judges the broker's answers to whoever calls: all that can be asked at what may be theirs, and a little at the rest, where
/// every answer is that it is not.
fn judge(program: &Path, stage: &Stage, things: &Things, credentials: Credentials) {
    let nobody = matches!(credentials, Credentials::Nobody);
    let more = match credentials {
        Credentials::Nobody => OF_NOBODY.to_owned(),
        Credentials::User(_) => OF_SOMEBODY.replace("THE_REST", "^/v1/operator/"),
        Credentials::Staff(_) => OF_SOMEBODY.replace("THE_REST", "^/v1/(?!operator/)"),
    };
    let proxy = Proxy::start(&stage.broker.url(), credentials);
    let folder = stage.broker.folder();
    let settings = folder.join("schemathesis.toml");
    fs::write(&settings, format!("{SETTINGS}{more}{}", things.settings())).unwrap();
    for choice in ["--exclude-operation-id", "--include-operation-id"] {
        let output = Command::new(program)
            .arg("--config-file")
            .arg(&settings)
            .args(["run", &format!("{}/v1/openapi.json", proxy.url()), "--url", &proxy.url(), "--no-color"])
            .args(FINAL.iter().flat_map(|operation| [choice, operation]))
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        assert!(output.status.success(), "{:?}\n{}", proxy.statuses(), String::from_utf8_lossy(&said));
    }
    let statuses = proxy.statuses();
    assert!(statuses.values().sum::<usize>() >= FEWEST, "{statuses:?}");
    let done: usize = statuses.range(200..300).map(|(_, count)| count).sum();
    assert!(nobody || done >= FEWEST_DONE, "next to nothing was done: {statuses:?}");
}

#[test]
fn a_member_of_a_company_gets_only_documented_answers() {
    let Some(program) = schemathesis("a member") else { return };
    let stage = Stage::new();
    let things = Things::new(&stage);
    judge(&program, &stage, &things, Credentials::User(Box::new(things.member.account.clone())));
    is_still_signed_in(&things.member.account);
}

#[test]
fn a_legal_person_gets_only_documented_answers() {
    let Some(program) = schemathesis("a legal person") else { return };
    let stage = Stage::new();
    let things = Things::new(&stage);
    judge(&program, &stage, &things, Credentials::User(Box::new(things.legal_person.account.clone())));
    is_still_signed_in(&things.legal_person.account);
}

#[test]
fn an_operator_gets_only_documented_answers() {
    staff("operator");
}

#[test]
fn an_auditor_gets_only_documented_answers() {
    staff("auditor");
}

#[test]
fn a_security_officer_gets_only_documented_answers() {
    staff("security-officer");
}

#[test]
fn who_is_nobody_gets_only_documented_answers_and_nothing_that_is_not_public() {
    let Some(program) = schemathesis("nobody") else { return };
    let stage = Stage::new();
    let things = Things::new(&stage);
    judge(&program, &stage, &things, Credentials::Nobody);
}

fn staff(role: &str) {
    let Some(program) = schemathesis(role) else { return };
    let stage = Stage::new();
    let things = Things::new(&stage);
    let token = stage.broker.operator(&["staff", "add", "caller", "--role", role]).trim().to_owned();
    judge(&program, &stage, &things, Credentials::Staff(token.clone()));
    let (status, _) = stage.try_as_staff(&token, "/v1/operator/staff", &Value::Null);
    assert_ne!(status, 401);
}

/// Otherwise most of the answers were that it is not.
fn is_still_signed_in(account: &AccountClient) {
    let _: Value = account.get("/v1/account").unwrap().value;
}
