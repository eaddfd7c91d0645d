//! What the process may use up, and whom the kernel prefers to it.

use std::fs;
use std::io;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, nice, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit, umask,
};

use crate::message::Load;

/// Added to the broker's own nice value: a plugin that spins on every core still leaves the broker its turn, while a
/// worker on an idle machine is as fast as without.
const NICER: i32 = 5;
/// When memory runs out, the kernel takes the worker, which is replaced, before the broker, which is not.
const OOM_SCORE: i32 = 500;
/// For libraries that lock their keys into memory.
const LOCKED_MEMORY: u64 = 8 << 20;

/// What holds from the first moment, whatever is loaded later.
pub(in crate::worker) fn prepare() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    // A core would hold the plugin's credentials.
    set_limit(Resource::Core, 0)?;
    // Files that the plugin makes are its own and nobody else's.
    umask(Mode::RWXG | Mode::RWXO);
    raise_oom_score()?;
    // Another process of the same user, which another plugin's worker is, cannot read this one's memory. It comes after
    // the score, which is written to a file that is root's from here on.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    nice(NICER)?;
    Ok(())
}

/// The limits of one adapter. The number of processes is no limit here: the kernel counts it for the whole user, the
/// broker included; that none can be made is a matter of system calls.
pub(super) fn apply(load: &Load) -> io::Result<()> {
    // A file that grows too large is an error for the writer, not a signal that ends the process.
    // SAFETY: ignoring a signal runs no code.
    if unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    set_limit(Resource::Fsize, load.file_octets)?;
    set_limit(Resource::Nofile, load.open_files)?;
    if let Some(octets) = load.address_space {
        set_limit(Resource::As, octets)?;
    }
    if let Some(octets) = load.data_memory {
        set_limit(Resource::Data, octets)?;
    }
    set_limit(Resource::Memlock, LOCKED_MEMORY)?;
    // Nothing may get before the broker.
    set_limit(Resource::Nice, 0)?;
    set_limit(Resource::Rtprio, 0)?;
    Ok(())
}

/// Sets both values, so that it cannot be raised again; never above what the broker itself was given.
fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = getrlimit(resource).maximum.map_or(value, |present| present.min(value));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(())
}

fn raise_oom_score() -> io::Result<()> {
    const PATH: &str = "/proc/self/oom_score_adj";
    let present = fs::read_to_string(PATH)?.trim().parse().unwrap_or(0);
    if present < OOM_SCORE { fs::write(PATH, OOM_SCORE.to_string()) } else { Ok(()) }
}
