//! `yinqiao adapter describe`

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use yinqiao_ca_worker::{Digests, Enforcement, WorkerProgram};

use super::check::PROBE_SUBCOMMAND;
use super::settings::Enforce;
use crate::adapter::catalogue::description::{self, Described};
use crate::adapter::catalogue::{Catalogue, Entry, Site};
use crate::cli::{say, say_error};
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// The plugin's file. Its code runs, in a process of its own; no configuration, secret or network is needed for it.
    plugin: PathBuf,
    /// What happens on a kernel that cannot restrict the plugin. Default: `required` where the catalogue requires it of this very file,
    /// else `best-effort`, which says what is not closed.
    #[arg(long, value_enum)]
    enforcement: Option<Enforce>,
    /// Print all of it as JSON, with the whole schema.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why the plugin says nothing.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probe = WorkerProgram::this_program(PROBE_SUBCOMMAND);
    let demand = |digests: &Digests| {
        arguments.enforcement.map_or_else(|| demand_of(config, digests), Enforcement::from)
    };
    let described = runtime.block_on(description::describe(&arguments.plugin, &probe, demand))?;
    let gaps = described.isolation.gaps();
    if !gaps.is_empty() {
        say_error(&format!(
            "warning: the process that the plugin ran in was not closed for it: {}",
            gaps.join(", ")
        ));
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&described)?);
    } else {
        say(&page(&described));
    }
    Ok(())
}

/// What the catalogue demands of adapters with this very file: the strictest. What nobody has installed is closed as far as it goes, as is
/// what needs no sandbox once it is configured: a description needs nothing.
fn demand_of(config: Config, digests: &Digests) -> Enforcement {
    let read = config.complete().map_err(anyhow::Error::from).and_then(|config| {
        let site = Site::of(&config);
        Ok(Catalogue::read(&site)?)
    });
    let entries = match read {
        Ok(catalogue) => catalogue.entries,
        Err(reason) => {
            say_error(&format!("warning: what the catalogue demands is not known ({reason:#})"));
            Vec::new()
        }
    };
    let requires = |entry: &Entry| {
        entry.pinned() == Some(digests) && entry.sandbox().enforcement == Enforcement::Required
    };
    match entries.iter().any(requires) {
        true => Enforcement::Required,
        false => Enforcement::BestEffort,
    }
}

/// For reading.
fn page(described: &Described) -> String {
    let Described { plugin, isolation, sha256, sm3, operations, further, description } = described;
    let list = |words: &[&str]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut lines = vec![
        format!("plugin: {} {}", plugin.name, plugin.version),
        format!("vendor: {}", plugin.vendor),
        format!("abi: {}", plugin.abi),
        format!("sandbox: {}", sandbox(isolation.gaps())),
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

fn sandbox(gaps: Vec<&str>) -> String {
    if gaps.is_empty() { "closed".to_owned() } else { format!("not closed for {}", gaps.join(", ")) }
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

    #[test]
    fn what_the_catalogue_requires_of_a_file_holds_for_its_description_too() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |name: &str, file: u8, enforcement: &str| {
            let (sha256, sm3) = (hex::encode([file; 32]), hex::encode([file; 32]));
            format!(
                "[[adapter]]\nname = \"{name}\"\nversion = {{ library = \"/opt/{name}.so\", sha256 = \"{sha256}\", sm3 = \"{sm3}\" }}\n\
                 sandbox.enforcement = \"{enforcement}\"\n"
            )
        };
        let catalogue = [entry("strict", 1, "required"), entry("mild", 1, "off"), entry("open", 2, "off")];
        std::fs::write(folder.path().join("adapters.toml"), catalogue.concat()).unwrap();
        let config = Config { data_directory: folder.path().to_owned(), ..Config::default() };
        let demand = |file: u8| demand_of(config.clone(), &Digests { sha256: [file; 32], sm3: [file; 32] });
        assert_eq!(demand(1), Enforcement::Required);
        assert_eq!([demand(2), demand(3)], [Enforcement::BestEffort; 2]);
    }
}
