//! From the words of the system's loader to a line that says what to do.
//!
//! The words are glibc's (`dlerror`), which are not translated without a locale; musl's lack the parts that are looked
//! for and are passed on as they are.

/// What `words` mean for the library that was loaded from `path`.
pub(super) fn explain(words: &str, path: &str) -> String {
    // The path names a descriptor of this process; it says nothing to an operator.
    let words = words.trim().replace(path, "the library");
    match advice(&words) {
        Some(advice) => format!("the library cannot be loaded: {words}; {advice}"),
        None => format!("the library cannot be loaded: {words}"),
    }
}

fn advice(words: &str) -> Option<String> {
    if let Some((dependency, rest)) = words.split_once(": cannot open shared object file")
        && dependency != "the library"
    {
        let advice = if rest.contains("Permission denied") {
            format!(
                "{dependency} is outside of what the sandbox may read: name its folder in the adapter's sandbox (read)"
            )
        } else {
            // The same words come for a folder that the sandbox closes, when others are searched after it.
            format!(
                "it needs {dependency}: install that where the system's loader looks (ldconfig), or name its folder in \
                 the adapter's sandbox (read) if it is there, or link it in"
            )
        };
        return Some(advice);
    }
    if let Some((_, symbol)) = words.split_once("undefined symbol: ") {
        let symbol = symbol.split([',', ' ']).next().unwrap_or(symbol);
        return Some(format!(
            "neither it nor what it is linked with has {symbol}: install the dependency in the version that it was built \
             with, or have the vendor link it (-Wl,-z,defs shows it when it is built)"
        ));
    }
    if words.contains("version `") && words.contains("not found") {
        return Some(
            "it was built on a newer system than this one: get a build for this system, or upgrade the system".to_owned(),
        );
    }
    if words.contains("cannot allocate memory") || words.contains("failed to map segment") {
        return Some(
            "the worker's limit of address space is too small for it, or the file is damaged".to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/proc/self/fd/4";

    #[test]
    fn each_reason_says_what_to_do() {
        for (words, wanted) in [
            (
                "libhsm.so.3: cannot open shared object file: No such file or directory",
                "it needs libhsm.so.3: install that",
            ),
            (
                "/opt/hsm/libhsm.so.3: cannot open shared object file: Permission denied",
                "/opt/hsm/libhsm.so.3 is outside of what the sandbox may read",
            ),
            ("/proc/self/fd/4: undefined symbol: hsm_open", "has hsm_open: install"),
            (
                "/proc/self/fd/4: symbol lookup error: undefined symbol: hsm_open, version HSM_2",
                "has hsm_open: install",
            ),
            (
                "/lib/libc.so.6: version `GLIBC_2.99' not found (required by /proc/self/fd/4)",
                "(required by the library); it was built on a newer system",
            ),
        ] {
            let line = explain(words, PATH);
            assert!(line.contains(wanted), "{line}");
            assert!(!line.contains("/proc/"), "{line}");
        }
    }

    #[test]
    fn unknown_words_are_passed_on() {
        assert_eq!(explain("what", PATH), "the library cannot be loaded: what");
    }

    proptest! {
        #[test]
        fn no_words_panic(words in ".{0,80}") {
            let _ = explain(&words, PATH);
        }
    }
}
