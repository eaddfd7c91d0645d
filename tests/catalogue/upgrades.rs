//! Upgrading and rolling back, with and without a running broker.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::Value;

use yinqiao_tests::Broker;

use super::plugins::{compile, software_ca, taken, text};

/// Ends the load when the test ends, however that is.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn adapter(broker: &Broker, index: usize) -> Value {
    broker.operator_json(&["adapter", "list", "--json"])["adapters"][index].clone()
}

#[test]
fn a_running_broker_upgrades_and_rolls_back_while_phones_enrol() {
    let broker = Broker::start();
    let versions: Vec<_> = ["2", "3"].iter().map(|version| software_ca(broker.folder(), version)).collect();
    let (done, enrolled) = (AtomicBool::new(false), AtomicU32::new(0));
    let process = adapter(&broker, 0)["live"]["process"].clone();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                broker.person("王小明");
                enrolled.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _stop = Stop(&done);
        for library in &versions {
            broker.operator(&["adapter", "upgrade", "softca", text(library)]);
        }
        let third = taken(&broker, "softca");
        broker.operator(&["adapter", "rollback", "softca"]);
        assert_ne!(taken(&broker, "softca"), third);
    });
    assert!(enrolled.load(Ordering::Relaxed) > 0);
    let softca = adapter(&broker, 0);
    assert_eq!(softca["live"]["state"], "ready");
    assert_ne!(softca["live"]["process"], process);
    assert_eq!(softca["earlier"].as_array().unwrap().len(), 2, "{softca}");
}

#[test]
fn a_version_that_does_not_start_leaves_the_old_one_in_place() {
    let broker = Broker::start();
    let before = adapter(&broker, 0);
    let broken = compile(broker.folder(), "broken", &["MAJOR=99"]);
    broker.operator_refused(&["adapter", "upgrade", "softca", text(&broken)]);
    assert_eq!(adapter(&broker, 0)["live"]["process"], before["live"]["process"]);
    // Another plugin that starts is another CA all the same.
    let other = compile(broker.folder(), "other", &[]);
    let file = broker.folder().join("empty.json");
    std::fs::write(&file, "{}").unwrap();
    broker.operator_refused(&["adapter", "upgrade", "softca", text(&other), "--configuration", text(&file)]);
    let after = adapter(&broker, 0);
    assert_eq!(after["live"]["process"], before["live"]["process"]);
    assert_eq!(after["version"], before["version"]);
    broker.person("王小明");
}

#[test]
fn versions_come_and_go_without_a_broker_and_a_bounded_number_is_kept() {
    let broker = Broker::not_started();
    let version =
        |number: u32| compile(broker.folder(), &format!("v{number}"), &[&format!("VERSION=\"{number}\"")]);
    broker.operator(&["adapter", "add", "vendor", text(&version(1))]);
    for number in 2..=8 {
        broker.operator(&["adapter", "upgrade", "vendor", text(&version(number))]);
    }
    let vendor = adapter(&broker, 1);
    assert_eq!(vendor["version"]["loaded"]["version"], "8");
    assert_eq!(vendor["earlier"].as_array().unwrap().len(), 5);
    let files = std::fs::read_dir(broker.data().join("adapters/vendor")).unwrap().count();
    assert_eq!(files, 6, "the present one, and those that can be rolled back to");
    broker.operator(&["adapter", "rollback", "vendor"]);
    assert_eq!(adapter(&broker, 1)["version"]["loaded"]["version"], "7");
    let fifth = adapter(&broker, 1)["earlier"][2]["version"]["sha256"].as_str().unwrap().to_owned();
    broker.operator(&["adapter", "rollback", "vendor", "--to", &fifth[..12]]);
    assert_eq!(adapter(&broker, 1)["version"]["loaded"]["version"], "5");
    assert!(
        broker
            .operator_refused(&["adapter", "rollback", "vendor", "--to", "00"])
            .contains("no earlier version")
    );
}

#[test]
fn a_configuration_is_rolled_back_with_its_version() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    let file = broker.folder().join("configuration.json");
    let configure = |url: &str| std::fs::write(&file, format!("{{\"url\": {url:?}}}")).unwrap();
    configure("a");
    broker.operator(&["adapter", "add", "vendor", text(&library), "--configuration", text(&file)]);
    configure("b");
    broker.operator(&["adapter", "configure", "vendor", "--configuration", text(&file)]);
    assert_eq!(adapter(&broker, 1)["configuration"]["url"], "b");
    broker.operator(&["adapter", "rollback", "vendor"]);
    assert_eq!(adapter(&broker, 1)["configuration"]["url"], "a");
    assert!(adapter(&broker, 1)["refusal"].is_null());
}
