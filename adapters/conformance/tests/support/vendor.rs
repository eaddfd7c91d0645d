//! The vendor's example in C, and its faulty brothers, built once.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;
use tempfile::TempDir;
use yinqiao_ca_conformance::Options;
use zeroize::Zeroizing;

use super::{adapters, options};

/// The folder with `libvendor_ca.so` and `faulty/`.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = adapters().parent().unwrap().join("examples/vendor-plugin-c");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("vendor-plugin-c");
        let make = Command::new("make")
            .arg("-C")
            .arg(&source)
            .arg(format!("BUILD={}", folder.display()))
            .args(["-j2", "all", "faulty"])
            .output()
            .expect("make runs");
        assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
        folder
    })
}

/// The kit on the good plugin, or on `faulty/lib{fault}.so`.
pub fn vendor_options(folder: &TempDir, fault: Option<&str>) -> Options {
    let library = match fault {
        None => built().join("libvendor_ca.so"),
        Some(fault) => built().join(format!("faulty/lib{fault}.so")),
    };
    let mut options = options(&library);
    let directory = folder.path().join("ca");
    std::fs::create_dir_all(&directory).unwrap();
    options.configuration = Some(json!({"directory": directory, "name": "测试"}));
    options.write = vec![directory];
    let passphrase = Zeroizing::new(b"a passphrase of the kit's own test".to_vec());
    options.secrets.insert("vendor_ca.passphrase".to_owned(), passphrase);
    options
}
