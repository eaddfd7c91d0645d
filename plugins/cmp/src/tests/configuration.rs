//! Wrong configurations and credentials: each is refused at open, by name.

use serde_json::{Value, json};
use yinqiao_ca_sdk::ErrorClass;

use super::fixture::Pki;
use super::{SECRET, configuration, host, mac_host};
use crate::{MAC_SECRET, RA_KEY};

#[test]
fn a_wrong_configuration_is_refused_with_the_member_that_is_wrong() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().unwrap();
    let good = configuration(folder.path(), "http://127.0.0.1:9/", &pki.text("ca.pem"), "p10cr");
    let host = mac_host();
    assert!(host.open(&good).is_ok());
    let wrong: [(&str, Value, &str); 17] = [
        ("url", "ftp://ca".into(), "url"),
        ("url", "http://user:password@ca/".into(), "credentials"),
        ("directory", "relative".into(), "directory"),
        ("ca_certificates", pki.text("ra.pem").into(), "root"),
        ("ca_certificates", format!("{}{}", pki.text("ra.pem"), pki.text("ca.pem")).into(), "issuing CA"),
        ("ca_certificates", "no PEM".into(), "ca_certificates"),
        ("profiles", json!({}), "profiles"),
        ("profiles", json!({"person": {"request": "kur"}}), "profiles.person"),
        ("profiles", json!({"person": {"request": "p10cr"}}), "ca_validity"),
        ("profiles", json!({"person": {"request": "cr", "subject": [{"attribute": "CN"}]}}), "text or from"),
        ("profiles", json!({"person": {"request": "cr", "subject": [{"attribute": "X", "text": "x"}]}}), "X"),
        ("update", json!({"request": "cr"}), "update"),
        ("message_timeout_seconds", 0.into(), "message_timeout_seconds"),
        ("poll", json!({"shortest_seconds": 60, "longest_seconds": 1}), "poll.shortest_seconds"),
        ("tls_trusted_certificates", pki.text("ca.pem").into(), "https"),
        ("secret", "in the configuration".into(), "secret"),
        ("protection", json!({"kind": "mac", "iterations": 1}), "protection.iterations"),
    ];
    for (member, value, named) in wrong {
        let mut document = good.clone();
        document[member] = value;
        let error = host.open(&document).err().expect(member);
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{error}");
        assert!(error.to_string().contains(named), "{member}: {error}");
    }
}

#[test]
fn a_missing_or_unfit_credential_is_refused_without_showing_it() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().unwrap();
    let mac = configuration(folder.path(), "http://127.0.0.1:9/", &pki.text("ca.pem"), "p10cr");
    let mut signed = mac.clone();
    signed["protection"] = json!({"kind": "signature", "certificates": pki.text("ra.pem")});
    signed["trusted_certificates"] = pki.text("server.pem").into();
    let (own, other) = (pki.text("ra.key"), pki.text("server.key"));
    let cases: [(&Value, &str, &[u8]); 5] = [
        (&mac, RA_KEY, own.as_bytes()),
        (&mac, MAC_SECRET, b"short"),
        (&signed, MAC_SECRET, SECRET),
        (&signed, RA_KEY, other.as_bytes()),
        (&signed, RA_KEY, b"-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n"),
    ];
    for (document, name, value) in cases {
        let error = host(&[(name, value)]).open(document).err().expect(name);
        assert_eq!(error.class(), Some(ErrorClass::Authentication), "{error}");
        assert!(!error.to_string().contains("QUJD") && !error.to_string().contains("short"), "{error}");
    }
    assert!(host(&[(RA_KEY, own.as_bytes())]).open(&signed).is_ok());
}

#[test]
fn the_description_names_every_member_and_the_secrets() {
    let description = mac_host().describe().unwrap();
    let names: Vec<&str> = description.secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, [MAC_SECRET, RA_KEY]);
    let members = description.configuration["properties"].as_object().unwrap();
    let pki = Pki::new();
    let folder = tempfile::tempdir().unwrap();
    let mut document = configuration(folder.path(), "http://127.0.0.1:9/", &pki.text("ca.pem"), "p10cr");
    for (member, schema) in members {
        if let Some(default) = schema.get("default") {
            document[member] = default.clone();
        }
    }
    assert!(mac_host().open(&document).is_ok(), "the schema's defaults are what open takes");
}

#[test]
fn the_examples_of_the_readme_can_be_opened() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().unwrap();
    let readme = include_str!("../../README.md");
    let examples: Vec<&str> =
        readme.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let mut document: Value = serde_json::from_str(example).unwrap();
        document["directory"] = folder.path().to_str().into();
        for (member, file) in [
            ("ca_certificates", "ca.pem"),
            ("trusted_certificates", "ca.pem"),
            ("tls_trusted_certificates", "ca.pem"),
        ] {
            if document.get(member).is_some() {
                document[member] = pki.text(file).into();
            }
        }
        if document["protection"].get("certificates").is_some() {
            document["protection"]["certificates"] = pki.text("ra.pem").into();
        }
        let key = pki.text("ra.key");
        let host = host(&[(MAC_SECRET, SECRET), (RA_KEY, key.as_bytes())]);
        assert!(host.open(&document).is_ok(), "{example}");
    }
}
