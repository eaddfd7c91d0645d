//! The programs under test.
//!
//! They are those beside the test's own program, built from the sources as they are: cargo decides whether anything is
//! out of date. `YINQIAO_PROGRAMS` names a folder with other ones, for instance of an installed version.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `yinqiao`, with the software CA's library beside it.
pub fn yinqiao() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| folder().join("yinqiao"))
}

/// The broker that dies where a test says (see `broker/src/failpoint.rs`), with the software CA's library beside it. It is not
/// built here: for a moment it lies where the other tests' program does.
pub fn failpoints() -> PathBuf {
    let normal = yinqiao();
    let path = normal.parent().unwrap().with_file_name("failpoints").join("yinqiao");
    let built = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let there = built(&path).zip(built(normal));
    let is_new = there.is_some_and(|(own, normal)| own >= normal);
    assert!(
        is_new,
        "{} is missing, or older than the broker: run `cargo xtask failpoints` first",
        path.display()
    );
    path
}

/// The software CA's own program, for its operators.
pub fn yinqiao_softca() -> PathBuf {
    yinqiao().with_file_name("yinqiao-softca")
}

fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("YINQIAO_PROGRAMS") {
        return folder.into();
    }
    // TARGET/PROFILE/deps/TEST
    let test = env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().to_owned();
    build(&folder);
    folder
}

/// Cargo itself keeps two test programs from building at once.
fn build(folder: &Path) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "yinqiao", "-p", "yinqiao-softca"]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    // What cargo tells this test about its own package would have build scripts run again.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os().filter(|(name, _)| of_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", folder.parent().unwrap());
    assert!(command.status().unwrap().success(), "the programs under test cannot be built");
}
