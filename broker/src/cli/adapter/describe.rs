//! `yinqiao adapter describe`

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use yinqiao_ca_worker::WorkerProgram;

use super::check::PROBE_SUBCOMMAND;
use crate::adapter::catalogue::description::{self, Described};
use crate::cli::say;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// The plugin's file. Its code runs, in a process of its own; no configuration, secret or network is needed for it.
    plugin: PathBuf,
    /// Print all of it as JSON, with the whole schema.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why the plugin says nothing.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probe = WorkerProgram::this_program(PROBE_SUBCOMMAND);
    let described = runtime.block_on(description::describe(&arguments.plugin, &probe))?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&described)?);
    } else {
        say(&page(&described));
    }
    Ok(())
}

/// For reading.
fn page(described: &Described) -> String {
    let Described { plugin, sha256, sm3, operations, further, description } = described;
    let list = |words: &[&str]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut lines = vec![
        format!("plugin: {} {}", plugin.name, plugin.version),
        format!("vendor: {}", plugin.vendor),
        format!("abi: {}", plugin.abi),
        format!("sha256: {sha256}"),
        format!("sm3: {sm3}"),
        format!("operations: {}", list(operations)),
        format!("further: {}", list(further)),
        "configuration:".to_owned(),
    ];
    members(&description.configuration, 1, &mut lines);
    lines.push("secrets:".to_owned());
    for secret in &description.secrets {
        let need = if secret.required { "required" } else { "optional" };
        lines.push(format!("  {} ({need}): {}", secret.name, secret.text));
    }
    if description.secrets.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.push("products:".to_owned());
    lines.extend(description.products.iter().map(|product| format!("  {}: {}", product.name, product.text)));
    if description.products.is_empty() {
        lines.push("  none are named".to_owned());
    }
    lines.join("\n")
}

/// The members that a JSON Schema of an object names, those in them indented.
fn members(schema: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
    };
    let Some(properties) = schema["properties"].as_object().filter(|members| !members.is_empty()) else {
        lines.push(format!("{indent}no members are named; --json shows the schema"));
        return;
    };
    for (name, member) in properties {
        let need = if required(name) { "required" } else { "optional" };
        let mut line = format!("{indent}{name} ({}, {need})", kind(member));
        if let Some(text) = member["description"].as_str().or(member["title"].as_str()) {
            line += &format!(": {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if let Some(default) = member.get("default") {
            line += &format!(" [default: {default}]");
        }
        lines.push(line);
        let inner = if member["properties"].is_object() { member } else { &member["items"] };
        if inner["properties"].is_object() {
            members(inner, depth + 1, lines);
        }
    }
}

fn kind(member: &Value) -> String {
    if let Some(values) = member["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    match &member["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "see --json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_shown_member_by_member_with_what_is_required() {
        let schema = serde_json::json!({
            "type": "object", "required": ["url"],
            "properties": {
                "url": { "type": "string", "description": "Where the CA\n listens." },
                "tls": { "type": "object", "properties": { "mode": { "enum": ["off", "on"], "default": "on" } } },
            },
        });
        let mut lines = Vec::new();
        members(&schema, 0, &mut lines);
        lines.sort();
        assert_eq!(
            lines,
            [
                "  mode (\"off\" or \"on\", optional) [default: \"on\"]",
                "tls (object, optional)",
                "url (string, required): Where the CA listens.",
            ]
        );
    }
}
