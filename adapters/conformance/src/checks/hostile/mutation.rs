//! Changes of valid documents.

use serde_json::{Value, json};

/// Each member of the document once with each wrong type, and once missing.
pub(super) fn wrong_types(document: &Value) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    for path in paths(document, "") {
        for wrong in [Value::Null, json!(true), json!(-1), json!(1.5), json!("?"), json!([]), json!({})] {
            let mut copy = document.clone();
            if let Some(member) = copy.pointer_mut(&path)
                && *member != wrong
            {
                *member = wrong.clone();
                changed.push((format!("{wrong} at {path}"), copy));
            }
        }
        let mut copy = document.clone();
        if let Some((parent, name)) = path.rsplit_once('/')
            && let Some(members) = copy.pointer_mut(parent).and_then(Value::as_object_mut)
            && members.remove(name).is_some()
        {
            changed.push((format!("nothing at {path}"), copy));
        }
    }
    changed
}

/// A copy with one to four random changes: of octets, or of the document's structure.
pub(super) fn mutated(document: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut copy = document.to_vec();
    for _ in 0..random.usize(1..=4) {
        if copy.is_empty() {
            break;
        }
        let at = random.usize(0..copy.len());
        match random.u8(0..8) {
            0 => copy[at] ^= 1 << random.u8(0..8),
            1 => copy[at] = random.u8(..),
            2 => drop(copy.remove(at)),
            3 => copy.truncate(at),
            4 => {
                let end = (at + random.usize(1..64)).min(copy.len());
                let piece = copy[at..end].to_vec();
                copy.splice(at..at, piece);
            }
            5 => {
                let pieces: [&[u8]; 6] =
                    [b"\"", b"{", b"]", b"\\u0000", b"99999999999999999999", b"\xf0\x9f"];
                let piece = pieces[random.usize(0..pieces.len())];
                copy.splice(at..at, piece.iter().copied());
            }
            _ => replace_value(&mut copy, random),
        }
    }
    copy
}

/// Puts another value in the place of one of the document's, where it is a document still.
fn replace_value(octets: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let Ok(mut document) = serde_json::from_slice::<Value>(octets) else { return };
    let paths = paths(&document, "");
    let values = [
        json!(""),
        json!("\u{0}"),
        json!("A".repeat(10_000)),
        json!("../../../etc/passwd"),
        json!("'; DROP TABLE certificates; --"),
        json!("%n%n%s"),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([[[[]]]]),
        json!({"": {}}),
    ];
    if paths.is_empty() {
        return;
    }
    let value = values[random.usize(0..values.len())].clone();
    if let Some(member) = document.pointer_mut(&paths[random.usize(0..paths.len())]) {
        *member = value;
        *octets = document.to_string().into_bytes();
    }
}

/// JSON pointers to everything in the document.
fn paths(document: &Value, here: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut visit = |name: &str, value: &Value| {
        let path = format!("{here}/{name}");
        found.extend(paths(value, &path));
        found.push(path);
    };
    match document {
        Value::Object(members) => members.iter().for_each(|(name, value)| visit(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| visit(&index.to_string(), value))
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_changed_and_left_out_also_within_others() {
        let document = json!({"a": 1, "b": {"c": "x"}, "d": [true]});
        let changed = wrong_types(&document);
        for what in ["null at /a", "nothing at /b/c", "{} at /d/0", "nothing at /d"] {
            assert!(changed.iter().any(|(name, _)| name == what), "{what}");
        }
        assert!(changed.iter().all(|(_, copy)| *copy != document));
    }

    #[test]
    fn the_same_seed_gives_the_same_documents_and_they_differ_from_the_first() {
        let document = br#"{"serial": "01", "pair": true}"#;
        let many = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..200).map(|_| mutated(document, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(many(3), many(3));
        assert_ne!(many(3), many(4));
        let other = many(3).iter().filter(|one| one.as_slice() != document).count();
        assert!(other > 150, "{other}");
    }
}
