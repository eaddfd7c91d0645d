//! The document that a plugin is opened with: JSON, written as TOML in the catalogue.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use yinqiao_protocol::Sm3Hex;

/// How the TOML library presents a date to others.
const TOML_DATE: &str = "$__toml_private_datetime";
/// How deep documents may be nested (`ca_adapter.h`, DOCUMENTS).
const DEPTH_LIMIT: usize = 32;

/// A plugin's configuration. Its members are sorted, so that equal documents have one spelling and one digest.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Configuration(Map<String, Value>);

/// A document that cannot be a plugin's configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// TOML has no word for it.
    #[error("\"{0}\" is null or not a finite number: leave the member out")]
    Null(String),
    /// JSON has no word for it.
    #[error("\"{0}\" is a date: write it as a text in quotes")]
    Date(String),
    /// Deeper than the contract with plugins allows.
    #[error("it is nested deeper than {DEPTH_LIMIT}")]
    TooDeep,
}

impl Configuration {
    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the plugin gets it.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// SM3 of its one spelling.
    pub fn sm3(&self) -> Sm3Hex {
        Sm3Hex::of(self.to_value().to_string().as_bytes())
    }
}

impl TryFrom<Map<String, Value>> for Configuration {
    type Error = ConfigurationError;

    fn try_from(mut members: Map<String, Value>) -> Result<Self, ConfigurationError> {
        for (name, value) in &members {
            check(name, value, 2)?;
        }
        members.sort_keys();
        members.values_mut().for_each(Value::sort_all_objects);
        Ok(Self(members))
    }
}

impl From<Configuration> for Map<String, Value> {
    fn from(configuration: Configuration) -> Self {
        configuration.0
    }
}

fn check(path: &str, value: &Value, depth: usize) -> Result<(), ConfigurationError> {
    match value {
        Value::Null => Err(ConfigurationError::Null(path.to_owned())),
        Value::Array(_) | Value::Object(_) if depth > DEPTH_LIMIT => Err(ConfigurationError::TooDeep),
        Value::Object(members) if members.contains_key(TOML_DATE) => {
            Err(ConfigurationError::Date(path.to_owned()))
        }
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| check(&format!("{path}.{name}"), value, depth + 1))
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| check(&format!("{path}[{i}]"), value, depth + 1)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_does_not_change_the_digest_and_a_value_does() {
        let read = |text| serde_json::from_str::<Configuration>(text).unwrap().sm3();
        assert_eq!(read(r#"{"a":{"x":1,"y":2},"b":3}"#), read(r#"{"b":3,"a":{"y":2,"x":1}}"#));
        assert_ne!(read(r#"{"a":1}"#), read(r#"{"a":2}"#));
    }

    #[test]
    fn what_toml_or_json_cannot_say_is_refused_with_its_name() {
        let null = serde_json::from_str::<Configuration>(r#"{"a":[{"b":null}]}"#).unwrap_err();
        assert!(null.to_string().contains("a[0].b"), "{null}");
        for text in ["d = 2026-11-24", "d = { e = [10:00:00] }", "f = nan", "f = inf"] {
            assert!(toml::from_str::<Configuration>(text).is_err(), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
        assert!(serde_json::from_str::<Configuration>(&deep).is_err());
        let fits = format!("{{\"a\":{}{}}}", "[".repeat(31), "]".repeat(31));
        assert!(serde_json::from_str::<Configuration>(&fits).is_ok());
    }
}
