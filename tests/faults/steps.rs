//! The broker dies between any two steps of a session.

use yinqiao_phone::Fetched;
use yinqiao_protocol::event::{Event, Happening, SessionState};
use yinqiao_protocol::relying_party::SessionView;
use yinqiao_protocol::task::MessageArc;
use yinqiao_tests::relying_party::current_code;
use yinqiao_tests::{Broker, Holder, RelyingParty, Socket, tasks};

/// What has just been done when the broker dies. "Pushed" means that the page has received the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Opened,
    SocketConnected,
    Claimed,
    ItemsSent,
    Fetched,
    ResponsePosted,
    Pushed,
    Acknowledged,
}

const STEPS: [Step; 8] = [
    Step::Opened,
    Step::SocketConnected,
    Step::Claimed,
    Step::ItemsSent,
    Step::Fetched,
    Step::ResponsePosted,
    Step::Pushed,
    Step::Acknowledged,
];

/// One session with a kill somewhere in it.
struct Run<'a> {
    broker: &'a mut Broker,
    platform: &'a RelyingParty,
    dies_after: Step,
}

impl Run<'_> {
    /// Whether the broker has died here.
    fn after(&mut self, step: Step) -> bool {
        let dies = step == self.dies_after;
        if dies {
            self.broker.kill();
            self.broker.restart();
        }
        dies
    }

    /// As [`Run::after`]; the page comes back with the number of the last event that it has seen.
    fn after_with_page(&mut self, step: Step, page: &mut Socket) {
        if self.after(step) {
            let token = page.next_token.take().unwrap();
            let mut new = Socket::connect(self.platform.url(), None);
            new.hello(Some(&token), page.last);
            assert!(new.complete);
            *page = new;
        }
    }

    fn session(&mut self, person: &Holder) {
        let opened = self.platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
        self.after(Step::Opened);
        let mut page = self.platform.watch(&opened);
        self.after_with_page(Step::SocketConnected, &mut page);
        let mut seen: Vec<Event> = vec![page.event()];

        let mut session = person.scan(&current_code(self.platform.url(), &opened)).unwrap();
        self.after_with_page(Step::Claimed, &mut page);
        seen.push(page.event());
        let items = tasks::sign(2, MessageArc::Rfc5652);
        self.platform.send_items(&opened.session, items).expect::<SessionView>();
        self.after_with_page(Step::ItemsSent, &mut page);
        seen.push(page.event());

        assert_eq!(session.fetch(0).unwrap(), Fetched::Ready);
        self.after_with_page(Step::Fetched, &mut page);
        let keys = session.unlock(&yinqiao_tests::holder::pin()).unwrap();
        let response = session.response(&keys).unwrap();
        let answered = session.send(&response).unwrap();
        self.after_with_page(Step::ResponsePosted, &mut page);
        seen.push(page.event());
        self.after_with_page(Step::Pushed, &mut page);
        let again = session.send(&response).unwrap();
        assert_eq!((again.state, again.at), (answered.state, answered.at));
        page.acknowledge(opened.session);
        self.after_with_page(Step::Acknowledged, &mut page);

        let view = self.platform.view(&opened.session);
        assert!(view.state == SessionState::Completed && view.acknowledged, "{view:?}");
        let Happening::Completed { result, .. } = &seen[3].happening else { panic!("{seen:?}") };
        assert_eq!(result.as_ref().unwrap().items.len(), 2);
        let stored = self.platform.session_events(&opened.session, 0).events;
        let numbers = |events: &[Event]| events.iter().map(|event| event.sequence).collect::<Vec<_>>();
        assert_eq!(numbers(&seen), numbers(&stored));
        assert_eq!(seen[..3], stored[..3]);
    }
}

#[test]
fn a_session_goes_on_after_a_kill_between_any_two_of_its_steps() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    for dies_after in STEPS {
        eprintln!("the broker dies after: {dies_after:?}");
        Run { broker: &mut broker, platform: &platform, dies_after }.session(&person);
    }
    let numbers: Vec<u64> = platform.events(0).events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=4 * STEPS.len() as u64).collect::<Vec<_>>());
}

#[test]
fn an_ordered_stop_loses_nothing_either() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut page = platform.watch(&opened);
    let mut session = person.scan(&opened.code).unwrap();
    broker.stop();
    assert!(page.is_closed());
    broker.restart();
    assert_eq!(yinqiao_tests::holder::agree(&mut session).state, SessionState::Completed);
    assert!(platform.view(&opened.session).result.is_some());
}
