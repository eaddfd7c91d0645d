//! Values that must not turn up where they do not belong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{Answer, Octets, Probe, RawCall, Result as Answered, Step};

use super::process::harmless_calls;
use crate::bench::{Bench, CALL, give_secrets, open, submit_call};
use crate::fixtures;
use crate::verdict::{Stop, Verdict, While as _, ensure, holds, not_offered, skipped};

/// An identity code with a right check digit that belongs to nobody: the region 990000 is not assigned.
const IDENTITY_CODE: &str = "990000199001010017";
/// Shorter values would be found by chance.
const SHORTEST: usize = 8;
/// Larger files are no logs.
const FILE_LIMIT: u64 = 64 << 20;

/// What was seen of a plugin: texts by where they were.
#[derive(Default)]
struct Seen(Vec<(String, Vec<u8>)>);

pub(crate) async fn secrets(bench: &Bench) -> Verdict {
    let names: Vec<String> = bench.description()?.secrets.iter().map(|one| one.name.clone()).collect();
    if names.is_empty() {
        return Err(not_offered("the plugin has no secrets"));
    }
    // Wrong ones first: errors are where secrets slip out.
    let wrong: BTreeMap<String, Octets> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (name.clone(), format!("canary-{number}-3vKq9ZtR7mXw2LpB").into_bytes().into()))
        .collect();
    let mut runs = vec![("a wrong secret", wrong)];
    let given: BTreeMap<String, Octets> = bench
        .options
        .secrets
        .iter()
        .filter(|(_, value)| value.len() >= SHORTEST)
        .map(|(name, value)| (name.clone(), value.to_vec().into()))
        .collect();
    let real = !given.is_empty();
    if real {
        runs.push(("the secret", given));
    }
    for (what, secrets) in runs {
        let seen = observe(bench, &secrets).await?;
        for (name, value) in &secrets {
            seen.must_not_show(&value.0, &format!("{what} {name}"))?;
        }
    }
    holds(format!(
        "{} secrets{}",
        names.len(),
        if real { "" } else { "; wrong values only, since none were given" }
    ))
}

pub(crate) async fn personal_data(bench: &Bench) -> Verdict {
    bench.pair().await?;
    let mut opened = bench.opened().await?;
    let mut seen = Seen::default();
    let subject = bench.subject()?;
    let mut document = fixtures::sample(Operation::Issue, &subject);
    document["holder"] = json!({
        "kind": "person", "name": "符合性测试", "identity_code": IDENTITY_CODE, "organization": bench.options.holder().name,
    });
    let mut documents = vec![document.clone()];
    // Requests that are refused, so that error texts are written.
    for (member, value) in
        [("csr", json!("MAA=")), ("validity", json!("?")), ("product", json!("conformance-unknown"))]
    {
        let mut bad = document.clone();
        bad[member] = value;
        documents.push(bad);
    }
    for document in documents {
        let key = bench.key("person")?;
        let call = RawCall {
            instance: opened.instance,
            ..submit_call(Operation::Issue.number(), key.as_str(), document.to_string().as_bytes())
        };
        let answer = opened.probe.step(&Step::Call(call), CALL).await.during("issue for a person")?;
        let succeeded = matches!(&answer.result, Answered::Called(called) if called.status == 0);
        // A certificate may hold the code, if its profile wants it; its DER is base64 in the reply.
        if !succeeded {
            seen.result("an error's text", &answer);
        }
        seen.logged(&answer);
    }
    seen.output(&opened.probe).await;
    seen.must_not_show(IDENTITY_CODE.as_bytes(), "a holder's identity code")?;
    holds("an identity code, in four requests")
}

/// Loads, describes, opens and exercises the plugin with these secrets, and collects what it shows.
async fn observe(bench: &Bench, secrets: &BTreeMap<String, Octets>) -> Result<Seen, Stop> {
    let configuration = bench.configuration()?;
    let mut probe = bench.ready().await?;
    give_secrets(&mut probe, secrets.clone()).await?;
    let mut seen = Seen::default();
    let step = Step::Open { configuration: configuration.to_string().into_bytes().into() };
    let opened = probe.step(&step, CALL).await.during("open")?;
    seen.result("open's text", &opened);
    seen.logged(&opened);
    if let Answered::Called(called) = &opened.result
        && let Some(instance) = called.instance
    {
        for (what, call) in harmless_calls(bench).await? {
            let step = Step::Call(RawCall { instance, ..call });
            let answer = probe.step(&step, CALL).await.during(&what)?;
            seen.result(&format!("the reply to {what}"), &answer);
            seen.logged(&answer);
        }
        // Another one beside it, for what is written once only.
        open(&mut probe, configuration).await.during("open a second time")?;
    }
    seen.process(probe.id());
    seen.output(&probe).await;
    for folder in folders(bench, configuration) {
        seen.files(&folder);
    }
    Ok(seen)
}

/// Where the plugin writes: what was named, and what its configuration names by an absolute path.
fn folders(bench: &Bench, configuration: &Value) -> Vec<PathBuf> {
    let mut found = bench.options.write.clone();
    collect_paths(configuration, &mut found);
    found.retain(|path| path.is_dir() && path.components().count() > 2);
    found
}

fn collect_paths(document: &Value, found: &mut Vec<PathBuf>) {
    match document {
        Value::String(text) if text.starts_with('/') => found.push(PathBuf::from(text)),
        Value::Array(items) => items.iter().for_each(|item| collect_paths(item, found)),
        Value::Object(members) => members.values().for_each(|item| collect_paths(item, found)),
        _ => {}
    }
}

impl Seen {
    fn result(&mut self, place: &str, answer: &Answer) {
        if let Answered::Called(called) = &answer.result {
            self.0.push((place.to_owned(), called.document.0.clone()));
        }
    }

    fn logged(&mut self, answer: &Answer) {
        for line in &answer.host.logged {
            self.0.push(("the log".to_owned(), line.fields.0.clone()));
        }
    }

    async fn output(&mut self, probe: &Probe) {
        self.0.push(("standard output".to_owned(), probe.standard_output().await));
        self.0.push(("standard error".to_owned(), probe.standard_error().await));
    }

    /// What other processes of the machine can see.
    fn process(&mut self, id: u32) {
        for (place, name) in
            [("the environment", "environ"), ("the command line", "cmdline"), ("a thread's name", "comm")]
        {
            let content = fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
            self.0.push((place.to_owned(), content));
        }
    }

    fn files(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && entry.metadata().is_ok_and(|file| file.len() <= FILE_LIMIT) {
                    let content = fs::read(entry.path()).unwrap_or_default();
                    self.0.push((format!("the file {}", entry.path().display()), content));
                }
            }
        }
    }

    /// In none of the spellings that a value has in texts.
    fn must_not_show(&self, value: &[u8], what: &str) -> Result<(), Stop> {
        let spellings = [
            value.to_vec(),
            hex::encode(value).into_bytes(),
            hex::encode_upper(value).into_bytes(),
            STANDARD_NO_PAD.encode(value).into_bytes(),
        ];
        if value.len() < SHORTEST {
            return Err(skipped(format!("{what} is too short to be looked for")));
        }
        for (place, text) in &self.0 {
            let found = spellings.iter().any(|spelling| contains(text, spelling));
            ensure(!found, || format!("{what} stands in {place}"))?;
        }
        Ok(())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_spelling_and_named_with_its_place() {
        let value = b"hunter2-hunter2";
        for text in [
            "it is hunter2-hunter2".to_owned(),
            format!("x{}", hex::encode(value)),
            hex::encode_upper(value),
            STANDARD_NO_PAD.encode(value),
        ] {
            let seen =
                Seen(vec![("elsewhere".into(), b"nothing".to_vec()), ("the log".into(), text.into_bytes())]);
            let Err(Stop::Failed(why)) = seen.must_not_show(value, "the secret p") else {
                panic!("not found")
            };
            assert_eq!(why, "the secret p stands in the log");
        }
        assert!(Seen(vec![("the log".into(), b"hunter2-hunter".to_vec())]).must_not_show(value, "p").is_ok());
    }

    #[test]
    fn the_identity_code_has_a_right_check_digit() {
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let digits: Vec<u32> = IDENTITY_CODE.chars().filter_map(|digit| digit.to_digit(10)).collect();
        let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
        let check = ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][(sum % 11) as usize];
        assert!(IDENTITY_CODE.ends_with(check), "{check}");
    }
}
