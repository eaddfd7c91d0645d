//! Nobody sees or changes what isn't theirs: every endpoint of the broker's own OpenAPI document, called by everybody.
//!
//! The document's security arrays say who may call. Whoever may not gets 401, 403 or 404 and nothing else, for a request that
//! can be read and is about things that exist: the same request is granted to one of those who are named, and no body is refused
//! for what it says.

mod company;
mod document;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use ureq::http::Request;

use yinqiao_protocol::dpop::{self, prove};

use self::company::{Caller, Company, Set};
use self::document::{Operation, operations};
use crate::stage::{Stage, User};

/// What ends something, in an order in which each can be done.
const LAST: [&str; 26] = [
    "suspend_certificate",
    "resume_certificate",
    "operator_suspend_certificate",
    "operator_resume_certificate",
    "reject_application",
    "cancel_order",
    "staff_cancel_order",
    "reject_order",
    "staff_reject_order",
    "staff_fail_order",
    "withdraw_recovery",
    "reject_recovery",
    "revoke_certificate",
    "operator_revoke_certificate",
    "revoke_seal",
    "operator_revoke_seal",
    "remove_member",
    "leave",
    "withdraw_succession",
    "reject_succession",
    "staff_reject_succession",
    "approve_succession",
    "staff_approve_succession",
    "end_session",
    "disable_staff",
    "delete_enterprise",
];
/// What need not be granted: decided the other way before, decided by others here, or retried though nothing failed.
const DECIDED_OTHERWISE: [&str; 14] = [
    "approve_succession",
    "cancel_seal_application",
    "reject_application",
    "reject_order",
    "reject_recovery",
    "reject_succession",
    "retry_job",
    "retry_removal",
    "staff_approve_order",
    "staff_approve_succession",
    "staff_cancel_order",
    "staff_fail_order",
    "staff_reject_order",
    "staff_reject_succession",
];
/// Calls at once.
const LANES: usize = 4;
/// The fewest calls of a table that has been gone through.
const FEWEST: usize = 1_500;

/// With what somebody calls.
enum Credentials<'a> {
    Nothing,
    Phone(&'a User),
    Token(&'a str),
}

/// One request.
struct Call<'a> {
    operation: &'a Operation,
    path: String,
    caller: Caller,
    credentials: &'a Credentials<'a>,
    named: bool,
}

impl Call<'_> {
    /// Sends it; gives the status.
    fn send(&self, broker_url: &str) -> u16 {
        let url = format!("{broker_url}{}", self.path);
        let method = self.operation.method.as_str();
        let mut request = Request::builder()
            .method(method)
            .uri(&url)
            .header("Idempotency-Key", uuid())
            .header("If-Match", self.version());
        match self.credentials {
            Credentials::Nothing => {}
            Credentials::Token(token) => {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            Credentials::Phone(user) => {
                let token = &user.account.session().access_token;
                let plain = url.split('?').next().unwrap();
                let about = dpop::Request { method, url: plain, access_token: Some(token) };
                let key = user.account.phone().store().device_key();
                let proof = prove(key, about, yinqiao_tests::relying_party::now(), &uuid()).unwrap();
                request =
                    request.header("Authorization", format!("DPoP {}", token.expose())).header("DPoP", proof);
            }
        }
        let body = self.operation.body.as_ref();
        if let Some((media_type, _)) = body {
            request = request.header("Content-Type", media_type);
        }
        let request = request.body(body.map_or(&[][..], |(_, bytes)| bytes)).unwrap();
        yinqiao_tests::relying_party::agent().run(request).unwrap().status().as_u16()
    }

    /// The version of what is changed, for those who can read it.
    fn version(&self) -> String {
        let (true, "PUT", Credentials::Phone(user)) =
            (self.named, self.operation.method.as_str(), self.credentials)
        else {
            return "\"1\"".to_owned();
        };
        let thing = self.path.trim_end_matches("/usage");
        user.account.get::<Value>(thing).unwrap().version.unwrap()
    }

    fn is_answered(&self, status: u16) -> bool {
        let decides = ["/approve", "/reject"].iter().any(|end| self.path.ends_with(end));
        match (self.named, self.caller) {
            // Forbidden are orders that somebody else decides, and to succeed whoever does not lead at the register.
            (true, _) => {
                !matches!(status, 400 | 401 | 422 | 500..)
                    && (status != 403 || decides || self.operation.id == "request_succession")
            }
            (false, Caller::Nobody | Caller::Disabled) => status == 401,
            (false, Caller::Operator | Caller::Auditor | Caller::SecurityOfficer) => {
                matches!(status, 401 | 403 | 404)
            }
            // Nobody is told that somebody else has it.
            (false, _) if self.operation.path.starts_with("/v1/account/") => status == 404,
            (false, _) => matches!(status, 401 | 403 | 404),
        }
    }
}

fn uuid() -> String {
    yinqiao_protocol::OrderId::random().to_string()
}

/// Whether the document names this caller, for things of that set.
fn is_named(operation: &Operation, caller: Caller, set: &Set) -> bool {
    let user = !matches!(
        caller,
        Caller::Nobody | Caller::Operator | Caller::Auditor | Caller::SecurityOfficer | Caller::Disabled
    );
    let verified = user && caller != Caller::Unverified;
    let leads =
        matches!(caller, Caller::LegalPerson | Caller::Usurper | Caller::Former | Caller::OtherLegalPerson);
    let of_nobody = !operation.path.contains('{');
    operation.roles.iter().any(|role| match (role.as_str(), operation.id.as_str()) {
        ("operator", _) => caller == Caller::Operator,
        ("auditor", _) => caller == Caller::Auditor,
        ("security_officer", _) => caller == Caller::SecurityOfficer,
        ("legal_person", _) => caller == Caller::LegalPerson,
        ("member", _) => caller == Caller::Member,
        // The body says for which company.
        (_, "place_order") => matches!(caller, Caller::LegalPerson | Caller::Member),
        // What anybody may ask of a company.
        (_, "apply_to_join") => verified && !leads,
        (_, "request_succession") => verified,
        // One's own part in it.
        (_, "leave" | "withdraw_application") => {
            matches!(caller, Caller::Member | Caller::Applicant | Caller::Leaver)
        }
        (_, "withdraw_succession") => caller == Caller::Usurper,
        ("user", _) => user && (of_nobody || caller == set.owner),
        ("verified", _) => verified && (of_nobody || caller == set.owner),
        (other, id) => panic!("{id} names {other}"),
    })
}

/// When an operation is called by those whom it names.
fn turn(operation: &Operation) -> usize {
    let last = LAST.iter().position(|id| *id == operation.id);
    last.map_or(usize::from(operation.method != "GET"), |position| 2 + position)
}

#[test]
fn every_endpoint_answers_those_whom_its_document_names_and_nobody_else() {
    let stage = Stage::new();
    let company = Company::new(&stage);
    let mut callers = vec![(Caller::Nobody, Credentials::Nothing)];
    callers.extend(company.users().map(|(caller, user)| (caller, Credentials::Phone(user))));
    callers.extend(company.staff.iter().map(|(caller, token)| (*caller, Credentials::Token(token))));
    let operations = operations(&stage.broker, &company.examples());
    assert!(LAST.iter().all(|id| operations.iter().any(|operation| operation.id == *id)));
    let mut calls = Vec::new();
    for operation in &operations {
        let mut is_about = false;
        for set in &company.sets {
            let Some(path) = set.path(operation) else { continue };
            is_about = true;
            for (caller, credentials) in &callers {
                let named = is_named(operation, *caller, set);
                calls.push(Call { operation, path: path.clone(), caller: *caller, credentials, named });
            }
            if !operation.path.contains('{') {
                break;
            }
        }
        assert!(is_about, "{} needs something that this test does not know", operation.path);
    }
    let (mut named, others): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.named);
    named.sort_by_key(|call| turn(call.operation));

    let wrong = Mutex::new(Vec::new());
    let judge = |call: &Call<'_>| {
        let status = call.send(&stage.broker.url());
        if !call.is_answered(status) {
            let who = if call.named { "named" } else { "not named" };
            let line = format!(
                "{} {} ({}) as {:?}, who is {who}: {status}",
                call.operation.method, call.path, call.operation.id, call.caller
            );
            wrong.lock().unwrap().push(line);
        }
        status
    };
    // Nothing that they ask is done, so that all of them can ask at once.
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(call) = others.get(next.fetch_add(1, Ordering::Relaxed)) {
                    judge(call);
                }
            });
        }
    });
    let mut granted: BTreeMap<&str, bool> = BTreeMap::new();
    for call in &named {
        let status = judge(call);
        *granted.entry(&call.operation.id).or_default() |= (200..300).contains(&status);
    }
    for operation in &operations {
        let id = operation.id.as_str();
        if granted.get(id) == Some(&true) || DECIDED_OTHERWISE.contains(&id) {
            continue;
        }
        wrong.lock().unwrap().push(format!("{} {} is granted to nobody", operation.method, operation.id));
    }
    let (wrong, calls) = (wrong.into_inner().unwrap(), named.len() + others.len());
    assert!(calls > FEWEST, "{calls}");
    assert!(wrong.is_empty(), "{} of {calls}:\n{}", wrong.len(), wrong.join("\n"));
}
