//! How deep a JSON document may be nested.

/// The contract's limit.
pub const DEPTH_LIMIT: usize = 32;

/// Whether brackets in `document` are nested at most `limit` deep. It looks at brackets outside of strings only and
/// does not say whether the document is JSON.
#[must_use]
pub fn nesting_is_within(document: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in document {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_at_the_limit_passes_and_one_beyond_does_not() {
        for (depth, within) in [(DEPTH_LIMIT, true), (DEPTH_LIMIT + 1, false)] {
            let document = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(nesting_is_within(document.as_bytes(), DEPTH_LIMIT), within);
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(nesting_is_within(br#"{"a": "[[[[\"[[[\\"}"#, 1));
        assert!(!nesting_is_within(br#"{"a": "\\"[[}"#, 2));
    }

    #[test]
    fn many_siblings_are_not_deep() {
        assert!(nesting_is_within("[{},{}]".repeat(1000).as_bytes(), 2));
    }
}
