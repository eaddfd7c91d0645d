//! The machine told in examples, and held against its promises over random histories.

use proptest::prelude::*;

use yinqiao_gm::sm3;
use yinqiao_protocol::event::Happening;
use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::outcome::{CertificateStatus, Status, StatusSource};
use yinqiao_protocol::statement::{Display, RelyingPartyName};
use yinqiao_protocol::task::{Document, MessageArc};
use yinqiao_protocol::{HolderId, Purpose, SessionId};

use super::super::record::{CodeSecret, Terms};
use super::*;

const OPENED: i64 = 1_800_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(OPENED + seconds * 1000)
}

fn digest(text: &str) -> Sm3Hex {
    Sm3Hex(sm3::digest(text.as_bytes()))
}

fn document(id: &str) -> Document {
    Document { id: id.parse().unwrap(), name: format!("{id}.pdf"), size: 3, sm3: digest(id) }
}

fn sign(items: &[&str]) -> Task {
    Task::Sign { arc: MessageArc::Rfc5652, items: items.iter().map(|id| document(id)).collect() }
}

fn session(task: Task, late_items: bool) -> SessionRecord {
    SessionRecord {
        id: SessionId::from_bytes([7; 16]),
        relying_party: RelyingPartyName {
            id: "portal".parse().unwrap(),
            name: "招标平台".into(),
            domain: "bid.example.cn".into(),
        },
        opening: None,
        terms: Terms {
            task,
            late_items,
            display: Display::default(),
            accept: Default::default(),
            time_to_confirm: 600,
            time_to_keep: 7200,
            shared_window: false,
            reference: None,
        },
        secret: CodeSecret::new([1; 32]),
        nonce: "00".repeat(16),
        opened_at: at(0),
        socket_token_sm3: digest("token 0"),
        request_sm3: None,
        turned_away: Vec::new(),
        state: State::Waiting { until: at(180) },
    }
}

fn claim_of(phone: &str) -> Input {
    Input::Claim(Box::new(ClaimFacts {
        claim_sm3: digest(phone),
        token_sm3: digest(&format!("{phone}'s token")),
        holder: Holder {
            id: HolderId::from_bytes([9; 16]),
            kind: HolderKind::Person,
            name: "王小明".into(),
            enterprise: None,
        },
        certificate_authority: "softca".into(),
        certificate_sm3: digest(&format!("{phone}'s certificate")),
        seal: None,
        claimant: Claimant {
            masked_name: "王**".into(),
            enterprise: None,
            match_code: "0042".into(),
            certificate: None,
            seal: None,
        },
    }))
}

fn response_to(record: &SessionRecord, bytes: &str) -> Input {
    let statement = match &record.state {
        State::Ready { statement, .. } => statement.clone(),
        _ => Base64(b"another statement".to_vec()),
    };
    Input::Respond(Box::new(ResponseFacts {
        response_sm3: digest(bytes),
        statement_sm3: Sm3Hex::of(statement.as_slice()),
        outcome: Outcome {
            purpose: Purpose::Sign,
            holder: Holder {
                id: HolderId::from_bytes([9; 16]),
                kind: HolderKind::Person,
                name: "王小明".into(),
                enterprise: None,
            },
            certificate_authority: "softca".into(),
            statement,
            statement_signature: Base64(Vec::new()),
            certificate: Base64(Vec::new()),
            chain: Vec::new(),
            status: CertificateStatus {
                status: Status::Good,
                source: StatusSource::Crl,
                this_update: at(0),
                next_update: at(0),
                fetched_at: at(0),
            },
            completed_at: at(0),
            items: Vec::new(),
            encryption_certificate: None,
            opened_keys: None,
            opened_keys_signature: None,
        },
    }))
}

fn after(record: &SessionRecord, input: Input, now: Timestamp) -> SessionRecord {
    match apply(record, input, now) {
        Ok(Step::Changed { record, .. }) => *record,
        other => panic!("expected a change, got {other:?}"),
    }
}

fn outcome_of(record: &SessionRecord, input: Input, now: Timestamp) -> Refusal {
    apply(record, input, now).unwrap_err()
}

#[test]
fn a_second_phone_cannot_claim_a_claimed_session() {
    let claimed = after(&session(sign(&["a"]), false), claim_of("first"), at(5));
    assert_eq!(outcome_of(&claimed, claim_of("second"), at(6)), Refusal::AlreadyClaimed);
    assert_eq!(apply(&claimed, claim_of("first"), at(6)), Ok(Step::Unchanged));
}

#[test]
fn the_statement_names_session_holder_items_and_whole_seconds() {
    let record = session(sign(&["a", "b"]), false);
    let now = Timestamp::from_millis(OPENED + 5_678);
    let State::Ready { statement, until, .. } = after(&record, claim_of("phone"), now).state else {
        panic!("not ready");
    };
    let statement = Statement::from_bytes(statement.as_slice()).unwrap();
    assert_eq!((statement.session, &statement.task), (record.id, &record.terms.task));
    assert_eq!(statement.stated_at, at(5));
    assert_eq!(statement.match_code, "0042");
    assert_eq!(until, now.plus_seconds(600), "the time to confirm begins with the claim");
}

#[test]
fn late_items_make_a_claimed_session_ready_once_and_only_on_its_terms() {
    let claimed = after(&session(sign(&[]), true), claim_of("phone"), at(5));
    assert!(matches!(claimed.state, State::ItemsAwaited { .. }));
    let other_arc = Task::Sign { arc: MessageArc::Gmt0010, items: vec![document("a")] };
    assert_eq!(outcome_of(&claimed, Input::Items(other_arc), at(6)), Refusal::Items(TaskError::OtherTask));
    assert_eq!(outcome_of(&claimed, Input::Items(sign(&[])), at(6)), Refusal::Items(TaskError::None));
    assert_eq!(outcome_of(&claimed, response_to(&claimed, "r"), at(6)), Refusal::ItemsAwaited);
    let ready = after(&claimed, Input::Items(sign(&["a"])), at(7));
    assert_eq!(apply(&ready, Input::Items(sign(&["a"])), at(8)), Ok(Step::Unchanged));
    assert_eq!(outcome_of(&ready, Input::Items(sign(&["b"])), at(8)), Refusal::ItemsAlreadyThere);
}

#[test]
fn the_same_response_is_taken_twice_and_another_one_never() {
    let ready = after(&session(sign(&["a"]), false), claim_of("phone"), at(5));
    let completed = after(&ready, response_to(&ready, "bytes"), at(9));
    let again = response_to(&ready, "bytes");
    assert_eq!(apply(&completed, again, at(10)), Ok(Step::Unchanged));
    assert_eq!(outcome_of(&completed, response_to(&ready, "other"), at(10)), Refusal::OtherResponse);
}

#[test]
fn a_response_to_another_statement_is_refused() {
    let waiting = session(sign(&["a"]), false);
    let ready = after(&waiting, claim_of("phone"), at(5));
    assert_eq!(outcome_of(&ready, response_to(&waiting, "r"), at(6)), Refusal::OtherStatement);
}

fn outage(of: Option<&str>, from: i64, until: i64) -> Outage {
    Outage { certificate_authority: of.map(str::to_owned), from: at(from), until: at(until) }
}

fn cause_at(record: &SessionRecord, seconds: i64, outages: Vec<Outage>) -> Cause {
    match after(record, Input::Tick { outages }, at(seconds)).state {
        State::Ended { how: End::Expired, cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unscanned_session_expires_through_its_holder_unless_the_broker_left_too_little_time() {
    let record = session(sign(&["a"]), false);
    let cause = |outages| cause_at(&record, 180, outages);
    assert_eq!(cause(Vec::new()), Cause::NeverScanned);
    assert_eq!(cause(vec![outage(None, -50, -10)]), Cause::NeverScanned, "an outage before its life");
    assert_eq!(cause(vec![outage(None, 60, 62)]), Cause::NeverScanned, "two minutes were left");
    let expected = Cause::BrokerUnavailable { from: at(60), until: at(150) };
    assert_eq!(cause(vec![outage(None, 60, 150)]), expected);
    assert_eq!(cause(vec![outage(Some("softca"), 60, 180)]), Cause::NeverScanned, "no CA is concerned");
}

#[test]
fn a_holder_who_was_turned_away_by_a_missing_ca_is_not_to_blame() {
    let away = Input::TurnAway { certificate_authority: "softca".into() };
    let record = after(&session(sign(&["a"]), false), away.clone(), at(100));
    assert_eq!(apply(&record, away, at(101)), Ok(Step::Unchanged));
    let expected = Cause::CertificateAuthorityUnavailable { from: at(90), until: at(170) };
    assert_eq!(cause_at(&record, 180, vec![outage(Some("softca"), 90, 170)]), expected);
}

#[test]
fn a_claimed_session_that_expires_while_its_ca_was_down_is_not_its_holders_fault() {
    let ready = after(&session(sign(&["a"]), false), claim_of("phone"), at(5));
    let both = vec![outage(Some("other"), 300, 604), outage(Some("softca"), 300, 604)];
    let expected = Cause::CertificateAuthorityUnavailable { from: at(300), until: at(604) };
    assert_eq!(cause_at(&ready, 605, both), expected);
    assert_eq!(cause_at(&ready, 605, vec![outage(Some("softca"), 300, 400)]), Cause::NotConfirmed);
}

#[test]
fn late_items_give_the_holder_the_whole_time_to_confirm() {
    let claimed = after(&session(sign(&[]), true), claim_of("phone"), at(5));
    let ready = after(&claimed, Input::Items(sign(&["a"])), at(595));
    assert_eq!(ready.deadline(), at(1195));
}

#[test]
fn items_that_come_at_the_end_of_an_openings_window_are_the_bid_systems_fault() {
    let mut record = session(sign(&[]), true);
    record.terms.shared_window = true;
    let claimed = after(&record, claim_of("phone"), at(5));
    let ready = after(&claimed, Input::Items(sign(&["a"])), at(170));
    assert_eq!(ready.deadline(), at(180));
    assert_eq!(cause_at(&ready, 180, Vec::new()), Cause::ItemsCameLate);
}

#[test]
fn an_extension_never_shortens() {
    let record = session(sign(&["a"]), false);
    let later = after(&record, Input::Extend { until: at(900) }, at(10));
    assert_eq!(apply(&later, Input::Extend { until: at(600) }, at(11)), Ok(Step::Unchanged));
}

#[test]
fn a_websocket_token_is_good_once() {
    let record = session(sign(&["a"]), false);
    let first = Input::UseSocketToken { presented: digest("token 0"), next: digest("token 1") };
    let used = after(&record, first.clone(), at(1));
    assert_eq!(outcome_of(&used, first, at(2)), Refusal::SocketTokenUsed);
    let next = Input::UseSocketToken { presented: digest("token 1"), next: digest("token 2") };
    after(&used, next, at(3));
}

#[test]
fn an_acknowledged_result_is_removed_and_the_session_stays_completed() {
    let ready = after(&session(sign(&["a"]), false), claim_of("phone"), at(5));
    assert_eq!(outcome_of(&ready, Input::Acknowledge, at(6)), Refusal::NoResult);
    let completed = after(&ready, response_to(&ready, "r"), at(9));
    let acknowledged = after(&completed, Input::Acknowledge, at(10));
    assert!(matches!(acknowledged.state, State::Completed { result: None, .. }));
    assert_eq!(apply(&acknowledged, Input::Acknowledge, at(11)), Ok(Step::Unchanged));
}

#[derive(Clone, Debug)]
enum Move {
    Claim(u8),
    Items(u8),
    Respond(u8),
    Decline,
    Cancel,
    Extend(u16),
    Acknowledge,
    Tick,
}

fn moves() -> impl Strategy<Value = Vec<(u16, Move)>> {
    let one = prop_oneof![
        3 => (0u8..3).prop_map(Move::Claim),
        2 => (0u8..2).prop_map(Move::Items),
        3 => (0u8..2).prop_map(Move::Respond),
        1 => Just(Move::Decline),
        1 => Just(Move::Cancel),
        1 => (1u16..900).prop_map(Move::Extend),
        2 => Just(Move::Acknowledge),
        2 => Just(Move::Tick),
    ];
    prop::collection::vec((0u16..120, one), 1..40)
}

fn input_of(record: &SessionRecord, now: Timestamp, step: &Move) -> Input {
    match step {
        Move::Claim(phone) => claim_of(&format!("phone {phone}")),
        Move::Items(which) => Input::Items(sign(&[["a", "b"][usize::from(*which)]])),
        Move::Respond(which) => response_to(record, &format!("response {which}")),
        Move::Decline => Input::Decline(Cause::DeclinedByHolder),
        Move::Cancel => Input::Cancel(Cause::CancelledByRelyingParty),
        Move::Extend(seconds) => Input::Extend { until: now.plus_seconds(u32::from(*seconds)) },
        Move::Acknowledge => Input::Acknowledge,
        Move::Tick => Input::Tick { outages: Vec::new() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever comes in whatever order: one claim, one end, one result, and a final state stays.
    #[test]
    fn every_history_keeps_the_promises(late in any::<bool>(), history in moves()) {
        let task = if late { sign(&[]) } else { sign(&["a"]) };
        let mut record = session(task, late);
        let mut now = at(0);
        let (mut claims, mut ends, mut results) = (0, 0, 0);
        for (pause, step) in history {
            now = now.plus_seconds(u32::from(pause));
            let input = if is_due(&record, now) { Input::Tick { outages: Vec::new() } } else { input_of(&record, now, &step) };
            let before = record.clone();
            if let Ok(Step::Changed { record: next, happenings }) = apply(&before, input, now) {
                if before.is_final() {
                    prop_assert_eq!(before.state_name(), next.state_name(), "a final state changed");
                    prop_assert!(happenings.is_empty(), "something was told after the end");
                }
                if let (Some(one), Some(other)) = (before.claim(), next.claim()) {
                    prop_assert_eq!(one, other, "the claim changed hands");
                }
                for happening in &happenings {
                    match happening {
                        Happening::Claimed { .. } => claims += 1,
                        Happening::Completed { result, .. } => {
                            ends += 1;
                            results += 1;
                            prop_assert!(result.is_some());
                            prop_assert!(matches!(before.state, State::Ready { .. }), "answered before it was ready");
                        }
                        Happening::Declined(_) | Happening::Failed(_) | Happening::Expired(_) | Happening::Cancelled(_) => ends += 1,
                        Happening::Opened { .. } | Happening::Ready { .. } | Happening::Extended { .. } => {}
                    }
                }
                record = *next;
            }
        }
        prop_assert!(claims <= 1 && ends <= 1 && results <= ends);
        prop_assert_eq!(ends == 1, record.is_final());
    }
}
