//! CA vendors' plugins in C: the good one of `examples/vendor-plugin-c`, those with one fault each, and a test's own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::broker::Broker;

/// What the vendor's plugin asks its secret by.
pub const PASSPHRASE: &str = "vendor_ca.passphrase";

/// A copy of the good plugin for this broker alone.
pub fn good(broker: &Broker) -> PathBuf {
    copy(broker, &built().join("libvendor_ca.so"))
}

/// A copy of the plugin with this fault.
pub fn faulty(broker: &Broker, fault: &str) -> PathBuf {
    copy(broker, &built().join(format!("faulty/lib{fault}.so")))
}

/// Compiles a plugin whose only fault is in `source`, on the skeleton of the faulty ones.
pub fn compile(broker: &Broker, fault: &str, source: &Path) -> PathBuf {
    let (vendor, library) = (built().parent().unwrap(), place(broker, fault));
    let objects = fs::read_dir(vendor.join("build/object")).unwrap().map(|entry| entry.unwrap().path());
    let good = objects.filter(|path| {
        path.extension() == Some(OsStr::new("o")) && path.file_stem() != Some(OsStr::new("entry"))
    });
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", "libcrypto", "jansson"])).stdout;
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=c11", "-D_GNU_SOURCE", "-fPIC", "-fvisibility=hidden", "-pthread", "-shared", "-O1"])
        .args(["-Isrc", "-Ifaulty", "-isystem", "../../adapters/include"])
        .arg(format!("-DFAULT=\"{fault}\""))
        .arg("-Wl,-Bsymbolic,-z,now")
        .arg("-o")
        .args([&library, source, Path::new("faulty/skeleton.c")])
        .args(good)
        .args(String::from_utf8(flags).unwrap().split_whitespace())
        .current_dir(vendor);
    run(&mut compiler);
    library
}

/// Changes one byte in the middle of a file.
pub fn change_one_byte(library: &Path) {
    let mut bytes = fs::read(library).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(library, &bytes);
}

/// Puts another file in a library's place, as an installer does: never by writing into what is loaded.
pub fn replace(library: &Path, bytes: &[u8]) {
    let new = library.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::set_permissions(&new, fs::metadata(library).unwrap().permissions()).unwrap();
    fs::rename(&new, library).unwrap();
}

/// The folder where `make` has put the plugins.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/vendor-plugin-c");
        run(Command::new("make").args(["--silent", "all", "faulty"]).current_dir(&vendor));
        vendor.join("build").canonicalize().unwrap()
    })
}

fn copy(broker: &Broker, from: &Path) -> PathBuf {
    let to = place(broker, from.file_stem().unwrap().to_str().unwrap());
    fs::copy(from, &to).unwrap();
    to
}

fn place(broker: &Broker, name: &str) -> PathBuf {
    let folder = broker.folder().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.so"))
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
