//! The programs under test.
//!
//! They are those beside the test's own program, built from the sources as they are: cargo decides whether anything is
//! out of date. `YINQIAO_PROGRAMS` names a folder with other ones, for instance of an installed version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fs};

/// Where the sources of the broker lie, and of what it is built from.
const SOURCES: [&str; 5] = ["adapters", "broker", "gm", "plugins/softca", "protocol"];

/// The program `yinqiao`, with the software CA's library beside it.
pub fn yinqiao() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| folder().join("yinqiao"))
}

/// The broker that dies where a test says (see `broker/src/failpoint.rs`), with the software CA's library beside it. It is not
/// built here: for a moment it lies where the other tests' program does.
pub fn failpoints() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = target().join("failpoints/yinqiao");
        let built = path.metadata().and_then(|metadata| metadata.modified());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let changed = SOURCES.iter().map(|folder| last_change(&workspace.join(folder))).max().unwrap();
        let there = path.display();
        match built {
            Err(error) => panic!("{there}: {error}: run `cargo xtask failpoints` first"),
            Ok(built) => assert!(
                built >= changed,
                "{there} is older than its sources: run `cargo xtask failpoints` first"
            ),
        }
        path
    })
}

/// The software CA's own program, for its operators.
pub fn yinqiao_softca() -> PathBuf {
    yinqiao().with_file_name("yinqiao-softca")
}

/// When a folder's sources were changed last.
fn last_change(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let times = entries.filter_map(|path| match path.is_dir() {
        true => Some(last_change(&path)),
        false => path
            .extension()
            .is_some_and(|end| end == "rs")
            .then(|| path.metadata().unwrap().modified().unwrap()),
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The target folder.
fn target() -> PathBuf {
    // TARGET/PROFILE/deps/TEST
    env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
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
