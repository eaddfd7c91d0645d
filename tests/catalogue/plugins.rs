//! Plugins for the tests, and their files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use yinqiao_tests::{Broker, programs};

/// Compiles the smallest plugin with these macros into `folder`.
pub fn compile(folder: &Path, name: &str, macros: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join(format!("{name}.so"));
    let output = Command::new("cc")
        .args(["-std=c11", "-fPIC", "-shared", "-I"])
        .arg(source.join("../adapters/include"))
        .args(macros.iter().map(|name| format!("-D{name}")))
        .arg("-o")
        .arg(&library)
        .arg(source.join("catalogue/plugin.c"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// A further version of the software CA: the same code in a file with other digests.
pub fn software_ca(folder: &Path, version: &str) -> PathBuf {
    let mut bytes = fs::read(programs::yinqiao().with_file_name("libyinqiao_softca.so")).unwrap();
    bytes.extend(version.as_bytes());
    let library = folder.join(format!("softca-{version}.so"));
    fs::write(&library, bytes).unwrap();
    library
}

/// The file that the catalogue has taken for an adapter.
pub fn taken(broker: &Broker, name: &str) -> PathBuf {
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    let adapters = list["adapters"].as_array().unwrap();
    let adapter = adapters.iter().find(|adapter| adapter["name"] == name).unwrap();
    adapter["version"]["library"].as_str().unwrap().into()
}

/// Changes one byte in the middle of a file, whatever its mode says.
pub fn change_one_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o500)).unwrap();
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
