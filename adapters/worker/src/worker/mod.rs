//! The worker role: one process, one plugin.
//!
//! The process reads frames on its main thread and never blocks there, so that it notices at once when the broker is
//! gone and ends, whatever the plugin is doing. Everything that touches the plugin happens on threads of `threads`.
#![allow(
    unsafe_code,
    reason = "calls the plugin's C functions and ends the process without running its destructors"
)]

mod functions;
pub(crate) mod isolation;
mod loader;
mod plugin;
mod state;
mod table;
mod threads;

use std::fs::{self, File};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketType, recvmsg, sockopt};
use rustix::stdio;
use yinqiao_ca_abi::status;

use crate::frame::Decoder;
use crate::message::{Refused, Stage, ToHost, ToWorker};
use state::State;

/// The worker role: what the broker's binary runs as its hidden subcommand, and nothing before it.
///
/// The broker's end of the socket pair is standard input. It returns only when the role cannot start; otherwise the
/// process ends inside.
#[must_use]
pub fn main() -> ExitCode {
    // SAFETY of the process's standard input is given by its type: nothing else uses it before.
    let socket = match take_standard_input() {
        Ok(socket) => socket,
        Err(reason) => return refuse(&format!("standard input is not the broker's socket: {reason}")),
    };
    run(socket)
}

/// Serves the broker at the other end of `socket`, a connected Unix stream socket, until it closes the connection.
#[must_use]
pub fn run(socket: OwnedFd) -> ExitCode {
    match serve(UnixStream::from(socket)) {
        Ok(()) => end(),
        Err(reason) => refuse(&reason.to_string()),
    }
}

fn serve(mut socket: UnixStream) -> io::Result<()> {
    isolation::prepare()?;
    let library = receive_library(&socket)?;
    close_the_rest(&[socket.as_raw_fd(), library.as_raw_fd()])?;

    // A panic of the worker itself must not leave a process that answers half of its calls. (A plugin in Rust has its
    // own standard library, and with it its own hook.)
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));

    let state: &'static State = Box::leak(Box::new(State::new(socket.try_clone()?)));
    let mut library = Some(library);
    let mut decoder = Decoder::default();
    while let Some(frame) = decoder.read_from(&mut socket)? {
        match ToWorker::decode(&frame)? {
            ToWorker::Load(load) => {
                let Some(library) = library.take() else { return Err(io::Error::other("a second load")) };
                match isolation::enter(&load) {
                    Ok(isolation) => threads::start(state, library, load, isolation)?,
                    Err(refused) => {
                        state.send(0, &ToHost::Refused(refused));
                        end();
                    }
                }
            }
            ToWorker::Call(call) => state.begin(frame.id, call),
            ToWorker::Cancel => state.cancel(frame.id),
            ToWorker::Secret(value) => state.hand_over_secret(frame.id, value),
            ToWorker::Close => state.close(),
        }
    }
    Ok(())
}

/// Ends the process at once. The plugin's destructors and exit handlers do not run: they are foreign code that may hang,
/// and the contract says that the process may be killed at any instant.
pub(crate) fn end() -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(0) }
}

#[allow(clippy::print_stderr, reason = "the broker takes the worker's standard error into its log")]
fn refuse(reason: &str) -> ExitCode {
    eprintln!("adapter worker: {reason}; this role is started by the broker, not by hand");
    ExitCode::from(2)
}

/// Moves the socket from standard input to another descriptor, and leaves /dev/null there for the plugin.
fn take_standard_input() -> io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(stdio::stdin(), 3)?;
    if sockopt::socket_type(&socket)? != SocketType::STREAM {
        return Err(io::Error::other("not a stream socket"));
    }
    stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

fn refused(stage: Stage, text: impl Into<String>) -> Refused {
    Refused { stage, status: status::CA_PERMANENT, vendor_code: None, text: text.into() }
}

/// The library's descriptor comes as the ancillary part of the first octet.
fn receive_library(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut octet)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
            && let Some(descriptor) = descriptors.next()
        {
            return Ok(descriptor);
        }
    }
    Err(io::Error::other("the library's descriptor did not come"))
}

/// Closes every descriptor above standard error that is not in `keep`: the plugin gets none that the broker left open.
fn close_the_rest(keep: &[RawFd]) -> io::Result<()> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        open.extend(number.filter(|number| *number > 2 && !keep.contains(number)));
    }
    for number in open {
        // SAFETY: the process has run nothing yet that owns a descriptor outside of `keep`; the folder's own, listed
        // too, is closed by now, and closing it again fails harmlessly since no other thread opens any.
        unsafe { libc::close(number) };
    }
    Ok(())
}
