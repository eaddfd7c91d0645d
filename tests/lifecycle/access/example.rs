//! A body that can be read, by its schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Makes bodies of what a document says, and of what exists.
pub struct Examples<'a> {
    pub document: &'a Value,
    /// By place: `body.days`.
    pub values: &'a BTreeMap<String, Value>,
}

impl Examples<'_> {
    /// Something that a schema allows: of objects what is required.
    pub fn of(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.of(self.document.pointer(name.trim_start_matches('#')).unwrap());
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema[choice].as_array().and_then(|choices| choices.first()) {
                return self.of(first);
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        match kind(schema) {
            "object" => self.object(schema),
            "array" => json!([]),
            "integer" | "number" => schema["minimum"].as_i64().unwrap_or(1).into(),
            "boolean" => false.into(),
            "string" => text(schema).into(),
            other => panic!("a schema of {other}: {schema}"),
        }
    }

    fn object(&self, schema: &Value) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let members = required.iter().map(|name| {
            let name = name.as_str().unwrap();
            let known = self.values.get(&format!("body.{name}")).cloned();
            (name.to_owned(), known.unwrap_or_else(|| self.of(&schema["properties"][name])))
        });
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// Its type, also where null is another one.
fn kind(schema: &Value) -> &str {
    let kinds = schema["type"].as_array();
    let first = kinds.and_then(|kinds| kinds.iter().find(|kind| *kind != "null"));
    first.unwrap_or(&schema["type"]).as_str().unwrap_or("object")
}

fn text(schema: &Value) -> String {
    let length = usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).unwrap();
    match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("uuid"), _) => "00000000-0000-4000-8000-000000000000".to_owned(),
        (Some("byte"), _) => "AAAA".repeat(length.div_ceil(4)),
        (Some("date-time"), _) => "2030-01-01T00:00:00.000Z".to_owned(),
        (_, Some(pattern)) if pattern.contains("{64}") => "0".repeat(64),
        _ => "A".repeat(length.max(1)),
    }
}
