//! OpenSSL's mock server as a CA that grants, lets wait, and revokes.

use serde_json::json;
use yinqiao_ca_sdk::messages::{
    Empty, ListQuery, LookupQuery, LookupReply, RevocationReason, State, SuspendRequest,
};
use yinqiao_ca_sdk::{ErrorClass, LocalError, Reply, Request};

use super::fixture::Pki;
use super::mock_server::MockServer;
use super::{SECRET, configuration, error, host, issue, mac_host, pair, revoke, update};
use crate::RA_KEY;

fn granting_pki() -> Pki {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    pki
}

#[test]
fn a_p10cr_protected_by_mac_is_granted_and_confirmed_and_gives_the_same_octets_again() {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, &[]);
    let host = mac_host();
    let folder = tempfile::tempdir().unwrap();
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
    let request = issue(&pki.bytes("holder.der"));
    let first = ca.submit("order-1", &request).unwrap();
    let pair = pair(first.clone());
    assert_eq!(pair.signing_certificate.as_bytes(), pki.certificate("holder.pem").der());
    assert_eq!(pair.chain[0].as_bytes(), pki.certificate("ca.pem").der());
    assert_eq!((pair.encryption_certificate, pair.enveloped_key, pair.chain.len()), (None, None, 1));

    drop(server);
    assert_eq!(ca.submit("order-1", &request).unwrap(), first, "from the journal, without the CA");
    let query = LookupQuery::IdempotencyKey("order-1".to_owned().try_into().unwrap());
    assert!(matches!(ca.lookup(&query).unwrap(), LookupReply::Done { .. }));
    assert!(matches!(
        ca.lookup(&LookupQuery::Serial(pki.serial("holder.pem"))).unwrap(),
        LookupReply::Done { .. }
    ));
    let listed = ca.list(&ListQuery::default()).unwrap();
    assert_eq!(listed.certificates.len(), 1);
    assert_eq!(
        (&listed.certificates[0].serial, listed.certificates[0].state),
        (&pki.serial("holder.pem"), State::Good)
    );
}

#[test]
fn requests_in_crmf_are_granted_to_an_ra_that_vouches_for_the_holder() {
    let pki = granting_pki();
    for request in ["cr", "ir"] {
        let server = MockServer::with_mac(&pki, &["-accept_raverified"]);
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), request)).unwrap();
        let reply = ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap();
        assert_eq!(pair(reply).signing_certificate.as_bytes(), pki.certificate("holder.pem").der());
    }
}

#[test]
fn a_request_signed_by_an_ra_is_granted_and_the_signed_reply_believed() {
    let pki = granting_pki();
    let server = MockServer::with_signature(&pki, &[]);
    let host = host(&[(RA_KEY, pki.text("ra.key").as_bytes())]);
    let folder = tempfile::tempdir().unwrap();
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["protection"] = json!({"kind": "signature", "certificates": pki.text("ra.pem")});
    document["trusted_certificates"] = pki.text("ca.pem").into();
    document["server_name"] = "CN=CMP Server".into();
    let ca = host.open(&document).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());

    // The same server under a name that nobody configured: any holder of a certificate could be it.
    document["server_name"] = "CN=Another Server".into();
    let ca = host.open(&document).unwrap();
    let refused = error(ca.submit("order-2", &issue(&pki.bytes("holder.der"))));
    assert_eq!(refused.class, ErrorClass::UnknownOutcome);
    document.as_object_mut().unwrap().remove("server_name");
    let ca = host.open(&document).unwrap();
    let refused = error(ca.submit("order-3", &issue(&pki.bytes("holder.der"))));
    assert!(refused.text.contains("neither the configured server"), "{}", refused.text);
    // Pinned itself, it needs no name.
    document["trusted_certificates"] = pki.text("server.pem").into();
    let ca = host.open(&document).unwrap();
    pair(ca.submit("order-4", &issue(&pki.bytes("holder.der"))).unwrap());
}

#[test]
fn confirmation_is_implicit_where_the_ca_grants_that() {
    let pki = granting_pki();
    // A server that grants it takes one message only: a certConf would find nobody.
    let server = MockServer::with_mac(&pki, &["-grant_implicitconf", "-max_msgs", "1"]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["implicit_confirmation"] = true.into();
    let ca = host.open(&document).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
}

#[test]
fn a_certificate_is_not_handed_out_before_it_is_confirmed() {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, &["-max_msgs", "1"]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
    let request = issue(&pki.bytes("holder.der"));
    let unconfirmed = error(ca.submit("order-1", &request));
    assert_eq!(unconfirmed.class, ErrorClass::UnknownOutcome);
    assert!(unconfirmed.text.contains("issued, but not confirmed"), "{}", unconfirmed.text);
    let query = LookupQuery::IdempotencyKey("order-1".to_owned().try_into().unwrap());
    let uncertain = ca.lookup(&query).unwrap_err();
    assert_eq!(uncertain.class(), Some(ErrorClass::Retryable), "never absent: {uncertain}");
    assert!(ca.list(&ListQuery::default()).unwrap().certificates.is_empty());
}

#[test]
fn a_request_that_waits_is_pending_across_a_restart_and_then_granted() {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, &["-poll_count", "2", "-check_after", "1"]);
    let host = mac_host();
    let folder = tempfile::tempdir().unwrap();
    let document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    let request = issue(&pki.bytes("holder.der"));
    let pending = match host.open(&document).unwrap().submit("order-1", &request) {
        Err(LocalError::Pending(pending)) => pending,
        other => panic!("{other:?}"),
    };
    assert!(pending.expires_at_ms.is_some() && !pending.token.is_empty());

    // Another process: nothing is known but the journal.
    let ca = host.open(&document).unwrap();
    let query = LookupQuery::IdempotencyKey("order-1".to_owned().try_into().unwrap());
    let LookupReply::Pending { token } = ca.lookup(&query).unwrap() else { panic!() };
    assert_eq!(token, pending.token);
    for _ in 0..20 {
        match ca.submit("order-1", &request) {
            Ok(reply) => {
                assert_eq!(pair(reply).signing_certificate.as_bytes(), pki.certificate("holder.pem").der());
                return;
            }
            Err(LocalError::Pending(again)) => {
                assert!(again.retry_after_ms <= 1000, "the CA's checkAfter: {}", again.retry_after_ms);
                std::thread::sleep(std::time::Duration::from_millis(again.retry_after_ms.max(10)));
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never granted");
}

#[test]
fn a_key_update_names_the_certificate_that_it_follows() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    // The mock server takes a kur whose oldCertID is the certificate that it answers with, and no other.
    let server = MockServer::with_mac(&pki, &["-accept_raverified"]);
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
    let old = pki.serial("holder.pem");
    pki.request("next");
    let same = error(ca.submit("order-2", &Request::Rekey(update(&old, &pki.bytes("holder.der")))));
    assert!(same.class == ErrorClass::Permanent && same.text.contains("another key"), "{same}");
    let other = error(ca.submit("order-3", &Request::Renew(update(&old, &pki.bytes("next.der")))));
    assert!(
        other.class == ErrorClass::Permanent && other.text.contains("present certificate's key"),
        "{other}"
    );
    let unknown = pki.serial("ca.pem");
    let refused = error(ca.submit("order-4", &Request::Renew(update(&unknown, &pki.bytes("holder.der")))));
    assert!(refused.class == ErrorClass::Permanent && refused.text.contains("wrong certid"), "{refused}");
    let reply = ca.submit("order-5", &Request::Renew(update(&old, &pki.bytes("holder.der")))).unwrap();
    assert_eq!(pair(reply).signing_certificate.as_bytes(), pki.certificate("holder.pem").der());
}

#[test]
fn a_revocation_is_told_when_the_ca_has_confirmed_it_and_again_without_asking() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let server = MockServer::with_mac(&pki, &[]);
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["suspension"] = true.into();
    let ca = host.open(&document).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
    let serial = pki.serial("holder.pem");
    let state = |reply: Reply| {
        let Reply::States(states) = reply else { panic!("{reply:?}") };
        states.certificates[0].clone()
    };
    let suspend = SuspendRequest { serial: serial.clone(), pair: false };
    assert_eq!(state(ca.submit("hold-1", &Request::Hold(suspend.clone())).unwrap()).state, State::Held);
    assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates[0].state, State::Held);
    assert_eq!(state(ca.submit("unhold-1", &Request::Unhold(suspend.clone())).unwrap()).state, State::Good);
    let first = state(ca.submit("revoke-1", &revoke(&serial)).unwrap());
    assert_eq!((first.state, first.reason), (State::Revoked, Some(RevocationReason::KeyCompromise)));
    drop(server);
    let again = state(ca.submit("revoke-2", &revoke(&serial)).unwrap());
    assert_eq!(again, first, "the first reason and time");
    let late = error(ca.submit("hold-2", &Request::Hold(suspend)));
    assert_eq!(late.class, ErrorClass::Permanent);
}

#[test]
fn suspension_is_not_offered_where_the_configuration_has_none() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let url = "http://127.0.0.1:9/";
    let ca = host.open(&configuration(folder.path(), url, &pki.text("ca.pem"), "p10cr")).unwrap();
    let suspend = SuspendRequest { serial: pki.serial("holder.pem"), pair: false };
    assert_eq!(error(ca.submit("hold-1", &Request::Hold(suspend))).class, ErrorClass::NotSupported);
    assert_eq!(error(ca.submit("", &Request::Crl(Empty {}))).class, ErrorClass::NotSupported);
}

#[test]
fn general_messages_tell_health_and_ca_certificates() {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, &[]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    document["ask_ca_certificates"] = true.into();
    let ca = host.open(&document).unwrap();
    assert!(ca.health().unwrap().text.unwrap().contains("answers"));
    let Reply::CaCertificates(reply) = ca.submit("", &Request::CaCertificates(Empty {})).unwrap() else {
        panic!()
    };
    assert_eq!(reply.certificates.last().unwrap().as_bytes(), pki.certificate("ca.pem").der());
    drop(server);
    assert_eq!(ca.health().unwrap_err().class(), Some(ErrorClass::Retryable), "connection refused");
}

#[test]
fn no_secret_is_in_the_log_or_in_the_journal() {
    let pki = granting_pki();
    let server = MockServer::with_mac(&pki, &[]);
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr")).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
    let secret = String::from_utf8_lossy(SECRET).into_owned();
    assert!(!format!("{:?}", host.log()).contains(&secret));
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains(&secret) && !text.contains(super::HOLDER), "{}", path.display());
            }
        }
    }
}
