//! The catalogue's file: what commands do to what a hand wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use yinqiao_tests::Broker;

use super::plugins::{compile, taken, text};

#[test]
fn commands_keep_comments_order_and_what_they_do_not_change() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    fs::create_dir_all(broker.data()).unwrap();
    let written = format!(
        "# Our CAs.\n\n[[route]]\nadapters = [\"second\"] # for all\n\n[[adapter]] # the first\nname = \"first\"\n\
         version = {{ library = {0:?} }}\n\n[[adapter]]\nname = \"second\"\nversion.library = {0:?} # see the contract\n\
         limits.start = \"15000ms\"\n\n[policy]\nchange_expires_hours = 24 # a day\n",
        text(&library)
    );
    fs::write(broker.catalogue(), &written).unwrap();
    broker.operator(&["adapter", "configure", "second", "--network", "443,8443", "--limit", "threads=2"]);
    let after = fs::read_to_string(broker.catalogue()).unwrap();
    for kept in ["# Our CAs.", "# for all", "# the first", "# see the contract", "\"15000ms\"", "# a day"] {
        assert!(after.contains(kept), "{kept} is gone:\n{after}");
    }
    assert!(after.find("\"first\"") < after.find("name = \"second\""), "{after}");
    assert!(!after.contains("data_directory"), "{after}");
    let second = broker.operator_json(&["adapter", "list", "--json"])["adapters"][1].clone();
    assert_eq!(second["sandbox"]["network"], serde_json::json!([443, 8443]));
    assert_eq!(second["limits_in_force"]["threads"], 2);
    assert_eq!(second["limits_in_force"]["start_ms"], 15_000);
    assert_eq!(fs::metadata(broker.catalogue()).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn an_adapter_that_was_written_by_hand_is_pinned_by_a_command() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    fs::create_dir_all(broker.data()).unwrap();
    let written = format!("[[adapter]]\nname = \"vendor\"\nversion.library = {:?}\n", text(&library));
    fs::write(broker.catalogue(), written).unwrap();
    assert!(broker.operator(&["adapter", "list"]).contains("not pinned"));
    broker.operator(&["adapter", "pin", "vendor"]);
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][0]["pinned"], true);
    assert_eq!(list["adapters"][0]["version"]["loaded"]["abi"], "1.0");
    assert!(taken(&broker, "vendor").starts_with(broker.data()));
}

#[test]
fn without_a_catalogue_the_shipped_software_ca_is_listed_and_stays_when_another_is_added() {
    let broker = Broker::not_started();
    assert!(broker.operator(&["adapter", "list"]).contains("shipped"));
    assert!(!broker.catalogue().exists());
    let library = compile(broker.folder(), "vendor", &[]);
    broker.operator(&["adapter", "add", "vendor", text(&library)]);
    let list = broker.operator(&["adapter", "list"]);
    assert!(list.contains("softca") && list.contains("shipped") && list.contains("vendor"), "{list}");
}

#[test]
fn commands_at_the_same_time_do_not_lose_each_others_changes() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let (broker, library) = (&broker, &library);
            scope.spawn(move || broker.operator(&["adapter", "add", name, text(library)]));
        }
    });
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"].as_array().unwrap().len(), 5, "{list}");
}

#[test]
fn the_settings_show_where_the_catalogue_is() {
    let broker = Broker::not_started();
    let shown = broker.operator(&["config", "show"]);
    assert!(shown.contains(&format!("catalogue = {:?}", text(&broker.catalogue()))), "{shown}");
}
