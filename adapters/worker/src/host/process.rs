//! The worker's process: started with nothing but its socket, killed by its pidfd.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use super::library::Library;
use super::settings::WorkerProgram;

/// How long a killed process may take to be gone (it may be in an uninterruptible write).
const REAP_LIMIT: Duration = Duration::from_secs(5);

/// A running worker.
pub(super) struct Process {
    /// None when it is reaped.
    child: Option<Child>,
    id: u32,
    /// Names the process whatever becomes of its number; becomes readable when it ends.
    pidfd: AsyncFd<OwnedFd>,
}

/// What a started worker is spoken to with.
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) socket: UnixStream,
    pub(super) standard_output: OwnedFd,
    pub(super) standard_error: OwnedFd,
}

/// Starts a worker and hands it the library's descriptor.
pub(super) async fn start(program: &WorkerProgram, library: &Library) -> io::Result<Started> {
    let (program, library) = (program.clone(), library.clone());
    let (sender, started) = oneshot::channel();
    on_spawning_thread(Box::new(move || {
        // Nobody waits any more: the child's socket is closed with its handle, and the child ends.
        let _ = sender.send(spawn(&program, &library));
    }))?;
    let (mut child, socket) = started.await.map_err(io::Error::other)??;
    let lost = || io::Error::other("a pipe of the worker is missing");
    let standard_output = child.stdout.take().ok_or_else(lost)?.into();
    let standard_error = child.stderr.take().ok_or_else(lost)?.into();
    // The child is not reaped before `Process::end`, so its number still names it here.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(lost)?;
    let pidfd = register(pidfd_open(pid, PidfdFlags::NONBLOCK)?)?;
    socket.set_nonblocking(true)?;
    let process = Process { id: child.id(), child: Some(child), pidfd };
    Ok(Started { process, socket, standard_output, standard_error })
}

#[allow(
    unsafe_code,
    reason = "the safe constructor of AsyncFd is deprecated, since it takes descriptors nobody owns"
)]
fn register(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd owns its descriptor, gives the same number each time, and closes it only when it is dropped.
    unsafe { Ok(AsyncFd::register(pidfd)?) }
}

impl Process {
    /// Its number, for operators and tests.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the process has ended, without reaping it.
    pub(super) async fn ended(&self) {
        // A descriptor that cannot be waited for counts as ended: the caller then kills and reaps.
        let _ = self.pidfd.readable().await;
    }

    /// Kills the process and what it forked, and reaps it.
    pub(super) async fn end(mut self) -> Option<ExitStatus> {
        self.kill();
        tokio::time::timeout(REAP_LIMIT, self.ended()).await.ok()?;
        self.child.as_mut()?.try_wait().ok()?.inspect(|_| self.child = None)
    }

    fn kill(&self) {
        // It may have ended already; then there is nothing to kill.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
        if let Some(group) = i32::try_from(self.id).ok().and_then(Pid::from_raw) {
            // The group's number cannot be another's: its leader is not reaped before `child` is gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    /// A worker is never left behind, whichever way its owner ends.
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        if let Some(mut child) = self.child.take() {
            // Without a thread it stays a zombie until this process ends; it is killed all the same.
            let _ = thread::Builder::new().name("adapter-reaper".to_owned()).spawn(move || child.wait());
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on a thread that lives as long as this process. The worker asks to be killed when its parent dies, and for
/// the kernel the parent is the *thread* that started it, which on a runtime's pool may end at any time.
fn on_spawning_thread(job: Job) -> io::Result<()> {
    static THREAD: OnceLock<Result<mpsc::Sender<Job>, String>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        let body = move || jobs.into_iter().for_each(|job| job());
        thread::Builder::new()
            .name("adapter-spawner".to_owned())
            .spawn(body)
            .map(|_| sender)
            .map_err(|error| error.to_string())
    });
    let thread = thread.as_ref().map_err(|error| io::Error::other(error.clone()))?;
    thread.send(job).map_err(|_| io::Error::other("the thread that starts workers has ended"))
}

/// Starts a process of this crate's with nothing but its socket, and hands it the library's descriptor.
pub(crate) fn spawn(program: &WorkerProgram, library: &Library) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(&program.program)
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [library.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(&ours, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
    Ok((child, ours))
}

/// How a process ended.
pub(crate) fn in_words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    }
}
