//! The process: reads steps, does them one after the other on its one thread, answers.

use std::io::{self, BufRead as _, BufReader, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::stdio;

use super::plugin::Plugin;
use super::protocol::{Answer, Result, Step};
use super::snapshot;
use crate::worker::isolation;

/// The probe role: what a kit's program runs as its hidden subcommand, and nothing before it. The kit's end of a socket
/// pair is standard input.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => refuse(&reason),
    }
}

#[allow(clippy::print_stderr, reason = "the kit reads the process's standard error")]
fn refuse(reason: &io::Error) -> ExitCode {
    eprintln!("adapter probe: {reason}; this role is started by the conformance kit, not by hand");
    ExitCode::from(2)
}

fn serve() -> io::Result<()> {
    let socket = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(stdio::stdin(), 3)?);
    stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let library = receive_library(&socket)?;
    let mut plugin = Plugin::new();
    let mut answers = socket.try_clone()?;
    let mut watched = Some(socket.try_clone()?);
    for line in BufReader::new(socket).lines() {
        let step: Step = serde_json::from_str(&line?)?;
        // The sandbox is closed while the process has one thread.
        if !matches!(step, Step::Isolate { .. })
            && let Some(socket) = watched.take()
        {
            end_with(socket)?;
        }
        let result = run(&mut plugin, &library, step);
        // What the plugin printed comes before the answer.
        io::stdout().flush()?;
        let answer = Answer { result, host: plugin.host().take_use() };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        answers.write_all(&line)?;
    }
    Ok(())
}

fn run(plugin: &mut Plugin, library: &OwnedFd, step: Step) -> Result {
    match step {
        Step::Snapshot => Result::Snapshot(Box::new(snapshot::take())),
        Step::Secrets { secrets } => {
            plugin.host().set_secrets(secrets);
            Result::Done
        }
        Step::Isolate { sandbox } => match isolation::restrict(&sandbox) {
            Ok(isolation) => Result::Isolated(isolation),
            Err(refused) => Result::Impossible { reason: refused.text },
        },
        Step::Load => plugin.load(library),
        Step::Table(offer) => plugin.table(offer),
        Step::Describe => plugin.describe(),
        Step::Open { configuration } => plugin.open(&configuration),
        Step::Close { instance } => plugin.close(instance),
        Step::Call(call) => plugin.call(&call),
        Step::Repeat { call, times } => plugin.repeat(&call, times),
        Step::Reopen { configuration, times } => plugin.reopen(&configuration, times),
        Step::Together { configuration, threads } => plugin.together(configuration.as_ref(), &threads),
    }
}

/// A plugin that hangs must not outlive the kit: a thread waits for the other end of the socket to go.
fn end_with(socket: UnixStream) -> io::Result<()> {
    let watch = move || {
        let mut gone = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
        // SAFETY: one structure that lives for the call. A signal may end the wait early.
        while unsafe { libc::poll(&raw mut gone, 1, -1) } < 1 {}
        // SAFETY: _exit has no preconditions. The plugin's exit handlers must not run: they may hang.
        unsafe { libc::_exit(0) }
    };
    thread::Builder::new().name("probe-watch".to_owned()).spawn(watch).map(drop)
}

/// The library's descriptor comes as the ancillary part of the first octet.
fn receive_library(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    recvmsg(socket.as_fd(), &mut [IoSliceMut::new(&mut octet)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
            && let Some(descriptor) = descriptors.next()
        {
            return Ok(descriptor);
        }
    }
    Err(io::Error::other("the library's descriptor did not come"))
}
