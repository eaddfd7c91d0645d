use std::fs::File;
use std::path::Path;
use std::process::Command;

use yinqiao_ca_abi::{ca_buf, ca_call, ca_instance, threading};

use super::*;
use crate::worker::functions::inside;
use crate::worker::loader;

/// What a later minor version could be: one more function in the table and in the host's, one more member of a call.
const LATER: HostVersion =
    HostVersion { minor: 1, room: size_of::<LaterAdapter>(), capabilities: capability::KNOWN | LATER_BIT };
const LATER_BIT: u64 = 1 << 53;

#[derive(Clone, Copy)]
#[repr(C)]
struct LaterAdapter {
    present: ca_adapter,
    later: usize,
}

#[repr(C)]
struct LaterHost {
    present: ca_host,
    later: usize,
}

#[repr(C)]
struct LaterCall {
    present: ca_call,
    later: u64,
}

fn host(size: usize, minor: u16) -> &'static ca_host {
    let present = ca_host {
        struct_size: size as u32,
        abi_major: abi::CA_ABI_MAJOR,
        abi_minor: minor,
        ctx: ptr::null_mut(),
        buf_write: Some(crate::worker::functions::buf_write),
        log: None,
        secret_get: None,
        buf_bytes: None,
        scratch: None,
        now_ms: None,
        remaining_ms: None,
        cancelled: None,
    };
    &Box::leak(Box::new(LaterHost { present, later: 0 })).present
}

unsafe extern "C" fn describe(_: *const ca_host, _: *mut ca_buf) -> i32 {
    status::CA_OK
}
unsafe extern "C" fn open(_: *const ca_host, _: ca_slice, _: *mut *mut ca_instance, _: *mut ca_buf) -> i32 {
    status::CA_OK
}
unsafe extern "C" fn close(_: *mut ca_instance) -> i32 {
    status::CA_OK
}
unsafe extern "C" fn health(_: *mut ca_instance, _: *const ca_call, _: *mut ca_buf) -> i32 {
    status::CA_OK
}
unsafe extern "C" fn submit(
    _: *mut ca_instance,
    _: *const ca_call,
    _: u32,
    _: ca_slice,
    _: *mut ca_buf,
) -> i32 {
    status::CA_OK
}

/// The table of a plugin that was built for `minor`.
fn table(minor: u16) -> LaterAdapter {
    let present = ca_adapter {
        abi_major: abi::CA_ABI_MAJOR,
        abi_minor: minor,
        threading: threading::CA_THREADING_SERIAL,
        describe: Some(describe),
        open: Some(open),
        close: Some(close),
        health: Some(health),
        submit: Some(submit),
        ..ca_adapter::EMPTY
    };
    LaterAdapter { present, later: close as *const () as usize }
}

/// Writes `octets` of `table` and announces `announced`.
///
/// # Safety
/// There are so many octets at `out`.
unsafe fn write(out: *mut ca_adapter, table: LaterAdapter, octets: usize, announced: usize) -> i32 {
    // SAFETY: by the caller's promise; source and destination are different.
    unsafe {
        ptr::copy_nonoverlapping(ptr::from_ref(&table).cast::<u8>(), out.cast::<u8>(), octets);
        out.cast::<u32>().write(announced as u32);
    }
    status::CA_OK
}

unsafe extern "C" fn older(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: no host offers less room than version 1.0 has.
    unsafe { write(out, table(0), ca_adapter::SIZE_1_0, ca_adapter::SIZE_1_0) }
}
unsafe extern "C" fn later(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: the room is what the host presets.
    unsafe {
        let size = (out.cast::<u32>().read() as usize).min(size_of::<LaterAdapter>());
        write(out, table(1), size, size)
    }
}
unsafe extern "C" fn beyond_the_room(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: the guard behind the room takes it.
    unsafe { write(out, table(1), size_of::<LaterAdapter>(), ca_adapter::SIZE_1_0) }
}
unsafe extern "C" fn announces_more(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: only the size lies.
    unsafe { write(out, table(0), ca_adapter::SIZE_1_0, 4096) }
}
unsafe extern "C" fn announces_less(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: only the size lies.
    unsafe { write(out, table(0), ca_adapter::SIZE_1_0, ca_adapter::SIZE_1_0 - 8) }
}
unsafe extern "C" fn cuts_a_member(_: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: the later host has room for one more member; only the size lies.
    unsafe { write(out, table(1), ca_adapter::SIZE_1_0, ca_adapter::SIZE_1_0 + 4) }
}
unsafe extern "C" fn refuses(_: *const ca_host, _: *mut ca_adapter) -> i32 {
    status::CA_NOT_SUPPORTED
}

fn present_host() -> &'static ca_host {
    host(size_of::<ca_host>(), 0)
}

fn later_host() -> &'static ca_host {
    host(size_of::<LaterHost>(), 1)
}

#[test]
fn a_table_of_any_minor_version_is_taken_as_far_as_both_sides_know_it() {
    for (entry, host, version, minor, size) in [
        (older as EntryPoint, present_host(), HostVersion::PRESENT, 0, 160),
        (older, later_host(), LATER, 0, 160),
        (later, present_host(), HostVersion::PRESENT, 1, 160),
        (later, later_host(), LATER, 1, 168),
    ] {
        let adapter = fetch(entry, host, version).unwrap();
        assert_eq!((adapter.abi_minor, adapter.struct_size), (minor, size));
        assert_eq!(check(&adapter, version).unwrap().0, Threading::Serial);
    }
}

#[test]
fn a_size_that_cannot_be_is_refused_with_the_reason() {
    for (entry, version, words) in [
        (beyond_the_room as EntryPoint, HostVersion::PRESENT, "past the end"),
        (announces_more, HostVersion::PRESENT, "filled 4096 octets"),
        (announces_more, LATER, "gave room for 168"),
        (announces_less, HostVersion::PRESENT, "152 octets"),
        (cuts_a_member, LATER, "164 octets"),
    ] {
        let refused = fetch(entry, later_host(), version).unwrap_err();
        assert_eq!(refused.stage, Stage::Table);
        assert!(refused.text.contains(words), "{}", refused.text);
    }
    let refused = fetch(refuses, later_host(), LATER).unwrap_err();
    assert!(refused.stage == Stage::Entry && refused.text.contains("version 1.1"), "{}", refused.text);
}

#[test]
fn a_capability_bit_that_its_own_version_lacks_is_refused_and_one_of_a_later_version_is_ignored() {
    let with_bit = |minor| ca_adapter { capabilities: 1 << 1 | LATER_BIT, ..table(minor).present };
    let refused = check(&with_bit(0), HostVersion::PRESENT).unwrap_err();
    assert!(refused.text.contains("bit 53 has no meaning"), "{}", refused.text);
    assert_eq!(check(&with_bit(1), HostVersion::PRESENT).unwrap().1, 1 << 1);
    assert_eq!(check(&with_bit(1), LATER).unwrap().1, 1 << 1 | LATER_BIT);

    let with_flag = |minor| ca_adapter { flags: 4, ..table(minor).present };
    assert!(check(&with_flag(0), HostVersion::PRESENT).is_err());
    assert!(check(&with_flag(1), HostVersion::PRESENT).is_ok());
}

#[test]
fn a_table_that_announces_more_than_it_fills_is_refused() {
    for (bit, function) in [
        (capability::CA_CAN_POLL, "poll"),
        (capability::CA_CAN_LOOKUP, "lookup"),
        (capability::CA_CAN_CANCEL, "cancel"),
        (capability::CA_CAN_LIST, "list"),
    ] {
        let adapter = ca_adapter { capabilities: bit, ..table(0).present };
        let refused = check(&adapter, HostVersion::PRESENT).unwrap_err();
        assert!(refused.text.contains(function), "{}", refused.text);
    }
    let adapter = ca_adapter { submit: None, ..table(0).present };
    let refused = check(&adapter, HostVersion::PRESENT).unwrap_err();
    assert!(refused.text.contains("submit is NULL"), "{}", refused.text);
    let adapter = ca_adapter { threading: 9, ..table(1).present };
    assert!(check(&adapter, HostVersion::PRESENT).unwrap_err().text.contains("threading 9"));
}

#[test]
fn a_name_with_an_impossible_length_is_not_followed() {
    let octets = b"name";
    let slice = |len| ca_slice { ptr: octets.as_ptr(), len };
    assert_eq!(name(slice(4), "name", 1).unwrap(), "name");
    for len in [0, 129, u64::MAX] {
        assert!(name(slice(len), "name", 1).is_err(), "{len}");
    }
    assert!(name(ca_slice::EMPTY, "build_id", 0).unwrap().is_empty());
}

/// The library that a vendor built years before this host.
#[test]
fn a_plugin_that_was_built_for_version_1_0_works_with_a_later_host() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("version.so");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(root.join("../include"))
        .arg("-o")
        .args([&library, &root.join("tests/plugins/version.c")])
        .status();
    assert!(built.unwrap().success());

    let entry = loader::load(&File::open(library).unwrap().into()).unwrap();
    let host = later_host();
    let adapter = fetch(entry, host, LATER).unwrap();
    check(&adapter, LATER).unwrap();
    let mut instance = ptr::null_mut();
    // SAFETY: functions of the checked table; everything that they borrow outlives the calls.
    unsafe {
        assert_eq!(
            inside(0, |out| (adapter.open.unwrap())(host, ca_slice::EMPTY, &raw mut instance, out)).0,
            0
        );
        let present = ca_call {
            struct_size: size_of::<LaterCall>() as u32,
            flags: 1 << 31,
            call_id: 1,
            timeout_ms: 1,
            idempotency_key: ca_slice::EMPTY,
            trace_id: ca_slice::EMPTY,
        };
        let call = LaterCall { present, later: u64::MAX };
        let (status, document) =
            inside(1000, |out| (adapter.health.unwrap())(instance, &raw const call.present, out));
        let document = String::from_utf8_lossy(&document).into_owned();
        assert_eq!(status, status::CA_OK);
        assert!(document.contains("built for 0, host 1, more host 1, more call 1"), "{document}");
        assert_eq!(call.later, u64::MAX);
        assert_eq!(inside(0, |_| (adapter.close.unwrap())(instance)).0, 0);
    }
}
