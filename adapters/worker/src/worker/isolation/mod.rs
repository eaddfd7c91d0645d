//! What the process gives up before the plugin's first line runs; a library's constructors run inside `dlopen`.
//!
//! ```text
//! limits         descriptors, file size, memory, priority: always
//! files          landlock: paths, TCP ports, abstract sockets and signals to other processes
//! capabilities   none are left
//! system_calls   seccomp: what the plugin needs of the kernel's interface, and of that nothing that reaches beyond it
//! ```
//!
//! All of it holds for threads that are started later and cannot be undone.

mod files;
mod limits;
mod system_calls;

use std::fs;

use landlock::ABI;
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::message::{Load, Refused, Stage};
use crate::sandbox::{Enforcement, Isolation, Network, Sandbox};

pub(super) use limits::prepare;

/// Restricts the process as `load` says. It has one thread still.
///
/// # Errors
/// When a limit or a rule is refused by the kernel, a named path is not there, or the kernel lacks what is required.
pub(super) fn enter(load: &Load) -> Result<Isolation, Refused> {
    limits::apply(load).map_err(|error| refused(format!("a limit of the worker cannot be set: {error}")))?;
    restrict(&load.sandbox)
}

/// Closes everything that the sandbox leaves closed. The process has one thread still.
///
/// # Errors
/// When a rule is refused by the kernel, a named path is not there, or the kernel lacks what is required.
pub(crate) fn restrict(sandbox: &Sandbox) -> Result<Isolation, Refused> {
    if sandbox.enforcement == Enforcement::Off {
        return Ok(Isolation::default());
    }
    require_one_thread()?;
    let landlock = files::restrict(sandbox).map_err(refused)?;
    drop_capabilities()?;
    let seccomp = system_calls::restrict(&sandbox.network).map_err(refused)?;

    let kernel = Kernel { landlock, seccomp };
    let missing = kernel.lacks(&sandbox.network);
    if sandbox.enforcement == Enforcement::Required && !missing.is_empty() {
        return Err(refused(format!(
            "the sandbox is required, and this kernel lacks {}; start the broker on a kernel that has it, or allow this \
             adapter to run with what there is (enforcement = \"best_effort\")",
            missing.join(" and ")
        )));
    }
    Ok(kernel.isolation(sandbox))
}

/// What the kernel offers.
#[derive(Clone, Copy)]
struct Kernel {
    landlock: ABI,
    seccomp: bool,
}

impl Kernel {
    /// Truncation of files is covered from here on (Linux 6.2).
    const FILES: ABI = ABI::V3;
    /// TCP ports are covered from here on (Linux 6.7).
    const PORTS: ABI = ABI::V4;
    /// Abstract Unix sockets are covered from here on (Linux 6.12).
    const ABSTRACT_SOCKETS: ABI = ABI::V6;

    fn isolation(self, sandbox: &Sandbox) -> Isolation {
        let network = match sandbox.network {
            // The calls that make sockets are closed.
            Network::None => self.seccomp,
            Network::Ports(_) => self.seccomp && self.landlock >= Self::PORTS,
            Network::Any => self.landlock >= Self::ABSTRACT_SOCKETS,
        };
        Isolation { files: self.landlock >= Self::FILES, network, system_calls: self.seccomp }
    }

    /// What is missing for that, in words.
    fn lacks(self, network: &Network) -> Vec<String> {
        let (needed, kernel) = match network {
            Network::None => (Self::FILES, "6.2"),
            Network::Ports(_) => (Self::PORTS, "6.7"),
            Network::Any => (Self::ABSTRACT_SOCKETS, "6.12"),
        };
        let mut missing = Vec::new();
        if self.landlock < needed {
            let (needed, there) = (needed as i32, self.landlock as i32);
            missing.push(format!(
                "landlock version {needed} (there is {there}; Linux {kernel} or newer, with landlock among the boot \
                 parameter lsm's modules)"
            ));
        }
        if !self.seccomp {
            missing.push("seccomp filters (CONFIG_SECCOMP_FILTER)".to_owned());
        }
        missing
    }
}

/// Landlock holds for the thread that enters it and those that it starts.
fn require_one_thread() -> Result<(), Refused> {
    match fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(1) => Ok(()),
        Ok(count) => Err(refused(format!(
            "the worker has {count} threads before its sandbox; its role must run before anything else of the program"
        ))),
        Err(error) => {
            Err(refused(format!("/proc/self/task cannot be read: {error}; mount /proc for the broker")))
        }
    }
}

/// A broker that runs as root has capabilities, which pass by file modes and resource limits.
fn drop_capabilities() -> Result<(), Refused> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        // The kernel forgets the signal at some changes of credentials; it costs nothing to say it again.
        .and_then(|()| set_parent_process_death_signal(Some(Signal::KILL)))
        .map_err(|error| refused(format!("the worker's capabilities cannot be dropped: {error}")))
}

fn refused(text: String) -> Refused {
    super::refused(Stage::Isolation, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(landlock: ABI, seccomp: bool) -> Kernel {
        Kernel { landlock, seccomp }
    }

    fn isolation(kernel: Kernel, network: Network) -> (bool, bool, bool) {
        let Isolation { files, network, system_calls } =
            kernel.isolation(&Sandbox { network, ..Sandbox::default() });
        (files, network, system_calls)
    }

    #[test]
    fn a_present_kernel_lacks_nothing() {
        for network in [Network::None, Network::Ports(vec![443]), Network::Any] {
            assert!(kernel(ABI::V6, true).lacks(&network).is_empty());
            assert_eq!(isolation(kernel(ABI::V6, true), network), (true, true, true));
        }
    }

    #[test]
    fn what_an_older_kernel_lacks_is_named_with_the_version_that_has_it() {
        let ports = Network::Ports(vec![443]);
        assert!(kernel(ABI::V3, true).lacks(&Network::None).is_empty());
        assert_eq!(isolation(kernel(ABI::V3, true), ports.clone()), (true, false, true));
        let lacks = kernel(ABI::V3, true).lacks(&ports);
        assert!(lacks[0].contains("landlock version 4 (there is 3; Linux 6.7"), "{lacks:?}");
        let lacks = kernel(ABI::Unsupported, false).lacks(&Network::None);
        assert!(lacks[0].contains("landlock version 3 (there is 0; Linux 6.2"), "{lacks:?}");
        assert!(lacks[1].contains("seccomp"), "{lacks:?}");
        assert_eq!(isolation(kernel(ABI::Unsupported, false), Network::None), (false, false, false));
    }

    #[test]
    fn without_seccomp_no_connection_is_reported_as_closed() {
        for network in [Network::None, Network::Ports(Vec::new())] {
            assert_eq!(isolation(kernel(ABI::V7, false), network), (true, false, false));
        }
    }
}
