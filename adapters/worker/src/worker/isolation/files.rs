//! Files, TCP ports, abstract sockets and signals, by landlock.
//!
//! A rule holds for a file or folder that is there when the process enters, and for what is beneath it; a file that is
//! replaced by another of its name needs a rule for its folder. Looking up a path and a file's metadata are not covered
//! by landlock, nor are Unix sockets with a path: system calls close what matters of that.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, NetPort,
    PathBeneath, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
    make_bitflags,
};
use rustix::fs::{FileType, Mode, OFlags};

use crate::sandbox::{Network, Sandbox};

/// The rights that are taken away: those of the newest version that this was tested with. An older kernel takes what it
/// knows.
const RIGHTS: ABI = ABI::V7;

/// What the system's loader, the C library, name resolution and TLS libraries read. What is not there is left out.
/// Private keys (/etc/ssl/private) and accounts (/etc/passwd) are not among it.
const SYSTEM: &[&str] = &[
    // Libraries, and what they load on their own (character sets, engines, locales).
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/ld.so.cache",
    // Names.
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    // resolv.conf is a link into one of these where it is written anew when the network changes.
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    // Time zones.
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    // TLS: certificates and settings.
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/crypto-policies",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/crypto-policies",
    // What allocators and cryptographic libraries ask of the machine.
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/kernel/mm/transparent_hugepage",
];

/// Closes everything but the system's files and what `sandbox` names: how much of landlock the kernel has.
///
/// # Errors
/// In words, when a named path is not there or the kernel refuses a rule.
pub(super) fn restrict(sandbox: &Sandbox) -> Result<ABI, String> {
    let rules = Rules::begin(sandbox).map_err(failed)?;
    let rules = SYSTEM.iter().try_fold(rules, |rules, path| match open(Path::new(path)) {
        Ok(file) => rules.allow(&file, reading()),
        Err(_) => Ok(rules),
    })?;
    let rules = match open(Path::new("/dev/null")) {
        Ok(file) => rules.allow(&file, reading() | AccessFs::WriteFile)?,
        Err(_) => rules,
    };
    let rules = allow_own_process(rules)?;
    let rules = sandbox.read.iter().try_fold(rules, |rules, path| rules.allow(&named(path)?, reading()))?;
    let rules = sandbox.write.iter().try_fold(rules, |rules, path| rules.allow(&named(path)?, writing()))?;
    rules.enter().map_err(failed)
}

struct Rules(RulesetCreated);

impl Rules {
    fn begin(sandbox: &Sandbox) -> Result<Self, RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            // Running files is among the rights, and no rule gives it back; mapping a library is not running it.
            .handle_access(AccessFs::from_all(RIGHTS))?
            .scope(Scope::from_all(RIGHTS))?;
        match &sandbox.network {
            Network::None => Ok(Self(ruleset.handle_access(AccessNet::from_all(RIGHTS))?.create()?)),
            Network::Ports(ports) => {
                let created = ruleset.handle_access(AccessNet::from_all(RIGHTS))?.create()?;
                let allowed = ports.iter().chain([&NAME_SERVER]);
                let rules = allowed.map(|port| NetPort::new(*port, AccessNet::ConnectTcp));
                Ok(Self(created.add_rules(rules.map(Ok::<_, RulesetError>))?))
            }
            Network::Any => Ok(Self(ruleset.create()?)),
        }
    }

    fn allow(self, file: &OwnedFd, rights: BitFlags<AccessFs>) -> Result<Self, String> {
        let status = rustix::fs::fstat(file).map_err(|error| format!("a file of the sandbox: {error}"))?;
        let is_folder = FileType::from_raw_mode(status.st_mode).is_dir();
        let rights = if is_folder { rights } else { rights & AccessFs::from_file(RIGHTS) };
        self.0.add_rule(PathBeneath::new(file, rights)).map(Self).map_err(failed)
    }

    fn enter(self) -> Result<ABI, RulesetError> {
        Ok(match self.0.restrict_self()?.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi,
            LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => ABI::Unsupported,
        })
    }
}

/// Long answers of name servers come over TCP.
const NAME_SERVER: u16 = 53;

fn reading() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | ReadDir})
}

/// Regular files and folders. A link, a pipe or a device with a name in the plugin's folder could lead others, who read
/// it with more rights, to somewhere else.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | make_bitflags!(AccessFs::{
            WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
        })
}

/// The process may look at itself; other processes' folders stay closed.
///
/// The kernel makes a process's folder in /proc when it is looked up and may drop it when nobody has it open; the next
/// one would be another folder, without a rule. So it is kept open, as a mere name, for as long as the process lives.
fn allow_own_process(rules: Rules) -> Result<Rules, String> {
    let own =
        open(Path::new("/proc/self")).map_err(|error| format!("/proc/self cannot be opened: {error}"))?;
    let rules = rules.allow(&own, reading())?;
    std::mem::forget(own);
    Ok(rules)
}

fn named(path: &Path) -> Result<OwnedFd, String> {
    open(path).map_err(|error| {
        format!(
            "{}, which the sandbox names, cannot be opened: {error}; make it, or take it out of the adapter's sandbox",
            path.display()
        )
    })
}

/// As a mere name: nothing can be read from the descriptor.
fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

fn failed(error: RulesetError) -> String {
    format!("landlock refuses a rule of the sandbox: {error}")
}
