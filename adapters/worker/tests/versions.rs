//! Plugins that were built for another minor version of the contract, and files that the system's loader refuses.
//!
//! There is no younger version yet, so that its header is made here: the present one with something added wherever
//! "HOW THIS CONTRACT GROWS" allows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use support::{Services, guard, key, settings, start, status, within};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_worker::{AdapterHandle, Enforcement, StartError, Submitted};

/// Where the younger header differs from the present one.
const ADDED: [(&str, &str); 4] = [
    ("#define CA_ABI_MINOR 0u", "#define CA_ABI_MINOR 1u"),
    ("} ca_host;", "  int32_t (*later)(void *ctx, ca_buf *out);\n} ca_host;"),
    ("} ca_call;", "  uint64_t later;\n} ca_call;"),
    ("} ca_adapter;", "  int32_t (*later)(ca_instance *instance, const ca_call *call);\n} ca_adapter;"),
];
/// An operation, a function and a promise that this host does not know.
const YOUNGER_BITS: &str = "MORE_CAPABILITIES=(UINT64_C(1)<<16|UINT64_C(1)<<53|UINT64_C(1)<<60)";

/// The plugin of the given macros, built with the present header or a younger one.
fn plugin(folder: &TempDir, younger: bool, macros: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut header = fs::read_to_string(root.join("../include/ca_adapter.h")).unwrap();
    if younger {
        for (present, later) in ADDED {
            assert_eq!(header.matches(present).count(), 1, "{present}");
            header = header.replace(present, later);
        }
    }
    fs::write(folder.path().join("ca_adapter.h"), header).unwrap();
    let mut macros: Vec<String> = macros.iter().map(|name| format!("-D{name}")).collect();
    macros.extend(younger.then(|| "-DLATER".to_owned()));
    let source = root.join("tests/plugins/version.c");
    compile(folder, "version", &source, &macros)
}

fn compile(folder: &TempDir, name: &str, source: &Path, arguments: &[String]) -> PathBuf {
    let library = folder.path().join(format!("lib{name}.so"));
    let output = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(folder.path())
        .arg("-o")
        .args([&library, source])
        .args(arguments)
        .output()
        .expect("the C compiler `cc` runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    guard(&library);
    library
}

async fn load(library: &Path) -> Result<Arc<AdapterHandle>, StartError> {
    start(settings(library, json!({})), &Services::with(&[])).await
}

/// Why a library was refused.
async fn refusal(library: &Path) -> String {
    match load(library).await {
        Ok(_) => panic!("it is not refused"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_plugin_that_was_built_for_a_younger_version_works_as_far_as_this_host_knows_it() {
    let folder = tempdir().unwrap();
    let handle = load(&plugin(&folder, true, &[YOUNGER_BITS, "FLAGS=2"])).await.unwrap();
    let info = handle.info();
    assert_eq!((info.abi_major, info.abi_minor), (1, 1));
    assert_eq!(info.capabilities, 1 << 7, "only the operation that this host knows is left");
    let health = handle.probe(&within(5000)).await.unwrap();
    assert_eq!(health.text.as_deref(), Some("built for 1, host 0, more host 0, more call 0"));
    let done = handle.submit(&status(), &key("a"), &within(5000)).await.unwrap();
    assert!(matches!(done, Submitted::Done { .. }));
}

#[tokio::test]
async fn a_plugin_of_this_version_says_the_same_of_itself() {
    let folder = tempdir().unwrap();
    let handle = load(&plugin(&folder, false, &[])).await.unwrap();
    let health = handle.probe(&within(5000)).await.unwrap();
    assert_eq!(health.text.as_deref(), Some("built for 0, host 0, more host 0, more call 0"));
}

#[tokio::test]
async fn a_plugin_whose_table_cannot_be_true_is_refused_with_the_reason() {
    let folder = tempdir().unwrap();
    for (younger, macros, reason) in [
        (true, vec!["IGNORES_THE_ROOM"], "wrote past the end"),
        (false, vec!["ANNOUNCES=161"], "wrote past the end"),
        (false, vec!["ANNOUNCES=152"], "the table has 152 octets"),
        (false, vec![YOUNGER_BITS], "bit 16 has no meaning in the adapter's version 1.0"),
        (false, vec!["FLAGS=2"], "the flags are 0x2"),
        // It announces more than it fills, in a place that both versions know.
        (true, vec!["MORE_CAPABILITIES=CA_CAN_LIST"], "the pointer of list"),
    ] {
        let text = refusal(&plugin(&folder, younger, &macros)).await;
        assert!(text.contains(reason) && text.contains("checking its table"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[tokio::test]
async fn a_library_whose_dependency_is_missing_says_which_and_what_to_do() {
    let folder = tempdir().unwrap();
    let source = folder.path().join("dependency.c");
    fs::write(&source, "int hsm_open(void) { return 0; }\n").unwrap();
    let dependency = compile(&folder, "hsm", &source, &[]);
    fs::write(&source, "int hsm_open(void);\nint use(void) { return hsm_open(); }\n").unwrap();
    let link = [format!("-L{}", folder.path().display()), "-lhsm".to_owned()];
    let library = compile(&folder, "user", &source, &link);
    fs::remove_file(&dependency).unwrap();
    let text = refusal(&library).await;
    assert!(text.contains("it needs libhsm.so: install that"), "{text}");
    assert!(!text.contains("/proc/") && !text.contains('\n'), "{text}");
}

#[tokio::test]
async fn a_library_whose_dependency_lies_outside_of_its_sandbox_says_so() {
    let folder = tempdir().unwrap();
    let source = folder.path().join("dependency.c");
    fs::write(&source, "int hsm_open(void) { return 0; }\n").unwrap();
    compile(&folder, "hsm", &source, &[]);
    fs::write(&source, "int hsm_open(void);\nint use(void) { return hsm_open(); }\n").unwrap();
    let directory = folder.path().display();
    let link = [format!("-L{directory}"), "-lhsm".to_owned(), format!("-Wl,-rpath,{directory}")];
    let library = compile(&folder, "user", &source, &link);

    let mut closed = settings(&library, json!({}));
    closed.sandbox.enforcement = Enforcement::Required;
    let mut open = closed.clone();
    open.sandbox.read = vec![folder.path().to_owned()];
    let text = start(closed, &Services::with(&[])).await.err().unwrap().to_string();
    assert!(text.contains("or name its folder in the adapter's sandbox (read)"), "{text}");
    // With the folder it is found, and then is still no adapter.
    let text = start(open, &Services::with(&[])).await.err().unwrap().to_string();
    assert!(text.contains("does not export ca_adapter_get"), "{text}");
}

#[tokio::test]
async fn a_library_that_lacks_a_symbol_says_which_and_what_to_do() {
    let folder = tempdir().unwrap();
    let source = folder.path().join("undefined.c");
    fs::write(&source, "int hsm_open_v2(void);\nint use(void) { return hsm_open_v2(); }\n").unwrap();
    let text = refusal(&compile(&folder, "undefined", &source, &[])).await;
    assert!(text.contains("has hsm_open_v2: install the dependency"), "{text}");
    assert!(!text.contains("/proc/") && !text.contains('\n'), "{text}");
}
