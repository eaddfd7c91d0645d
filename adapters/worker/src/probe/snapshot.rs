//! A look at the own process, between two steps.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;

use super::protocol::{Octets, Snapshot};

/// How the process is now. What cannot be read is left at its default: two snapshots are compared.
pub(super) fn take() -> Snapshot {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().trim_end_matches(" kB").to_owned()
    };
    let mask = |name| u64::from_str_radix(&field(name), 16).unwrap_or_default();
    Snapshot {
        signals_caught: mask("SigCgt"),
        signals_ignored: mask("SigIgn"),
        signals_blocked: mask("SigBlk"),
        umask: u32::from_str_radix(&field("Umask"), 8).unwrap_or_default(),
        threads: field("Threads").parse().unwrap_or_default(),
        children: children(),
        reaped_faults: reaped_faults(),
        working_directory: fs::read_link("/proc/self/cwd")
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        locale: locale(),
        environment: environment(),
        descriptors: descriptors(),
        resident_kib: field("VmRSS").parse().unwrap_or_default(),
        core_limit: rustix::process::getrlimit(rustix::process::Resource::Core).current.unwrap_or(u64::MAX),
    }
}

fn children() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count() as u64).sum()
}

/// Whatever was forked and waited for has had page faults.
fn reaped_faults() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the structure is writable for the call, and any octets are a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_minflt.unsigned_abs() + usage.ru_majflt.unsigned_abs()
}

fn locale() -> String {
    // SAFETY: a NULL locale only asks; no other thread of this process changes it at the same time, or the plugin has
    // broken the contract and the worst is a wrong text.
    let name = unsafe { libc::setlocale(libc::LC_ALL, std::ptr::null()) };
    if name.is_null() {
        return String::new();
    }
    // SAFETY: setlocale gives a NUL-terminated text that stays until its next call.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

fn environment() -> Vec<Octets> {
    let mut variables: Vec<Octets> = std::env::vars_os()
        .map(|(name, value)| {
            let mut text = name.into_vec();
            text.push(b'=');
            text.extend(value.into_vec());
            Octets(text)
        })
        .collect();
    variables.sort_by(|one, other| one.0.cmp(&other.0));
    variables
}

fn descriptors() -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        // The descriptor of this very listing is gone when it is looked at.
        if let (Some(number), Ok(target)) = (number, fs::read_link(entry.path()))
            && !target.starts_with(format!("/proc/{}/fd", std::process::id()))
        {
            found.insert(number, target.display().to_string());
        }
    }
    found
}
