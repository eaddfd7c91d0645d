//! What the OpenAPI document asks of a request: who may send it, and what it looks like.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use yinqiao_tests::Broker;
use yinqiao_tests::broker::red_square;
use yinqiao_tests::relying_party::agent;

/// Members of bodies that need not be there to read them, but to have them granted.
const WANTED: [(&str, &str); 3] =
    [("place_order", "enterprise"), ("apply_for_seal", "picture"), ("staff_search", "name")];

/// One method of one path.
pub struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    /// The names in its security arrays.
    pub roles: BTreeSet<String>,
    /// Where it needs some, after a question mark.
    query: String,
    /// Media type and body that can be read.
    pub body: Option<(String, Vec<u8>)>,
}

impl Operation {
    /// The path with these things in it, and what the query needs; nothing where a thing is not among them.
    pub fn path_with(&self, things: &BTreeMap<&str, String>) -> Option<String> {
        let parts = self.path.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.map_or(Some(part), |name| things.get(name).map(String::as_str))
        });
        Some(format!("{}{}", parts.collect::<Option<Vec<_>>>()?.join("/"), self.query))
    }
}

/// All operations that are not for everybody.
pub fn operations(broker: &Broker, examples: &Map<String, Value>) -> Vec<Operation> {
    let mut answer = agent().get(format!("{}/v1/openapi.json", broker.url())).call().unwrap();
    let document: Value = serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().cloned().unwrap_or_default();
            let schemes = security.iter().flat_map(|entry| entry.as_object().unwrap().values());
            let roles = schemes.flat_map(|names| names.as_array().unwrap().iter());
            let roles: BTreeSet<_> = roles.map(|role| role.as_str().unwrap().to_owned()).collect();
            if roles.is_empty() {
                continue;
            }
            let id = operation["operationId"].as_str().unwrap();
            let wanted = WANTED.iter().filter(|(of, _)| *of == id).map(|(_, member)| *member).collect();
            let example = Example { document: &document, examples, wanted };
            operations.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                roles,
                query: example.query(&operation["parameters"]),
                body: example.body(&operation["requestBody"]),
            });
        }
    }
    operations
}

/// Makes what a schema describes: from the examples where a member's name is among them.
struct Example<'a> {
    document: &'a Value,
    examples: &'a Map<String, Value>,
    wanted: Vec<&'static str>,
}

impl Example<'_> {
    fn query(&self, parameters: &Value) -> String {
        let parameters = parameters.as_array().into_iter().flatten();
        let needed =
            parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        let pairs: Vec<_> = needed
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                format!("{name}={}", self.member(name, &parameter["schema"]))
            })
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn body(&self, body: &Value) -> Option<(String, Vec<u8>)> {
        let content = body["content"].as_object()?;
        let (media_type, bytes) = match content.get("application/json") {
            Some(json) => ("application/json", serde_json::to_vec(&self.of(&json["schema"])).unwrap()),
            None if content.contains_key("image/png") => ("image/png", red_square()),
            None => panic!("nothing is known of these bodies: {content:?}"),
        };
        Some((media_type.to_owned(), bytes))
    }

    fn member(&self, name: &str, schema: &Value) -> Value {
        self.examples.get(name).cloned().unwrap_or_else(|| self.of(schema))
    }

    fn of(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.of(self.document.pointer(reference.trim_start_matches('#')).unwrap());
        }
        for choice in ["oneOf", "anyOf", "allOf", "enum"] {
            if let Some(first) = schema[choice].get(0) {
                return if choice == "enum" { first.clone() } else { self.of(first) };
            }
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema),
            Some("array") => Value::Array(Vec::new()),
            Some("string") => {
                let least = schema["minLength"].as_u64().unwrap_or(1).max(1);
                "x".repeat(usize::try_from(least).unwrap()).into()
            }
            Some("integer") => schema["minimum"].as_u64().unwrap_or(0).into(),
            Some("boolean") => false.into(),
            other => panic!("nothing is known of the type {other:?} in {schema}"),
        }
    }

    /// What has to be there, and what is wanted.
    fn object(&self, schema: &Value) -> Value {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let there: BTreeSet<_> = required.chain(self.wanted.iter().copied()).collect();
        let members = schema["properties"].as_object().into_iter().flatten();
        let members = members.filter(|(name, _)| there.contains(name.as_str()));
        members.map(|(name, schema)| (name.clone(), self.member(name, schema))).collect()
    }
}
