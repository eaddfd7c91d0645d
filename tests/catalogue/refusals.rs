//! Files that are not taken: each with one line that says what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use yinqiao_tests::Broker;

use super::plugins::{change_one_byte, compile, taken, text};

/// Nothing of a plugin that is refused comes into the catalogue's folder.
fn nothing_was_copied(broker: &Broker) {
    assert!(!broker.data().join("adapters").exists());
    assert!(!broker.catalogue().exists());
}

/// What preflight says of an adapter that will not load.
fn refusal(broker: &Broker, name: &str) -> String {
    let said = broker.operator_refused(&["adapter", "preflight", "--json"]);
    let (document, error) = said.rsplit_once('\n').unwrap();
    assert!(error.contains("will not load"), "{error}");
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let adapters = document["adapters"].as_array().unwrap();
    let adapter = adapters.iter().find(|adapter| adapter["adapter"] == name).unwrap();
    assert_eq!(adapter["will_load"], false);
    let reason = adapter["reason"].as_str().unwrap().to_owned();
    assert!(!reason.contains('\n'), "{reason}");
    reason
}

#[test]
fn a_file_with_one_changed_byte_is_refused_by_preflight_and_by_the_broker() {
    let mut broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    broker.operator(&["adapter", "add", "vendor", text(&library)]);
    broker.operator(&["adapter", "preflight"]);
    change_one_byte(&taken(&broker, "vendor"));
    let reason = refusal(&broker, "vendor");
    assert!(reason.contains("another file than the pinned one") && reason.contains("restore"), "{reason}");
    broker.restart();
    assert!(broker.log().contains("another file than the pinned one"), "{}", broker.log());
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][0]["live"]["state"], "ready", "the other CA serves");
    assert_eq!(list["adapters"][1]["live"]["state"], "failed");
}

#[test]
fn what_happens_to_the_vendors_own_file_after_it_was_taken_does_not_matter() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    broker.operator(&["adapter", "add", "vendor", text(&library)]);
    fs::remove_file(&library).unwrap();
    broker.operator(&["adapter", "preflight"]);
    let mode = fs::metadata(taken(&broker, "vendor")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o500);
}

#[test]
fn what_was_tried_is_what_is_kept_whatever_becomes_of_the_vendors_file_meanwhile() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["OPEN_SECONDS=2"]);
    let tried = fs::read(&library).unwrap();
    std::thread::scope(|scope| {
        let add = scope.spawn(|| broker.operator(&["adapter", "add", "vendor", text(&library)]));
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(!broker.data().join("adapters").exists(), "it is tried first");
        compile(broker.folder(), "vendor", &["MAJOR=99"]);
        add.join().unwrap();
    });
    assert!(fs::read(taken(&broker, "vendor")).unwrap() == tried);
    broker.operator(&["adapter", "preflight"]);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let broker = Broker::not_started();
    let folder = broker.folder().join("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let library = compile(&folder, "vendor", &[]);
    let error = broker.operator_refused(&["adapter", "add", "vendor", text(&library)]);
    assert!(error.contains("chmod"), "{error}");
    assert!(!broker.catalogue().exists(), "nothing was written");
}

#[test]
fn a_plugin_for_another_contract_is_refused() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["MAJOR=99"]);
    let error = broker.operator_refused(&["adapter", "add", "vendor", text(&library)]);
    assert!(error.contains("99") && error.contains("vendor"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    nothing_was_copied(&broker);
}

#[test]
fn a_library_without_the_contracts_symbol_is_refused() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["NO_SYMBOL"]);
    let error = broker.operator_refused(&["adapter", "add", "vendor", text(&library)]);
    assert!(error.contains("ca_adapter_get"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    nothing_was_copied(&broker);
}

#[test]
fn what_is_no_library_is_refused() {
    let broker = Broker::not_started();
    let file = broker.folder().join("text.so");
    fs::write(&file, "no library").unwrap();
    let error = broker.operator_refused(&["adapter", "add", "vendor", text(&file)]);
    assert!(error.contains("ELF"), "{error}");
}

#[test]
fn a_configuration_that_does_not_fit_the_plugins_schema_is_refused_without_its_values() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    let file = broker.folder().join("configuration.toml");
    fs::write(&file, "url = [\"hunter2\"]\n").unwrap();
    let arguments = ["adapter", "add", "vendor", text(&library), "--configuration", text(&file)];
    let error = broker.operator_refused(&arguments);
    assert!(error.contains("/url") && !error.contains("hunter2"), "{error}");
    nothing_was_copied(&broker);
}

#[test]
fn a_broker_refuses_to_start_with_a_catalogue_that_is_wrong_and_says_where() {
    let broker = Broker::not_started();
    fs::create_dir_all(broker.data()).unwrap();
    fs::write(broker.catalogue(), "[[adapter]]\nname = 'a'\nversion.library = '/a.so'\ncolour = 'red'\n")
        .unwrap();
    let error = broker.refused_start();
    for part in [text(&broker.catalogue()), "adapter \"a\"", "colour"] {
        assert!(error.contains(part), "{error}");
    }
}
