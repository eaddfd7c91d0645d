//! One target under libFuzzer; which one is named by the environment variable `YINQIAO_FUZZ_TARGET`.
//!
//! Its arguments are libFuzzer's own.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

use yinqiao_fuzz::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fn target() -> Target {
    *TARGET.get_or_init(|| {
        let name = std::env::var("YINQIAO_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = yinqiao_fuzz::target(&name) else { std::process::exit(2) };
        target
    })
}

fuzz_target!(|bytes: &[u8]| {
    (target().run)(bytes);
});
