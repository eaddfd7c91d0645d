//! What `describe` says.

use std::collections::BTreeSet;

use serde_json::Value;
use yinqiao_ca_abi::status;
use yinqiao_ca_worker::nesting_is_within;
use yinqiao_ca_worker::probe::Step;

use crate::bench::{Bench, CALL, called, status_name};
use crate::schema;
use crate::verdict::{HOLDS, Verdict, While as _, ensure, failed, holds, skipped};

pub(crate) async fn works_alone(bench: &Bench) -> Verdict {
    if let Err(why) = &bench.survey().description {
        bench.table()?;
        return Err(failed(format!("without configuration, secrets and network: {why}")));
    }
    let mut probe = bench.ready().await?;
    let mut documents = Vec::new();
    for _ in 0..2 {
        let answer = probe.step(&Step::Describe, CALL).await.during("describe")?;
        ensure(answer.host.secrets.is_empty(), || "describe asks for secrets".to_owned())?;
        ensure(answer.host.misuse.is_empty(), || answer.host.misuse.join("; "))?;
        let described = called(answer).map_err(failed)?;
        ensure(described.status == status::CA_OK, || {
            format!("it returned {}", status_name(described.status))
        })?;
        documents.push(described.document);
    }
    ensure(documents[0] == documents[1], || "two calls of describe give two documents".to_owned())?;
    ensure(nesting_is_within(&documents[0].0, yinqiao_ca_worker::DEPTH_LIMIT), || {
        "the document is nested more than 32 deep".to_owned()
    })?;
    HOLDS
}

pub(crate) async fn schema(bench: &Bench) -> Verdict {
    let description = bench.description()?;
    let validator = schema::validator(&description.configuration)
        .map_err(|why| failed(format!("the member configuration: {why}")))?;
    ensure(!validator.is_valid(&Value::Null) && !validator.is_valid(&Value::from(1)), || {
        "the schema allows configurations that are no objects; say \"type\": \"object\"".to_owned()
    })?;
    HOLDS
}

pub(crate) async fn configuration_fits(bench: &Bench) -> Verdict {
    let validator = schema::validator(&bench.description()?.configuration)
        .map_err(|why| skipped(format!("there is no schema: {why}; see describe.schema")))?;
    let configuration = bench.configuration()?;
    let faults: Vec<String> = validator
        .iter_errors(configuration)
        // The error's own text quotes the configuration.
        .map(|error| {
            format!(
                "{} breaks the schema at {}",
                place(&error.instance_path().to_string()),
                error.schema_path()
            )
        })
        .collect();
    ensure(faults.is_empty(), || {
        format!("the given configuration does not fit the schema: {}", faults.join("; "))
    })?;
    HOLDS
}

pub(crate) async fn no_credentials(bench: &Bench) -> Verdict {
    let found = schema::credential_members(&bench.description()?.configuration);
    ensure(found.is_empty(), || {
        format!(
            "members of the configuration look like credentials: {}; announce them as secrets and fetch them by secret_get",
            found.join(", ")
        )
    })?;
    HOLDS
}

pub(crate) async fn names(bench: &Bench) -> Verdict {
    let description = bench.description()?;
    let secrets: Vec<(&str, &str)> =
        description.secrets.iter().map(|one| (one.name.as_str(), one.text.as_str())).collect();
    let products: Vec<(&str, &str)> =
        description.products.iter().map(|one| (one.name.as_str(), one.text.as_str())).collect();
    for (what, list) in [("secret", &secrets), ("product", &products)] {
        let names: BTreeSet<&str> = list.iter().map(|(name, _)| *name).collect();
        ensure(names.len() == list.len(), || format!("two {what}s have one name"))?;
        for (name, text) in list {
            ensure((1..=128).contains(&name.len()), || format!("a {what}'s name has {} octets", name.len()))?;
            ensure(!text.trim().is_empty(), || format!("the {what} {name} has no text for operators"))?;
        }
    }
    holds(format!("{} secrets, {} products", secrets.len(), products.len()))
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "the document".to_owned() } else { format!("the member {pointer}") }
}
