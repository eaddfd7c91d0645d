//! Configurations that do not fit, derived from the schema that a plugin describes.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Words in the name of a member that holds a credential.
const CREDENTIAL_WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pin",
    "secret",
    "token",
    "credential",
    "private",
    "apikey",
    "api_key",
    "口令",
    "密码",
];

/// A configuration that the schema refuses.
pub(crate) struct BadConfiguration {
    /// What is wrong with it.
    pub(crate) what: String,
    /// The document.
    pub(crate) document: Vec<u8>,
}

/// The validator of a schema; an error in words when the schema is none of its draft.
pub(crate) fn validator(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() {
        return Err("a JSON Schema of a configuration is an object".to_owned());
    }
    if let Err(error) = jsonschema::meta::validate(schema) {
        return Err(format!("it is no JSON Schema: {error} at {}", error.instance_path()));
    }
    jsonschema::validator_for(schema).map_err(|error| format!("it cannot be used as a schema: {error}"))
}

/// One change each of a configuration that fits, as far as the schema refuses the result.
pub(crate) fn bad_configurations(
    schema: &Value,
    validator: &Validator,
    good: &Value,
) -> Vec<BadConfiguration> {
    let mut changes = vec![
        ("a text instead of an object".to_owned(), json!("configuration")),
        ("a list instead of an object".to_owned(), json!([])),
        ("null instead of an object".to_owned(), Value::Null),
    ];
    let mut paths = Vec::new();
    members(schema, good, &mut Vec::new(), &mut paths);
    for path in paths {
        let name = path.join("/");
        changes.push((format!("without the member {name}"), without(good, &path)));
        for wrong in [json!(true), json!(-1), json!("?"), json!([[]]), json!({"x": 1})] {
            changes.push((format!("{wrong} as the member {name}"), with(good, &path, wrong)));
        }
    }
    let unknown = with(good, &["conformance_unknown_member".to_owned()], json!(1));
    changes.push(("a member that the schema does not know".to_owned(), unknown));
    changes
        .into_iter()
        .filter(|(_, document)| !validator.is_valid(document))
        .map(|(what, document)| BadConfiguration { what, document: document.to_string().into_bytes() })
        .collect()
}

/// Names of members of the schema that look like credentials, as paths.
pub(crate) fn credential_members(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut names = Vec::new();
    all_members(schema, &mut names);
    for name in names {
        let lower = name.to_lowercase();
        let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
        let suspicious = CREDENTIAL_WORDS.iter().any(|word| {
            // Short words only as a whole: "pin" is not in "mapping".
            if word.is_ascii() && word.len() <= 3 { words.contains(word) } else { lower.contains(word) }
        });
        if suspicious {
            found.push(name);
        }
    }
    found
}

/// Paths of the members that the schema names, through nested objects.
fn members(schema: &Value, good: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        path.push(name.clone());
        found.push(path.clone());
        if let Some(inner) = good.get(name)
            && path.len() < 8
        {
            members(property, inner, path, found);
        }
        path.pop();
    }
}

fn all_members(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                if let ("properties", Some(properties)) = (key.as_str(), value.as_object()) {
                    found.extend(properties.keys().cloned());
                }
                all_members(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all_members(item, found)),
        _ => {}
    }
}

fn without(document: &Value, path: &[String]) -> Value {
    let mut document = document.clone();
    if let Some((last, parents)) = path.split_last()
        && let Some(parent) = descend(&mut document, parents)
    {
        parent.remove(last);
    }
    document
}

fn with(document: &Value, path: &[String], value: Value) -> Value {
    let mut document = document.clone();
    if let Some((last, parents)) = path.split_last()
        && let Some(parent) = descend(&mut document, parents)
    {
        parent.insert(last.clone(), value);
    }
    document
}

fn descend<'a>(document: &'a mut Value, path: &[String]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(document, |document, name| document.get_mut(name))?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "required": ["url"], "additionalProperties": false,
            "properties": {
                "url": {"type": "string", "minLength": 3},
                "tls": {"type": "object", "properties": {"mapping": {"type": "string"}}},
                "free": {},
            },
        })
    }

    #[test]
    fn every_derived_configuration_is_refused_by_the_schema_and_names_its_fault() {
        let good = json!({"url": "http://a", "tls": {"mapping": "m"}});
        let validator = validator(&schema()).unwrap();
        assert!(validator.is_valid(&good));
        let bad = bad_configurations(&schema(), &validator, &good);
        for one in &bad {
            let document: Value = serde_json::from_slice(&one.document).unwrap();
            assert!(!validator.is_valid(&document), "{}", one.what);
        }
        for what in [
            "without the member url",
            "true as the member url",
            "-1 as the member tls/mapping",
            "a member that the schema does not know",
            "null instead of an object",
        ] {
            assert!(bad.iter().any(|one| one.what == what), "{what}");
        }
        // Optional, or of any type: no fault.
        assert!(!bad.iter().any(|one| one.what.contains("free") || one.what == "without the member tls"));
    }

    #[test]
    fn a_document_that_is_no_schema_is_refused() {
        for schema in [json!(1), json!({"type": "objekt"}), json!({"required": "url"})] {
            assert!(validator(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn members_that_look_like_credentials_are_found_and_ordinary_ones_are_not() {
        let schema = json!({"properties": {
            "url": {}, "mapping": {}, "pin": {}, "shipping": {},
            "auth": {"properties": {"clientSecret": {}, "user": {}}},
            "list": {"items": {"properties": {"口令": {}}}},
        }});
        let mut found = credential_members(&schema);
        found.sort();
        assert_eq!(found, ["clientSecret", "pin", "口令"]);
    }
}
