//! Sessions whose items come after the claim.

use std::thread;
use std::time::{Duration, Instant};

use yinqiao_gm::x509::Certificate;
use yinqiao_phone::Fetched;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::task::{MessageArc, SealKind};
use yinqiao_protocol::{Sm3Hex, Task};
use yinqiao_tests::holder::{BUILDER, agree};
use yinqiao_tests::{Broker, tasks};

#[test]
fn a_bid_system_learns_who_seals_with_which_seal_before_it_sends_the_items() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let (_, der) = broker.seal(&BUILDER, "闽江建设公章");
    let opened = platform.open_late(Task::Seal { seal_kind: SealKind::Official, items: vec![] });
    let mut page = platform.watch(&opened);
    let mut session = legal_person.scan(&opened.code).unwrap();
    assert!(session.claimed().items_awaited);

    let claimed =
        page.events_until(|happening| matches!(happening, Happening::Claimed { .. })).pop().unwrap();
    let Happening::Claimed { claimant, items_awaited, .. } = claimed.happening else { unreachable!() };
    assert!(items_awaited);
    assert_eq!(claimant.seal.unwrap(), der);
    assert_eq!((claimant.masked_name.as_str(), claimant.enterprise.as_deref()), ("陈**", Some(BUILDER.name)));
    assert_eq!(claimant.match_code, session.claimed().match_code);
    let certificate = claimant.certificate.unwrap();
    assert_eq!(Sm3Hex::of(certificate.as_slice()), legal_person.certificate_sm3());
    Certificate::from_der(certificate.as_slice()).unwrap();

    platform.send_items(&opened.session, tasks::seal(1)).expect::<serde_json::Value>();
    agree(&mut session);
    let completed = page.events_until(|happening| matches!(happening, Happening::Completed { .. }));
    assert!(matches!(completed[0].happening, Happening::Ready { items: 1, .. }));
    let result = platform.view(&opened.session).result.unwrap();
    broker.trust().verify_seal(&result.items[0].value, &tasks::documents(1)[0].sm3.0);
}

#[test]
fn a_waiting_phone_is_woken_by_late_items() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
    let mut session = person.scan(&opened.code).unwrap();
    assert_eq!(session.fetch(0).unwrap(), Fetched::ItemsAwaited);
    let waiting = thread::spawn(move || {
        let fetched = session.fetch(30).unwrap();
        (Instant::now(), fetched, session)
    });
    thread::sleep(Duration::from_millis(500));
    let sent = Instant::now();
    platform.send_items(&opened.session, tasks::sign(2, MessageArc::Rfc5652)).expect::<serde_json::Value>();
    let (woken, fetched, mut session) = waiting.join().unwrap();
    assert_eq!(fetched, Fetched::Ready);
    assert!(woken - sent < Duration::from_secs(5), "{:?}", woken - sent);
    assert_eq!(agree(&mut session).state, SessionState::Completed);
}

#[test]
fn late_items_keep_purpose_and_terms_and_come_once_after_the_claim() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Gmt0010));
    let send = |task| platform.send_items(&opened.session, task);

    send(tasks::sign(1, MessageArc::Gmt0010)).refused("wrong-state");
    let mut session = person.scan(&opened.code).unwrap();
    send(tasks::sign(1, MessageArc::Rfc5652)).refused("invalid-request");
    send(tasks::encrypt(1)).refused("invalid-request");
    send(tasks::sign(0, MessageArc::Gmt0010)).refused("invalid-request");
    send(tasks::sign(2, MessageArc::Gmt0010)).expect::<serde_json::Value>();
    // A repeated request, as after a lost answer, changes nothing; another one is refused.
    send(tasks::sign(2, MessageArc::Gmt0010)).expect::<serde_json::Value>();
    send(tasks::sign(1, MessageArc::Gmt0010)).refused("wrong-state");

    assert_eq!(agree(&mut session).state, SessionState::Completed);
    assert_eq!(platform.view(&opened.session).result.unwrap().items.len(), 2);
    send(tasks::sign(2, MessageArc::Gmt0010)).refused("session-ended");
}
