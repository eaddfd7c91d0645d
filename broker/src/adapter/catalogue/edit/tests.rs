//! Tests of the editor.

use proptest::prelude::*;

use super::*;
use crate::config::Config;

fn site() -> Site {
    Site::of(&Config { data_directory: "/data".into(), ..Config::default() })
}

fn editor(text: &str) -> Editor {
    Editor { site: site(), document: text.parse().unwrap() }
}

fn entry(json: serde_json::Value) -> Entry {
    serde_json::from_value(json).unwrap()
}

#[test]
fn what_says_the_same_already_is_left_as_it_was_written() {
    let text = "# top\n[[adapter]] # head\nname = 'a' # name\nversion.library = '/a.so' # file\n\
                limits = { start = '15000ms', reply = 1048576 } # limits\n";
    let mut present = Catalogue::parse(&site(), text).unwrap().entries.remove(0);
    let mut editor = editor(text);
    editor.put(&present).unwrap();
    assert_eq!(editor.document.to_string(), text);
    present.limits.threads = Some(2);
    present.state = State::Disabled;
    editor.put(&present).unwrap();
    let after = editor.document.to_string();
    for kept in ["# top", "# head", "# name", "# file", "start = '15000ms', reply = 1048576", "# limits"] {
        assert!(after.contains(kept), "{kept} is gone:\n{after}");
    }
    assert_eq!(Catalogue::parse(&site(), &after).unwrap().entries, [present]);
}

#[test]
fn removing_takes_an_adapter_out_of_all_routes() {
    let text = "[[route]]\nregions = ['35']\nadapters = ['a']\n[[route]]\nadapters = ['b', 'a']\n\
                [[adapter]]\nname = 'a'\nversion.library = '/a.so'\n[[adapter]]\nname = 'b'\nversion.library = '/b.so'\n";
    let mut editor = editor(text);
    assert_eq!(editor.remove(&"a".parse().unwrap()).unwrap(), 1);
    let left = Catalogue::parse(&site(), &editor.document.to_string()).unwrap();
    assert_eq!((left.entries.len(), left.routes.len()), (1, 1));
    assert!(matches!(editor.remove(&"a".parse().unwrap()), Err(EditError::Unknown(_))));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "\\PC{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-zA-Z. \"-]{0,6}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn any_entry()(
        name in "[a-c]",
        state in prop_oneof![Just("enabled"), Just("disabled")],
        folder in prop::option::of("/[a-z]{1,6}"),
        threads in prop::option::of(1_u32..9),
        network in prop_oneof![Just(serde_json::json!("none")), Just(serde_json::json!([443, 1]))],
        configuration in prop::collection::btree_map("[a-z. -]{1,5}", any_json(), 0..4),
        earlier in prop::collection::vec(prop::collection::btree_map("[a-z]{1,5}", any_json(), 0..2), 0..3),
    ) -> Entry {
        let pin = "ab".repeat(32);
        let version = |number: usize| serde_json::json!({
            "library": format!("/{number}.so"), "sha256": pin, "sm3": pin, "installed_by": ["张三", "李四"],
            "installed_at": "2026-11-24T09:30:00.000Z",
            "loaded": { "vendor": "v", "name": "n", "version": "1", "abi": "1.0" },
        });
        let earlier: Vec<_> = earlier.into_iter().enumerate()
            .map(|(number, configuration)| serde_json::json!({ "version": version(number + 1), "configuration": configuration }))
            .collect();
        let folder = folder.unwrap_or_else(|| format!("/data/adapter-data/{name}"));
        let mut json = serde_json::json!({
            "name": name, "state": state, "data_directory": folder, "version": version(0),
            "configuration": configuration, "sandbox": { "network": network }, "earlier": earlier,
        });
        if let Some(threads) = threads {
            json["limits"] = serde_json::json!({ "threads": threads });
        }
        entry(json)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_put_in_is_read_back_whatever_was_there_before(entries in prop::collection::vec(any_entry(), 1..6)) {
        let mut editor = editor("# ours\n");
        for entry in &entries {
            editor.put(entry).unwrap();
            let read = Catalogue::parse(&site(), &editor.document.to_string()).unwrap();
            prop_assert_eq!(read.entry(&entry.name), Some(entry));
        }
        let text = editor.document.to_string();
        editor.put(entries.last().unwrap()).unwrap();
        prop_assert_eq!(editor.document.to_string(), text, "saying it again changes nothing");
    }
}
