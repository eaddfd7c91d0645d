//! OpenSSL's mock server as a CA that refuses, or whose answers cannot be believed.

use serde_json::json;
use yinqiao_ca_sdk::messages::{LookupQuery, LookupReply};
use yinqiao_ca_sdk::{AdapterError, ErrorClass, LocalInstance};

use super::fixture::Pki;
use super::mock_server::MockServer;
use super::{configuration, error, host, issue, mac_host, revoke};
use crate::RA_KEY;

fn granting_pki() -> Pki {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    pki
}

/// What an issue comes to with these arguments of the server, and the lookup after it.
fn outcome(arguments: &[&str], more: serde_json::Value) -> (AdapterError, Result<LookupReply, ErrorClass>) {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, arguments);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let ca = host.open(&document).unwrap();
    let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
    (refused, looked_up(&ca))
}

fn looked_up(ca: &LocalInstance<'_>) -> Result<LookupReply, ErrorClass> {
    let query = LookupQuery::IdempotencyKey("order-1".to_owned().try_into().unwrap());
    ca.lookup(&query).map_err(|error| error.class().unwrap())
}

#[test]
fn a_rejection_is_permanent_with_the_cas_code_and_text_and_nothing_was_done() {
    // With -send_error the mock server has words and bits of its own.
    for (arguments, code, text) in [
        (
            &["-pkistatus", "2", "-failure", "9", "-statusstring", "no proof of possession"][..],
            "badPOP",
            "no proof of possession",
        ),
        (&["-send_error"], "badRequest", "error processing message"),
    ] {
        let (refused, after) = outcome(arguments, json!({}));
        assert_eq!(refused.class, ErrorClass::Permanent, "{arguments:?}: {refused:?}");
        assert!(refused.vendor_code.as_deref().unwrap().contains(code), "{refused:?}");
        assert!(refused.text.contains(text), "{}", refused.text);
        assert!(matches!(after, Ok(LookupReply::Absent)));
    }
}

#[test]
fn each_failure_of_the_ca_has_its_class() {
    for (bit, class) in [
        ("24", ErrorClass::Unhealthy),
        ("25", ErrorClass::Unhealthy),
        ("23", ErrorClass::Authentication),
        ("20", ErrorClass::Authentication),
        ("2", ErrorClass::Permanent),
        ("21", ErrorClass::UnknownOutcome),
    ] {
        let (refused, _) = outcome(&["-pkistatus", "2", "-failure", bit], json!({}));
        assert_eq!(refused.class, class, "bit {bit}: {refused:?}");
    }
}

#[test]
fn replies_whose_protection_does_not_hold_leave_the_outcome_unknown_and_are_never_absent() {
    for arguments in [
        &["-send_unprotected"][..],
        &["-send_unprotected", "-send_error", "-pkistatus", "2", "-failure", "9"],
        &["-send_unprot_err", "-pkistatus", "2", "-failure", "9"],
    ] {
        let (refused, after) = outcome(arguments, json!({}));
        assert_eq!(refused.class, ErrorClass::UnknownOutcome, "{arguments:?}: {refused:?}");
        assert!(
            matches!(after, Err(ErrorClass::Retryable | ErrorClass::Unhealthy)),
            "{arguments:?}: {after:?}"
        );
    }
}

#[test]
fn an_error_message_without_protection_is_believed_only_where_the_operator_says_so() {
    let arguments = ["-send_unprotected", "-send_error"];
    let (doubted, _) = outcome(&arguments, json!({}));
    assert_eq!(doubted.class, ErrorClass::UnknownOutcome);
    assert!(doubted.text.contains("unverified") && doubted.vendor_code.unwrap().contains("badRequest"));
    let (believed, after) = outcome(&arguments, json!({"accept_unprotected_errors": true}));
    assert_eq!(believed.class, ErrorClass::Permanent);
    assert!(matches!(after, Ok(LookupReply::Absent)));
    // A grant without protection is believed by nobody.
    let (doubted, _) = outcome(&["-send_unprotected"], json!({"accept_unprotected_errors": true}));
    assert_eq!(doubted.class, ErrorClass::UnknownOutcome);
}

#[test]
fn a_server_with_another_secret_is_not_believed() {
    let pki = granting_pki();
    let arguments = ["-srv_secret", "pass:another secret of nobody", "-srv_ref", "server"];
    for more in [&[][..], &["-accept_unprotected"]] {
        let server = MockServer::start(&pki, &[&arguments, more].concat());
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
        let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
        assert_eq!(refused.class, ErrorClass::UnknownOutcome, "{more:?}: {refused:?}");
        assert!(looked_up(&ca).is_err());
    }
}

#[test]
fn a_certificate_for_another_key_is_rejected_at_the_ca_and_nothing_was_done() {
    let pki = Pki::new();
    pki.issue("other", "/CN=张三");
    let server = MockServer::with_mac(&pki, &["-rsp_cert", "other.pem"]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
    let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
    assert_eq!(refused.class, ErrorClass::Unhealthy, "{refused:?}");
    assert!(refused.text.contains("another key") && refused.text.contains(pki.serial("other.pem").as_str()));
    assert!(matches!(looked_up(&ca), Ok(LookupReply::Absent)));
}

#[test]
fn a_certificate_for_another_key_under_implicit_confirmation_leaves_the_outcome_unknown() {
    let pki = Pki::new();
    pki.issue("other", "/CN=张三");
    let server = MockServer::with_mac(&pki, &["-rsp_cert", "other.pem", "-grant_implicitconf"]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["implicit_confirmation"] = true.into();
    let ca = host.open(&document).unwrap();
    let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
    assert_eq!(refused.class, ErrorClass::UnknownOutcome, "{refused:?}");
    assert!(looked_up(&ca).is_err());
}

#[test]
fn certificates_of_another_holder_or_another_ca_or_for_a_ca_are_rejected() {
    let (pki, other) = (Pki::new(), granting_pki());
    pki.sign("holder.csr", "holder.pem");
    for (ca, name, part) in
        [(other.text("ca.pem"), "李四", ""), (pki.text("ca.pem"), "李四", "holder's name")]
    {
        let server = MockServer::with_mac(&pki, &[]);
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let instance = host.open(&configuration(folder.path(), &server.url, &ca, "p10cr")).unwrap();
        let mut request = issue(&pki.bytes("holder.der"));
        if let yinqiao_ca_sdk::Request::Issue(issue) = &mut request {
            issue.holder.name = if part.is_empty() { super::HOLDER.to_owned() } else { name.to_owned() };
        }
        let refused = error(instance.submit("order-1", &request));
        assert_eq!(refused.class, ErrorClass::Unhealthy, "{refused:?}");
        assert!(refused.text.contains(part), "{}", refused.text);
    }
}

#[test]
fn an_ra_that_the_ca_does_not_trust_leaves_no_doubt_that_something_is_wrong_with_it() {
    let (pki, stranger) = (granting_pki(), Pki::new());
    let server = MockServer::with_signature(&pki, &[]);
    let host = host(&[(RA_KEY, stranger.text("ra.key").as_bytes())]);
    let folder = tempfile::tempdir().unwrap();
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["protection"] = json!({"kind": "signature", "certificates": stranger.text("ra.pem")});
    document["trusted_certificates"] = pki.text("server.pem").into();
    let ca = host.open(&document).unwrap();
    let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
    assert!(
        matches!(
            refused.class,
            ErrorClass::Authentication | ErrorClass::Permanent | ErrorClass::UnknownOutcome
        ),
        "{refused:?}"
    );
}

#[test]
fn a_refused_revocation_says_why_and_one_that_was_made_elsewhere_counts() {
    let pki = granting_pki();
    for (failure, class) in [("4", Some(ErrorClass::Permanent)), ("10", None)] {
        let server = MockServer::with_mac(&pki, &["-pkistatus", "2", "-failure", failure]);
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
        let result = ca.submit("revoke-1", &revoke(&pki.serial("holder.pem")));
        assert_eq!(result.err().and_then(|error| error.class()), class, "failure {failure}");
    }
}
