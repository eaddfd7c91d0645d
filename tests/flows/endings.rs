//! Every way in which a session ends without a result, and through whom.

use std::thread;
use std::time::Duration;

use yinqiao_phone::PhoneError;
use yinqiao_phone::store::StoreError;
use yinqiao_protocol::cause::Attribution;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::phone::{Decline, DeclineReason};
use yinqiao_protocol::relying_party::{OpenOpening, OpenSession, OpenedOpening};
use yinqiao_protocol::task::MessageArc;
use yinqiao_protocol::{Cause, SessionId};
use yinqiao_tests::holder::{agree, problem_of};
use yinqiao_tests::relying_party::{current_code, session};
use yinqiao_tests::{Broker, RelyingParty, tasks};

/// The least time to live that can be asked for.
const SHORTEST: u32 = 30;

#[track_caller]
fn assert_ended(
    platform: &RelyingParty,
    session: &SessionId,
    state: SessionState,
    cause: &Cause,
    through: Attribution,
) {
    let view = platform.view(session);
    assert_eq!((view.state, view.cause.as_ref(), view.attributed_to), (state, Some(cause), Some(through)));
    let last = platform.session_events(session, 0).events.pop().unwrap();
    let ending = match last.happening {
        Happening::Declined(ending) | Happening::Failed(ending) => ending,
        Happening::Expired(ending) | Happening::Cancelled(ending) => ending,
        other => panic!("{other:?}"),
    };
    assert_eq!((&ending.cause, ending.attributed_to), (cause, through));
}

#[test]
fn what_the_phone_says_is_the_cause() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let item = || "d0".parse().unwrap();
    let cases = [
        (DeclineReason::Declined, SessionState::Declined, Cause::DeclinedByHolder, Attribution::Holder),
        (DeclineReason::Reported, SessionState::Declined, Cause::ReportedByHolder, Attribution::Holder),
        (DeclineReason::PinLocked, SessionState::Failed, Cause::PinLocked, Attribution::Holder),
        (DeclineReason::Refused, SessionState::Failed, Cause::RefusedByPhone, Attribution::Undetermined),
        (
            DeclineReason::KeyDidNotOpen,
            SessionState::Failed,
            Cause::KeyDidNotOpen { item: item() },
            Attribution::Holder,
        ),
    ];
    for (reason, state, cause, through) in cases {
        let opened = platform.open(tasks::sign(1, MessageArc::Rfc5652));
        let session = person.scan(&opened.code).unwrap();
        let decline = Decline { reason, item: (reason == DeclineReason::KeyDidNotOpen).then(item) };
        let answered = session.send_decline(&decline).unwrap();
        // Sent again after a lost answer, it gets the same one.
        assert_eq!(session.send_decline(&decline).unwrap().at, answered.at);
        assert_eq!(answered.state, state);
        assert_ended(&platform, &opened.session, state, &cause, through);
    }
}

#[test]
fn a_bid_system_cancels_before_and_after_the_claim() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    for claimed in [false, true] {
        let opened = platform.open(tasks::login());
        let held = claimed.then(|| person.scan(&opened.code).unwrap());
        platform.order(&opened.session, "cancel").expect::<serde_json::Value>();
        let (cause, through) = (Cause::CancelledByRelyingParty, Attribution::RelyingParty);
        assert_ended(&platform, &opened.session, SessionState::Cancelled, &cause, through);
        match held {
            None => assert_eq!(problem_of(person.scan(&opened.code)), "session-ended"),
            Some(mut session) => {
                let fetched = session.fetch(0).unwrap();
                assert_eq!(fetched, yinqiao_phone::Fetched::Ended(SessionState::Cancelled, Some(cause)));
            }
        }
    }
}

#[test]
fn a_locked_pin_fails_the_session_and_a_wrong_one_does_not() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut session = person.scan(&opened.code).unwrap();
    session.fetch(0).unwrap();
    let wrong = yinqiao_phone::Pin::parse("000000").unwrap();
    let error = session.answer(&wrong).unwrap_err();
    assert!(matches!(error, PhoneError::Store(StoreError::WrongPin { .. })), "{error}");
    assert_eq!(platform.view(&opened.session).state, SessionState::Ready);
    assert_eq!(agree(&mut session).state, SessionState::Completed);
}

/// All that takes the shortest time to live runs at once.
#[test]
fn time_that_runs_out_has_a_cause_for_each_step() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let short = |task| OpenSession {
        time_to_scan: Some(SHORTEST),
        time_to_confirm: Some(SHORTEST),
        time_to_keep: Some(SHORTEST),
        ..session(task)
    };
    let late = OpenSession { late_items: true, ..short(tasks::encrypt(0)) };
    let [unscanned, unconfirmed, itemless, unfetched] =
        [short(tasks::login()), short(tasks::login()), late, short(tasks::login())]
            .map(|request| platform.open_session(&request));
    let opening =
        OpenOpening { title: String::new(), window: Some(SHORTEST), sessions: vec![session(tasks::login())] };
    let opening: OpenedOpening = platform.post("/v1/openings", &opening).expect();
    let mut claimed = person.scan(&unconfirmed.code).unwrap();
    claimed.fetch(0).unwrap();
    let response = claimed.response(&claimed.unlock(&yinqiao_tests::holder::pin()).unwrap()).unwrap();
    person.scan(&itemless.code).unwrap();
    person.answer(&unfetched.code);
    let mut in_opening = person.scan(&opening.sessions[0].code).unwrap();
    in_opening.fetch(0).unwrap();
    assert!(platform.view(&unfetched.session).result.is_some());

    thread::sleep(Duration::from_secs(u64::from(SHORTEST) + 1));
    let expired = |session, cause, through| {
        assert_ended(&platform, session, SessionState::Expired, &cause, through);
    };
    expired(&unscanned.session, Cause::NeverScanned, Attribution::Holder);
    expired(&unconfirmed.session, Cause::NotConfirmed, Attribution::Holder);
    expired(&itemless.session, Cause::ItemsNeverCame, Attribution::RelyingParty);
    expired(&opening.sessions[0].session, Cause::NotConfirmed, Attribution::Holder);
    assert_eq!(problem_of(person.scan(&current_code(platform.url(), &unscanned))), "session-expired");
    assert_eq!(problem_of(claimed.send(&response)), "session-expired");
    let path = format!("/v1/sessions/{}", unfetched.session);
    platform.send("GET", &path, b"").refused("not-found");

    assert_eq!(person.answer(&platform.open(tasks::login()).code).state, SessionState::Completed);
}
