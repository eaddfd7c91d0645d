//! What the tests here do again and again.

use std::time::{Duration, Instant};

use serde_json::Value;

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::outcome::Outcome;
use yinqiao_tests::{Broker, Holder, RelyingParty, tasks};

/// Waits until `come` says so; `what` is said when it never does.
pub fn wait_until(what: &str, mut come: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !come() {
        assert!(begun.elapsed() < Duration::from_secs(45), "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The result of a login.
pub fn log_in(platform: &RelyingParty, holder: &Holder) -> Outcome {
    let opened = platform.open(tasks::login());
    assert_eq!(holder.answer(&opened.code).state, SessionState::Completed);
    *platform.view(&opened.session).result.unwrap()
}

/// The broker's rows of certificates.
pub fn certificates(broker: &Broker) -> Vec<Value> {
    broker.operator_json(&["certificate", "list"])["certificates"].as_array().unwrap().clone()
}

/// The broker's rows of operations that are not concluded.
pub fn operations(broker: &Broker) -> Vec<Value> {
    broker.operator_json(&["adapter", "operations", "--json"])["operations"].as_array().unwrap().clone()
}

/// Kills a process that may have ended by itself.
pub fn kill(process: i64) {
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
}
