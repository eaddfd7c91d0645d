//! Reads the OpenMetrics text format (version 1.0), strictly.

use std::collections::BTreeMap;

/// One value with its labels.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A metric's type, and all its samples in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct Family {
    pub kind: String,
    pub samples: Vec<Sample>,
}

/// All metrics by name.
pub type Exposition = BTreeMap<String, Family>;

/// Reads a whole exposition.
///
/// # Panics
/// Where it breaks a rule.
pub fn read(text: &str) -> Exposition {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("it does not end with # EOF:\n{text}"));
    assert!(!text.contains('\r') && !body.contains("# EOF"), "{text}");
    let mut families = Exposition::new();
    let mut current = String::new();
    for line in body.lines() {
        assert!(!line.is_empty(), "an empty line:\n{text}");
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap();
            assert!(is_name(name), "{line}");
            if current != name {
                assert!(!families.contains_key(name), "the metric {name} is in two places");
                families.insert(name.to_owned(), Family::default());
                current = name.to_owned();
            }
            let family = families.get_mut(name).unwrap();
            assert!(family.samples.is_empty(), "{line} comes after the samples");
            match keyword {
                "TYPE" => {
                    assert!(family.kind.is_empty(), "{line}: twice");
                    assert!(["gauge", "counter", "histogram"].contains(&rest), "{line}");
                    family.kind = rest.to_owned();
                }
                "HELP" => assert!(!rest.is_empty(), "{line}"),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let sample = sample(line);
        let family = families.get_mut(&current).unwrap_or_else(|| panic!("no metric before {line}"));
        let suffix = sample.name.strip_prefix(&current).unwrap_or_else(|| panic!("{line} is in {current}"));
        let suffixes: &[&str] = match family.kind.as_str() {
            "gauge" => &[""],
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            other => panic!("{line} is of type {other:?}"),
        };
        assert!(suffixes.contains(&suffix), "{line}: a {}", family.kind);
        assert!(family.kind == "gauge" || sample.value >= 0.0, "{line}");
        let twice =
            family.samples.iter().any(|known| known.name == sample.name && known.labels == sample.labels);
        assert!(!twice, "{line}: twice");
        family.samples.push(sample);
    }
    families
}

/// Checks that each histogram's buckets are cumulative, in order, and end with all that was counted.
pub fn check_histogram(family: &Family) {
    assert_eq!(family.kind, "histogram");
    let of = |suffix: &'static str| {
        family.samples.iter().filter(move |sample| sample.name.ends_with(suffix)).cloned()
    };
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    for mut bucket in of("_bucket") {
        let bound = bucket.labels.remove("le").unwrap();
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
        series.entry(bucket.labels).or_default().push((bound, bucket.value));
    }
    assert_eq!(series.len(), of("_count").count());
    for (labels, buckets) in series {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{labels:?}: {buckets:?}");
        let last = buckets.last().unwrap();
        let count = of("_count").find(|sample| sample.labels == labels).unwrap().value;
        assert!(
            last.0.is_infinite() && (last.1 - count).abs() < 0.5,
            "{labels:?}: {buckets:?}, count {count}"
        );
        assert!(of("_sum").any(|sample| sample.labels == labels), "{labels:?}: no sum");
    }
}

/// The sum of a metric's samples that have these labels.
pub fn sum(families: &Exposition, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = families.get(name).unwrap_or_else(|| panic!("no metric {name}"));
    let has = |sample: &&Sample| {
        labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|found| found == value))
    };
    family.samples.iter().filter(has).map(|sample| sample.value).sum()
}

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}")));
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = match rest.strip_prefix('{') {
        None => rest,
        Some(mut rest) => loop {
            if let Some(after) = rest.strip_prefix('}') {
                break after;
            }
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            let label = label.strip_prefix(',').unwrap_or(label);
            let (value, after) = quoted(after);
            assert!(is_name(label) && !label.contains(':'), "{line}");
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}: {label} twice");
            rest = after;
        },
    };
    rest = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    let value = rest.parse().unwrap_or_else(|_| panic!("{line}: no number"));
    Sample { name: name.to_owned(), labels, value }
}

/// The value before the closing quotation mark, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next().unwrap().1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => panic!("\\{other} in {text}"),
            },
            '\n' => panic!("a line break in {text}"),
            other => value.push(other),
        }
    }
    panic!("no end of {text}");
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_' || first == b':')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}
