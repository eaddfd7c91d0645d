//! The header and this crate describe the same bytes: a program compiled from the header prints every size, offset and
//! constant it knows, and each must equal what Rust computes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::Command;

use yinqiao_ca_abi::{
    Announced, abi, ca_adapter, ca_call, ca_host, ca_slice, capability, log_level, operation, status,
    threading,
};

macro_rules! members {
    ($facts:ident, $type:ident { $($member:ident),* $(,)? }) => {
        $facts.push((format!("sizeof({})", stringify!($type)), size_of::<$type>() as i128));
        $facts.push((format!("_Alignof({})", stringify!($type)), align_of::<$type>() as i128));
        $($facts.push((
            format!("offsetof({}, {})", stringify!($type), stringify!($member)),
            offset_of!($type, $member) as i128,
        ));)*
    };
}

macro_rules! constants {
    ($facts:ident, $module:ident { $($name:ident),* $(,)? }) => {
        $($facts.push((stringify!($name).to_owned(), i128::from($module::$name)));)*
    };
}

/// C expressions with the values that Rust gives them.
fn rust_facts() -> Vec<(String, i128)> {
    let mut facts = Vec::new();
    members!(facts, ca_slice { ptr, len });
    members!(
        facts,
        ca_host {
            struct_size,
            abi_major,
            abi_minor,
            ctx,
            buf_write,
            log,
            secret_get,
            buf_bytes,
            scratch,
            now_ms,
            remaining_ms,
            cancelled,
        }
    );
    members!(facts, ca_call { struct_size, flags, call_id, timeout_ms, idempotency_key, trace_id });
    members!(
        facts,
        ca_adapter {
            struct_size,
            abi_major,
            abi_minor,
            vendor,
            name,
            version,
            build_id,
            capabilities,
            threading,
            flags,
            describe,
            open,
            close,
            health,
            submit,
            poll,
            lookup,
            cancel,
            list,
        }
    );
    constants!(facts, abi { CA_ABI_MAJOR, CA_ABI_MINOR });
    for (name, size) in [
        ("CA_HOST_SIZE_1_0", ca_host::SIZE_1_0),
        ("CA_CALL_SIZE_1_0", ca_call::SIZE_1_0),
        ("CA_ADAPTER_SIZE_1_0", ca_adapter::SIZE_1_0),
    ] {
        facts.push((name.to_owned(), size as i128));
    }
    constants!(
        facts,
        status {
            CA_OK,
            CA_PENDING,
            CA_RETRYABLE,
            CA_PERMANENT,
            CA_UNHEALTHY,
            CA_AUTHENTICATION,
            CA_UNKNOWN_OUTCOME,
            CA_NOT_SUPPORTED,
            CA_LIMIT,
        }
    );
    constants!(
        facts,
        operation {
            CA_OP_ISSUE,
            CA_OP_RENEW,
            CA_OP_REKEY,
            CA_OP_REVOKE,
            CA_OP_HOLD,
            CA_OP_UNHOLD,
            CA_OP_STATUS,
            CA_OP_CRL,
            CA_OP_OCSP,
            CA_OP_RECOVER_KEY,
            CA_OP_SEAL_ISSUE,
            CA_OP_SEAL_STATUS,
            CA_OP_SEAL_REVOKE,
            CA_OP_TIMESTAMP,
            CA_OP_CA_CERTIFICATES,
        }
    );
    constants!(
        facts,
        capability { CA_CAN_POLL, CA_CAN_LOOKUP, CA_CAN_CANCEL, CA_CAN_LIST, CA_CAN_DEDUPLICATE }
    );
    facts.push(("CA_CAN(CA_OP_TIMESTAMP)".into(), capability::can(operation::CA_OP_TIMESTAMP).into()));
    constants!(facts, threading { CA_THREADING_SERIAL, CA_THREADING_PER_INSTANCE, CA_THREADING_REENTRANT });
    constants!(facts, log_level { CA_LOG_ERROR, CA_LOG_WARN, CA_LOG_INFO, CA_LOG_DEBUG });
    facts
}

fn header() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/ca_adapter.h")
}

fn compile(source: &Path, program: &Path, flags: &[&str]) {
    let output = Command::new("cc")
        .args(flags)
        .args(["-Wall", "-Wextra", "-Wpadded", "-Werror", "-pedantic"])
        .arg("-I")
        .arg(header().parent().expect("the header is in a folder"))
        .arg("-o")
        .arg(program)
        .arg(source)
        .output()
        .expect("the C compiler `cc` runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_size_offset_and_constant_of_the_header_is_the_mirrors() {
    let facts = rust_facts();
    let folder = tempfile::tempdir().unwrap();
    let mut source = String::from(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"ca_adapter.h\"\nint main(void) {\n",
    );
    for (expression, _) in &facts {
        writeln!(source, "  printf(\"%s=%lld\\n\", \"{expression}\", (long long)({expression}));").unwrap();
    }
    source.push_str("  return 0;\n}\n");
    let (file, program) = (folder.path().join("facts.c"), folder.path().join("facts"));
    fs::write(&file, source).unwrap();
    compile(&file, &program, &["-std=c11"]);
    let output = Command::new(&program).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let c_facts: BTreeMap<&str, i128> = printed
        .lines()
        .map(|line| {
            let (expression, value) = line.rsplit_once('=').unwrap();
            (expression, value.parse().unwrap())
        })
        .collect();
    for (expression, value) in &facts {
        assert_eq!(c_facts.get(expression.as_str()), Some(value), "{expression}");
    }
}

#[test]
fn no_number_of_the_header_is_missing_in_the_mirror() {
    let text = fs::read_to_string(header()).unwrap();
    let known: Vec<String> = rust_facts().into_iter().map(|(expression, _)| expression).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("#define ")) {
        let name = line.split([' ', '(']).next().unwrap();
        if ["CA_ADAPTER_H", "CA_CAN", "CA_HAS"].contains(&name) {
            continue;
        }
        assert!(known.iter().any(|expression| expression == name), "{name} is not mirrored");
    }
}

#[test]
fn what_version_1_0_had_stands_where_it_stood() {
    // Written down once more, by hand: the header and its mirror could move together.
    let last = [
        (offset_of!(ca_host, cancelled) + size_of::<usize>(), ca_host::SIZE_1_0, 80),
        (offset_of!(ca_call, trace_id) + size_of::<ca_slice>(), ca_call::SIZE_1_0, 56),
        (offset_of!(ca_adapter, list) + size_of::<usize>(), ca_adapter::SIZE_1_0, 160),
    ];
    for (end_of_its_last_member, size, written) in last {
        assert_eq!((end_of_its_last_member, size), (written, written));
    }
    let functions =
        [offset_of!(ca_adapter, describe), offset_of!(ca_adapter, submit), offset_of!(ca_adapter, poll)];
    assert_eq!(functions, [88, 120, 128]);
}

#[test]
fn every_capability_bit_of_the_header_is_known_and_no_other() {
    let facts = rust_facts();
    let of = |name: &str| facts.iter().find(|(known, _)| known == name).unwrap().1;
    let operations =
        facts.iter().filter(|(name, _)| name.starts_with("CA_OP_")).map(|(_, number)| 1_i128 << number);
    let promises = facts.iter().filter(|(name, _)| name.starts_with("CA_CAN_")).map(|(name, _)| of(name));
    assert_eq!(i128::from(capability::KNOWN), operations.chain(promises).fold(0, |all, bit| all | bit));
}

#[test]
fn the_header_compiles_alone_as_cplusplus_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alone.cc");
    fs::write(&file, "#include \"ca_adapter.h\"\n").unwrap();
    compile(&file, &folder.path().join("alone.o"), &["-std=c++11", "-c"]);
}
