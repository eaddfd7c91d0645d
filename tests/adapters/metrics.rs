//! `GET /metrics`: in the format that monitoring reads, true, and without a secret.

use std::fs;

use yinqiao_protocol::Token;
use yinqiao_tests::broker::free_port;
use yinqiao_tests::relying_party::{agent, send};
use yinqiao_tests::{Adapter, Answer, Broker, Holder, catalogue, plugins};

use super::openmetrics::{Exposition, check_histogram, read, sum};
use super::steps::{kill, log_in, wait_until};

/// A broker that serves its figures; gives their address too.
pub fn monitored(adapters: impl FnOnce(&Broker) -> Vec<Adapter>) -> (Broker, String) {
    let mut broker = Broker::not_started();
    let address = format!("127.0.0.1:{}", free_port());
    fs::write(broker.folder().join("yinqiao.toml"), format!("metrics_listen = {address:?}\n")).unwrap();
    catalogue::write(&broker, &adapters(&broker), "");
    broker.restart();
    (broker, format!("http://{address}"))
}

/// The figures as they are sent.
pub fn scrape(url: &str) -> Answer {
    send(&agent(), url, "GET", "/metrics", None, b"").unwrap()
}

fn figures(url: &str) -> Exposition {
    let answer = scrape(url);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.media_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let figures = read(&answer.text());
    check_histogram(&figures["yinqiao_adapter_call_duration_seconds"]);
    figures
}

fn issues(figures: &Exposition, adapter: &str, outcome: &str) -> f64 {
    let labels = [("adapter", adapter), ("operation", "issue"), ("outcome", outcome)];
    sum(figures, "yinqiao_adapter_calls", &labels)
}

#[test]
fn the_figures_are_valid_openmetrics_and_move_with_what_happens() {
    let (broker, url) = monitored(|broker| {
        let crashing = plugins::faulty(broker, "crash_on_issue");
        vec![
            Adapter::software_ca(broker, "softca"),
            Adapter::vendor(broker, "vendor", &crashing).variant("after_issue"),
        ]
    });
    let before = figures(&url);
    for name in ["softca", "vendor"] {
        assert!((sum(&before, "yinqiao_adapter_up", &[("adapter", name)]) - 1.0).abs() < 0.1, "{before:?}");
        assert!(sum(&before, "yinqiao_adapter_resident_bytes", &[("adapter", name)]) > 1e6);
    }
    let count = |figures: &Exposition| issues(figures, "softca", "ok").round();
    let platform = broker.relying_party("fuzhou");
    let people = ["王小明", "林晓"].map(|name| broker.person(name));
    log_in(&platform, &people[0]);
    let after = figures(&url);
    assert!((count(&after) - count(&before) - 2.0).abs() < 0.1, "{after:?}");
    assert!(sum(&after, "yinqiao_sessions", &[]) >= 1.0);

    let code = broker.operator(&["enrolment", "add", "--name", "王小明", "--adapter", "vendor"]);
    Holder::new().enrol_with(&broker, &Token::parse(&code).unwrap());
    let crashed = figures(&url);
    let text = scrape(&url).text();
    for secret in [platform.key().expose(), code.as_str(), "王小明", broker.data().to_str().unwrap()] {
        assert!(!text.contains(secret), "{text}");
    }
    for name in ["yinqiao_adapter_unknown_outcomes", "yinqiao_adapter_restarts"] {
        assert!(sum(&crashed, name, &[("adapter", "vendor")]) >= 1.0, "{name}: {crashed:?}");
        assert!(sum(&crashed, name, &[("adapter", "softca")]) < 0.5, "{name}: {crashed:?}");
    }
    kill(broker.adapter_state("softca")["live"]["process"].as_i64().unwrap());
    wait_until("a restart that is counted", || {
        sum(&figures(&url), "yinqiao_adapter_restarts", &[("adapter", "softca")]) >= 1.0
    });
}

#[test]
fn an_adapter_that_does_not_run_is_not_up() {
    let (_broker, url) = monitored(|broker| {
        let missing = broker.folder().join("missing.so");
        vec![Adapter::software_ca(broker, "softca"), Adapter::vendor(broker, "vendor", &missing)]
    });
    let figures = figures(&url);
    let up = |name| sum(&figures, "yinqiao_adapter_up", &[("adapter", name)]);
    assert!(up("softca") > 0.5 && up("vendor") < 0.5, "{figures:?}");
}

#[test]
fn the_figures_are_not_on_the_bid_systems_port_and_nothing_else_is_on_theirs() {
    let (broker, url) = monitored(|broker| vec![Adapter::software_ca(broker, "softca")]);
    scrape(&broker.url()).refused("not-found");
    for path in ["/health", "/v1/certificate-authorities", "/"] {
        assert_eq!(send(&agent(), &url, "GET", path, None, b"").unwrap().status, 404, "{path}");
    }
    assert_eq!(send(&agent(), &url, "POST", "/metrics", None, b"{}").unwrap().status, 404);
}
