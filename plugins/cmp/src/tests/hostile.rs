//! What a broken or hostile server, or a broken network, does to the outcome: it is never a second certificate, and never
//! a certain "nothing" where something may be.

use std::time::{Duration, Instant};

use der::asn1::OctetString;
use yinqiao_ca_sdk::messages::{Empty, LookupQuery, LookupReply, State};
use yinqiao_ca_sdk::{ErrorClass, LocalError, LocalInstance, Reply, Request};

use super::fixture::Pki;
use super::server::{Reaction, Server, confirmed, granted, poll_later, refused, revoked, told, waiting};
use super::{configuration, error, issue, mac_host, pair, revoke, update};
use crate::asn1::{PkiHeader, oid, tag};

/// What a server does with every request.
type React = dyn Fn() -> Reaction + Send + Sync;
/// What a test does to an answer's header.
type Change = fn(&mut PkiHeader);

fn granting_pki() -> Pki {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    pki
}

fn looked_up(ca: &LocalInstance<'_>, key: &str) -> Result<LookupReply, LocalError> {
    ca.lookup(&LookupQuery::IdempotencyKey(key.to_owned().try_into().unwrap()))
}

/// Issues against the server; the class, and whether it took less than ten seconds.
fn broken_issue(pki: &Pki, server: &Server) -> (ErrorClass, Result<LookupReply, LocalError>) {
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr");
    document["message_timeout_seconds"] = 1.into();
    document["reply_limit_kib"] = 64.into();
    let ca = host.open(&document).unwrap();
    let start = Instant::now();
    let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    (refused.class, looked_up(&ca, "order-1"))
}

#[test]
fn whatever_a_broken_network_does_after_the_request_the_outcome_is_unknown_and_not_absent() {
    let pki = granting_pki();
    let certificate = pki.certificate("holder.pem").der().to_vec();
    let good = move || granted(tag::CP, 0, &certificate);
    let reactions: Vec<(&str, Box<React>)> = vec![
        ("black hole", Box::new(|| Reaction::BlackHole)),
        ("closed", Box::new(|| Reaction::Close)),
        ("drip", Box::new(|| Reaction::Drip)),
        ("not HTTP", Box::new(|| Reaction::Raw(b"220 smtp ready\r\n".to_vec()))),
        ("HTTP 503", Box::new(|| Reaction::Raw(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n".to_vec()))),
        (
            "redirect",
            Box::new(|| {
                Reaction::Raw(
                    b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n".to_vec(),
                )
            }),
        ),
        (
            "a page",
            Box::new(|| {
                Reaction::Raw(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\n0\x00".to_vec(),
                )
            }),
        ),
        (
            "endless headers",
            Box::new(|| Reaction::Raw([b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 200_000]].concat())),
        ),
        ("huge", Box::new(|| Reaction::Octets(vec![0x30; 1_000_000]))),
        ("empty", Box::new(|| Reaction::Octets(Vec::new()))),
        ("not DER", Box::new(|| Reaction::Octets(b"\x30\x80\x00\x00".to_vec()))),
        ("nested", Box::new(|| Reaction::Octets([0x30, 0x82, 0x10, 0].repeat(1000)))),
        (
            "cut in the head",
            Box::new({
                let good = good.clone();
                move || Reaction::Cut(good(), 20)
            }),
        ),
        (
            "cut in the body",
            Box::new({
                let good = good.clone();
                move || Reaction::Cut(good(), 300)
            }),
        ),
        ("another body", Box::new(|| Reaction::Answer(confirmed()))),
        ("another answer", Box::new(|| Reaction::Answer(granted(tag::IP, 0, &[0x30, 0])))),
        ("no certificate", Box::new(|| Reaction::Answer(granted(tag::CP, 0, &[0x05, 0])))),
        (
            "another request",
            Box::new({
                let good = good.clone();
                move || {
                    Reaction::Answer({
                        let mut body = good();
                        body.content = granted(tag::CP, 5, &[0x30, 0]).content;
                        body
                    })
                }
            }),
        ),
    ];
    for (name, reaction) in reactions {
        let server = Server::with_mac(move |_, _| reaction());
        let (class, after) = broken_issue(&pki, &server);
        assert_eq!(class, ErrorClass::UnknownOutcome, "{name}");
        let class = after.unwrap_err().class();
        assert!(matches!(class, Some(ErrorClass::Retryable | ErrorClass::Unhealthy)), "{name}: {class:?}");
        assert!(
            !server.seen().contains(&tag::P10CR)
                && server.seen().iter().filter(|body| **body == tag::CR).count() == 1,
            "{name}: asked twice"
        );
    }
}

#[test]
fn a_reply_with_another_nonce_transaction_time_or_version_is_not_believed() {
    let pki = granting_pki();
    let changes: [(&str, Change); 6] = [
        ("nonce", |header| header.recip_nonce = Some(OctetString::new([1; 16]).unwrap())),
        ("no nonce", |header| header.recip_nonce = None),
        ("transaction", |header| header.transaction_id = Some(OctetString::new([1; 16]).unwrap())),
        ("no sender nonce", |header| header.sender_nonce = None),
        ("time", |header| {
            header.message_time = Some(
                der::asn1::GeneralizedTime::from_unix_duration(Duration::from_secs(1_000_000_000)).unwrap(),
            );
        }),
        ("version", |header| header.pvno = 1),
    ];
    for (name, change) in changes {
        let certificate = pki.certificate("holder.pem").der().to_vec();
        let server =
            Server::with_mac(move |_, _| Reaction::Changed(granted(tag::CP, 0, &certificate), change));
        let (class, after) = broken_issue(&pki, &server);
        assert_eq!(class, ErrorClass::UnknownOutcome, "{name}");
        assert!(after.is_err(), "{name}");
        assert_eq!(server.seen(), [tag::CR, tag::POLL_REQ], "{name}: the certificate was not even looked at");
    }
}

#[test]
fn a_ca_that_nobody_reaches_has_done_nothing_and_the_same_key_works_later() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let request = issue(&pki.bytes("holder.der"));
    let mut document =
        configuration(folder.path(), &format!("http://{closed}/cmp"), &pki.text("ca.pem"), "cr");
    {
        let ca = host.open(&document).unwrap();
        assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::Retryable);
        assert!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Absent)));
        assert!(matches!(looked_up(&ca, "order-nobody-gave"), Ok(LookupReply::Absent)));
    }
    let certificate = pki.certificate("holder.pem").der().to_vec();
    let server = Server::with_mac(move |_, request| match request.body.number {
        tag::CR => Reaction::Answer(granted(tag::CP, 0, &certificate)),
        _ => Reaction::Answer(confirmed()),
    });
    document["url"] = server.url.clone().into();
    pair(host.open(&document).unwrap().submit("order-1", &request).unwrap());
    assert_eq!(server.seen(), [tag::CR, tag::CERT_CONF]);
}

#[test]
fn a_lost_certificate_is_fetched_with_the_transactions_id_where_the_ca_allows() {
    let pki = granting_pki();
    let certificate = pki.certificate("holder.pem").der().to_vec();
    let server = Server::with_mac(move |_, request| match request.body.number {
        tag::CR => Reaction::Close,
        tag::POLL_REQ => Reaction::Answer(granted(tag::CP, 0, &certificate)),
        _ => Reaction::Answer(confirmed()),
    });
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
    let request = issue(&pki.bytes("holder.der"));
    assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::UnknownOutcome);
    let LookupReply::Done { reply, .. } = looked_up(&ca, "order-1").unwrap() else { panic!() };
    pair(Reply::parse(yinqiao_ca_sdk::Operation::Issue, reply.get().as_bytes()).unwrap());
    assert_eq!(server.seen(), [tag::CR, tag::POLL_REQ, tag::CERT_CONF]);
}

#[test]
fn a_ca_that_does_not_know_the_transaction_any_more_gives_no_certainty_but_an_operator_does() {
    let pki = granting_pki();
    for word in ["absent", "certificate.der"] {
        let server = Server::with_mac(|_, request| match request.body.number {
            tag::CR => Reaction::Close,
            _ => Reaction::Answer(refused()),
        });
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
        let request = issue(&pki.bytes("holder.der"));
        assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::UnknownOutcome);
        let uncertain = looked_up(&ca, "order-1").unwrap_err();
        assert_eq!(uncertain.class(), Some(ErrorClass::Retryable));
        assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::UnknownOutcome);
        assert_eq!(server.seen(), [tag::CR, tag::POLL_REQ, tag::POLL_REQ], "never asked for a second one");

        let transaction =
            std::fs::read_dir(folder.path().join("transactions")).unwrap().next().unwrap().unwrap();
        let path = transaction.path().join(word);
        if word == "absent" {
            std::fs::write(path, "").unwrap();
            assert!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Absent)));
        } else {
            pki.issue("other", "/CN=张三");
            std::fs::write(&path, pki.certificate("other.pem").der()).unwrap();
            assert!(looked_up(&ca, "order-1").is_err(), "another key's");
            std::fs::write(&path, pki.certificate("holder.pem").der()).unwrap();
            assert!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Done { .. })));
        }
    }
}

#[test]
fn an_answer_to_a_poll_that_is_lost_makes_a_later_no_uncertain() {
    let pki = granting_pki();
    for (lost, class) in [(false, ErrorClass::Permanent), (true, ErrorClass::UnknownOutcome)] {
        let server = Server::with_mac(move |number, request| match (request.body.number, number) {
            (tag::CR, _) => Reaction::Answer(waiting(tag::CP, 0)),
            (_, 1) => Reaction::Answer(poll_later(0, 0)),
            (_, 2) if lost => Reaction::Close,
            _ => Reaction::Answer(refused()),
        });
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
        let request = issue(&pki.bytes("holder.der"));
        for _ in 0..2 {
            assert!(matches!(ca.submit("order-1", &request), Err(LocalError::Pending(_))));
        }
        if lost {
            assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::UnknownOutcome);
        }
        assert_eq!(error(ca.submit("order-1", &request)).class, class);
        assert_eq!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Absent)), !lost);
    }
}

#[test]
fn a_confirmation_whose_answer_was_lost_is_sent_again_and_already_confirmed_counts() {
    let pki = granting_pki();
    let certificate = pki.certificate("holder.pem").der().to_vec();
    let server = Server::with_mac(move |number, request| match (request.body.number, number) {
        (tag::CR, _) => Reaction::Answer(granted(tag::CP, 0, &certificate)),
        (tag::CERT_CONF, 1) => Reaction::Close,
        // certConfirmed is bit 11.
        _ => Reaction::Answer(crate::asn1::Body {
            number: tag::ERROR,
            content: vec![0x30, 10, 0x30, 8, 2, 1, 2, 3, 3, 4, 0, 0x10],
        }),
    });
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
    let request = issue(&pki.bytes("holder.der"));
    assert_eq!(error(ca.submit("order-1", &request)).class, ErrorClass::UnknownOutcome);
    pair(ca.submit("order-1", &request).unwrap());
    assert_eq!(server.seen(), [tag::CR, tag::CERT_CONF, tag::CERT_CONF]);
}

#[test]
fn a_rekey_gives_the_certificate_of_the_new_key_and_a_lost_revocation_is_asked_for_once_more() {
    let pki = granting_pki();
    pki.request("next");
    pki.sign("next.csr", "next.pem");
    let (first, second) =
        (pki.certificate("holder.pem").der().to_vec(), pki.certificate("next.pem").der().to_vec());
    let server = Server::with_mac(move |number, request| match request.body.number {
        tag::CR => Reaction::Answer(granted(tag::CP, 0, &first)),
        tag::KUR => Reaction::Answer(granted(tag::KUP, 0, &second)),
        tag::RR if number == 4 => Reaction::Close,
        tag::RR => Reaction::Answer(revoked()),
        _ => Reaction::Answer(confirmed()),
    });
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
    pair(ca.submit("order-1", &issue(&pki.bytes("holder.der"))).unwrap());
    let old = pki.serial("holder.pem");
    let reply = ca.submit("order-2", &Request::Rekey(update(&old, &pki.bytes("next.der")))).unwrap();
    assert_eq!(pair(reply).signing_certificate.as_bytes(), pki.certificate("next.pem").der());
    assert_eq!(error(ca.submit("revoke-1", &revoke(&old))).class, ErrorClass::UnknownOutcome);
    assert!(matches!(looked_up(&ca, "revoke-1"), Ok(LookupReply::Done { .. })));
    let Reply::States(states) = ca.submit("revoke-1", &revoke(&old)).unwrap() else { panic!() };
    assert_eq!(states.certificates[0].state, State::Revoked);
    assert_eq!(server.seen()[4..], [tag::RR, tag::RR]);
}

#[test]
fn another_request_under_a_used_key_and_a_request_that_does_not_prove_its_key_are_refused_unsent() {
    let pki = granting_pki();
    let server = Server::with_mac(|_, _| Reaction::Answer(waiting(tag::CP, 0)));
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
    assert!(matches!(ca.submit("order-1", &issue(&pki.bytes("holder.der"))), Err(LocalError::Pending(_))));
    pki.request("other");
    assert_eq!(error(ca.submit("order-1", &issue(&pki.bytes("other.der")))).class, ErrorClass::Permanent);
    let mut forged = pki.bytes("other.der");
    *forged.last_mut().unwrap() ^= 1;
    let refused = error(ca.submit("order-2", &issue(&forged)));
    assert!(refused.class == ErrorClass::Permanent && refused.text.contains("signature"), "{refused}");
    assert_eq!(server.seen(), [tag::CR]);
}

#[test]
fn a_question_that_changes_nothing_is_unhealthy_when_its_answer_is_broken() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let answers: [fn() -> Reaction; 3] =
        [|| Reaction::Close, || Reaction::Answer(confirmed()), || Reaction::Answer(told(oid::IT_CRLS, None))];
    for answer in answers {
        let server = Server::with_mac(move |_, _| answer());
        let mut document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr");
        document["crl"] = "status_list".into();
        let ca = host.open(&document).unwrap();
        assert_eq!(error(ca.submit("", &Request::Crl(Empty {}))).class, ErrorClass::Unhealthy);
    }
}

#[test]
fn two_that_submit_under_one_key_at_once_make_one_request() {
    let pki = granting_pki();
    let certificate = pki.certificate("holder.pem").der().to_vec();
    let server = Server::with_mac(move |_, request| match request.body.number {
        tag::CR => {
            std::thread::sleep(Duration::from_millis(50));
            Reaction::Answer(granted(tag::CP, 0, &certificate))
        }
        _ => Reaction::Answer(confirmed()),
    });
    let folder = tempfile::tempdir().unwrap();
    let document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr");
    let request = issue(&pki.bytes("holder.der"));
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| mac_host().open(&document).unwrap().submit("order-1", &request).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(replies.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(server.seen(), [tag::CR, tag::CERT_CONF]);
}

#[test]
fn a_request_that_waits_stays_pending_while_the_ca_cannot_be_reached() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let server = Server::with_mac(|_, _| Reaction::Answer(waiting(tag::CP, 0)));
    let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
    let request = issue(&pki.bytes("holder.der"));
    assert!(matches!(ca.submit("order-1", &request), Err(LocalError::Pending(_))));
    drop(server);
    assert!(matches!(ca.submit("order-1", &request), Err(LocalError::Pending(_))));
    assert!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Pending { .. })));
}

#[test]
fn a_revocation_that_may_have_been_made_is_never_absent_whatever_its_repetition_comes_to() {
    let pki = granting_pki();
    let serial = pki.serial("holder.pem");
    for server_left in [false, true] {
        let server = Server::with_mac(|number, _| match number {
            0 => Reaction::Close,
            _ => Reaction::Answer(refused()),
        });
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let ca = host.open(&configuration(folder.path(), &server.url, &pki.text("ca.pem"), "cr")).unwrap();
        assert_eq!(error(ca.submit("revoke-1", &revoke(&serial))).class, ErrorClass::UnknownOutcome);
        let server = server_left.then_some(server);
        for _ in 0..2 {
            assert_eq!(looked_up(&ca, "revoke-1").unwrap_err().class(), Some(ErrorClass::Retryable));
            assert_eq!(error(ca.submit("revoke-1", &revoke(&serial))).class, ErrorClass::UnknownOutcome);
        }
        drop(server);
    }
}

#[test]
fn a_journal_that_is_gone_makes_nothing_absent() {
    let pki = granting_pki();
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let directory = folder.path().join("journal");
    let ca = host.open(&configuration(&directory, "http://127.0.0.1:9/", &pki.text("ca.pem"), "cr")).unwrap();
    assert!(matches!(looked_up(&ca, "order-1"), Ok(LookupReply::Absent)));
    std::fs::rename(&directory, folder.path().join("elsewhere")).unwrap();
    assert_eq!(looked_up(&ca, "order-1").unwrap_err().class(), Some(ErrorClass::Unhealthy));
}
