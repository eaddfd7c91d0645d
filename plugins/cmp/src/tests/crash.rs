//! A process that is killed while the CA is at it: the next one finds out, and there is one certificate.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use yinqiao_ca_sdk::messages::{ListQuery, LookupQuery, LookupReply};

use super::fixture::Pki;
use super::server::{Reaction, Server, confirmed, granted};
use super::{configuration, issue, mac_host, pair};
use crate::asn1::tag;

const DOCUMENT: &str = "YINQIAO_CMP_TEST_DOCUMENT";
const CSR: &str = "YINQIAO_CMP_TEST_CSR";

/// The process that is killed; as a test of its own it has nothing to do.
#[test]
fn the_process_that_is_killed_submits_what_its_environment_says() {
    let (Ok(document), Ok(csr)) = (std::env::var(DOCUMENT), std::env::var(CSR)) else { return };
    let host = mac_host();
    let ca = host.open(&serde_json::from_str(&document).unwrap()).unwrap();
    let _ = ca.submit("order-1", &issue(&hex::decode(csr).unwrap()));
}

#[test]
fn a_kill_while_the_request_or_the_confirmation_is_on_its_way_leaves_exactly_one_certificate() {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    for killed_at in [tag::CR, tag::CERT_CONF] {
        let (arrived, arrival) = mpsc::channel();
        let certificate = pki.certificate("holder.pem").der().to_vec();
        let server = Server::with_mac(move |number, request| {
            let number_of_kill = if killed_at == tag::CR { 0 } else { 1 };
            if number == number_of_kill {
                let _ = arrived.send(());
                return Reaction::BlackHole;
            }
            match request.body.number {
                tag::CR | tag::POLL_REQ => Reaction::Answer(granted(tag::CP, 0, &certificate)),
                _ => Reaction::Answer(confirmed()),
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr");
        document["message_timeout_seconds"] = 60.into();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::the_process_that_is_killed_submits_what_its_environment_says"])
            .env(DOCUMENT, document.to_string())
            .env(CSR, hex::encode(pki.bytes("holder.der")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let came = arrival.recv_timeout(Duration::from_secs(30));
        // SIGKILL, as a worker that outlives a deadline gets it.
        child.kill().unwrap();
        child.wait().unwrap();
        came.unwrap();

        let host = mac_host();
        let ca = host.open(&document).unwrap();
        let query = LookupQuery::IdempotencyKey("order-1".to_owned().try_into().unwrap());
        assert!(matches!(ca.lookup(&query).unwrap(), LookupReply::Done { .. }));
        pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
        assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates.len(), 1);
        assert_eq!(server.seen().iter().filter(|body| **body == tag::CR).count(), 1, "asked for one");
    }
}
