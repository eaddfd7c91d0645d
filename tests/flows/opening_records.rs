//! The opening record (开标记录): what became of each bidder, signed by the broker.

use yinqiao_gm::sm2;
use yinqiao_protocol::cause::Attribution;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::opening_record::{BrokerKey, OpeningRecord, SignedOpeningRecord};
use yinqiao_protocol::phone::DeclineReason;
use yinqiao_protocol::relying_party::{OpenOpening, OpenedOpening, OpeningChange};
use yinqiao_protocol::statement::SignedText;
use yinqiao_tests::relying_party::session;
use yinqiao_tests::{Broker, tasks};

#[test]
fn an_opening_ends_with_a_record_that_the_brokers_key_has_signed() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let bidders = [broker.person("王小明"), broker.person("李雷")];
    let request = OpenOpening {
        title: "马尾大桥一期开标".to_owned(),
        window: Some(600),
        sessions: vec![session(tasks::login()), session(tasks::login()), session(tasks::login())],
    };
    let opening: OpenedOpening = platform.post("/v1/openings", &request).expect();
    let path = format!("/v1/openings/{}", opening.opening);
    bidders[0].answer(&opening.sessions[0].code);
    bidders[1].scan(&opening.sessions[1].code).unwrap().decline(DeclineReason::Declined).unwrap();
    assert!(!record(&platform.get(&format!("{path}/record"))).complete, "one bidder is still missing");

    let _: OpeningChange = platform.send("POST", &format!("{path}/cancel"), b"").expect();
    let signed: SignedOpeningRecord = platform.get(&format!("{path}/record"));
    let known: BrokerKey = platform.get("/v1/broker");
    assert_eq!(signed.public_key, known.public_key);
    let record = record(&signed);
    assert!(record.complete);
    assert_eq!((record.opening, record.title.as_str()), (opening.opening, "马尾大桥一期开标"));
    let rows: Vec<_> = record.sessions.iter().map(|row| (row.state, row.attributed_to)).collect();
    let expected = [
        (SessionState::Completed, None),
        (SessionState::Declined, Some(Attribution::Holder)),
        (SessionState::Cancelled, Some(Attribution::RelyingParty)),
    ];
    assert_eq!(rows, expected);
    assert_eq!(record.sessions[0].holder.as_ref().unwrap().name, "王小明");
    assert!(record.sessions[0].response_sm3.is_some() && record.sessions[2].holder.is_none());

    broker.relying_party("xiamen").send("GET", &format!("{path}/record"), b"").refused("not-found");
}

/// Verifies a record's signature and reads it.
fn record(signed: &SignedOpeningRecord) -> OpeningRecord {
    let key = sm2::PublicKey::from_sec1(signed.public_key.as_slice()).unwrap();
    let signature = sm2::Signature::from_der(signed.signature.as_slice()).unwrap();
    key.verify(signed.record.as_slice(), &signature).unwrap();
    OpeningRecord::from_bytes(signed.record.as_slice()).unwrap()
}
