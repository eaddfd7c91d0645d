//! What no plugin does: to other processes, to other files' modes, to the kernel, to what binds it to the broker.

use libc::{c_int, c_long};
use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::Rules;
use crate::sandbox::Network;

/// Forbidden whatever the arguments are.
const ALWAYS: &[c_long] = &[
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes: their memory, their descriptors, their signals.
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_tkill,
    // Leaving the group by which the worker is killed, and the user as which it runs.
    libc::SYS_capset,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setpgid,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_setsid,
    libc::SYS_setuid,
    // Memory and queues that processes of one user share.
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_msgctl,
    libc::SYS_msgget,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_semctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_shmget,
    // Modes, owners and attributes of files, which landlock does not cover; watching files that it closes.
    libc::SYS_fanotify_init,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_inotify_add_watch,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_mknodat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_removexattr,
    libc::SYS_setxattr,
    // Another view of the file system and of the machine.
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // The kernel.
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    // Being connected to.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_listen,
];

/// What younger architectures do without.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_fork,
    libc::SYS_futimesat,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_lchown,
    libc::SYS_mknod,
    libc::SYS_modify_ldt,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[c_long] = &[];

/// The only options of `prctl`: names of threads and memory, timer slack, huge pages, and what only asks. Not among them
/// are those that undo how the worker is bound: the signal at its parent's death, and that its memory cannot be read.
const HARMLESS_PRCTL: &[c_int] = &[
    libc::PR_CAPBSET_READ,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_NAME,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_GET_PDEATHSIG,
    libc::PR_GET_SECCOMP,
    libc::PR_GET_THP_DISABLE,
    libc::PR_GET_TIMERSLACK,
    libc::PR_SET_NAME,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_SET_THP_DISABLE,
    libc::PR_SET_TIMERSLACK,
    libc::PR_SET_VMA,
];

/// Commands of `fcntl` that send signals to the process of one's choice, or hold up others who open a file.
const FORBIDDEN_FCNTL: &[c_int] = &[libc::F_SETOWN, F_SETSIG, F_SETOWN_EX, libc::F_SETLEASE];
/// fcntl(2); these two are not among libc's constants.
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;

/// The same for sockets and terminals, and input put into a terminal: `FIOSETOWN`, `SIOCSPGRP`, `TIOCSTI`, `TIOCLINUX`.
const FORBIDDEN_IOCTL: &[u64] = &[0x8901, 0x8902, 0x5412, 0x541c];

/// `SOCK_STREAM`, `SOCK_DGRAM` and their kin are the low bits; flags lie above.
const SOCKET_TYPE: u64 = 0xf;
/// `personality` with this argument only asks.
const ASK_PERSONALITY: u64 = 0xffff_ffff;

pub(super) fn rules(network: &Network) -> Result<Rules, BackendError> {
    let own = u64::from(std::process::id());
    let mut rules: Rules = ALWAYS.iter().chain(LEGACY).map(|call| (*call, Vec::new())).collect();

    // A new process; a thread is none.
    rules.insert(libc::SYS_clone, vec![rule(&[masked(0, libc::CLONE_THREAD as u64, 0)])?]);
    // Signals to others.
    for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo] {
        rules.insert(call, vec![rule(&[unlike(0, own)])?]);
    }
    // Limits and scheduling of others; 0 is the caller itself.
    for call in [
        libc::SYS_prlimit64,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
    ] {
        rules.insert(call, vec![rule(&[unlike(0, own), unlike(0, 0)])?]);
    }
    let itself = libc::PRIO_PROCESS as u64;
    rules.insert(libc::SYS_setpriority, vec![rule(&[unlike(0, itself)])?, rule(&[unlike(1, 0)])?]);
    rules.insert(libc::SYS_personality, vec![rule(&[unlike(0, ASK_PERSONALITY)])?]);
    // A file's times by its path; by an open descriptor (with no path) they are the plugin's own file's.
    rules.insert(
        libc::SYS_utimensat,
        vec![SeccompRule::new(vec![condition(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?])?],
    );

    let others: Vec<_> = HARMLESS_PRCTL.iter().map(|option| unlike(0, *option as u64)).collect();
    rules.insert(libc::SYS_prctl, vec![rule(&others)?]);
    let commands = FORBIDDEN_FCNTL.iter().map(|command| rule(&[like(1, *command as u64)]));
    rules.insert(libc::SYS_fcntl, commands.collect::<Result<_, _>>()?);
    let commands = FORBIDDEN_IOCTL.iter().map(|command| rule(&[like(1, *command)]));
    rules.insert(libc::SYS_ioctl, commands.collect::<Result<_, _>>()?);

    // A connection that begins with its first data passes by landlock's check of the port.
    let fast_open = libc::MSG_FASTOPEN as u64;
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        rules.insert(call, vec![rule(&[masked(flags, fast_open, fast_open)])?]);
    }
    rules.insert(libc::SYS_socket, sockets(network)?);
    rules.insert(libc::SYS_socketpair, pairs()?);
    Ok(rules)
}

/// Which sockets cannot be made.
fn sockets(network: &Network) -> Result<Vec<SeccompRule>, BackendError> {
    let families: &[c_int] = match network {
        // No rules: whatever the arguments are.
        Network::None => return Ok(Vec::new()),
        // Netlink is how the C library asks which kinds of addresses the machine has.
        Network::Ports(_) => &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK],
        Network::Any => &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_UNIX],
    };
    let others: Vec<_> = families.iter().map(|family| unlike(0, *family as u64)).collect();
    let mut rules = vec![rule(&others)?];
    // TCP and UDP only. Landlock's rules know no other protocol over which one can connect to a port.
    let (stream, datagram) = (libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64);
    let (tcp, udp) = (libc::IPPROTO_TCP as u64, libc::IPPROTO_UDP as u64);
    for family in [libc::AF_INET as u64, libc::AF_INET6 as u64] {
        for other in (0..=SOCKET_TYPE).filter(|kind| ![stream, datagram].contains(kind)) {
            rules.push(rule(&[like(0, family), masked(1, SOCKET_TYPE, other)])?);
        }
        for (kind, protocol) in [(stream, tcp), (datagram, udp)] {
            let of_kind = masked(1, SOCKET_TYPE, kind);
            rules.push(rule(&[like(0, family), of_kind, unlike(2, 0), unlike(2, protocol)])?);
        }
    }
    let route = libc::NETLINK_ROUTE as u64;
    rules.push(rule(&[like(0, libc::AF_NETLINK as u64), unlike(2, route)])?);
    Ok(rules)
}

/// A pair inside the process is harmless, unless it can be sent to another address: streams and packets cannot.
fn pairs() -> Result<Vec<SeccompRule>, BackendError> {
    let mut rules = vec![rule(&[unlike(0, libc::AF_UNIX as u64)])?];
    let connected = [libc::SOCK_STREAM as u64, libc::SOCK_SEQPACKET as u64];
    for other in (0..=SOCKET_TYPE).filter(|kind| !connected.contains(kind)) {
        rules.push(rule(&[masked(1, SOCKET_TYPE, other)])?);
    }
    Ok(rules)
}

/// A condition on an `int` argument.
#[derive(Clone, Copy)]
struct Test {
    argument: u8,
    operator: Operator,
    value: u64,
}

#[derive(Clone, Copy)]
enum Operator {
    Like,
    Unlike,
    Masked(u64),
}

fn like(argument: u8, value: u64) -> Test {
    Test { argument, operator: Operator::Like, value }
}

fn unlike(argument: u8, value: u64) -> Test {
    Test { argument, operator: Operator::Unlike, value }
}

fn masked(argument: u8, mask: u64, value: u64) -> Test {
    Test { argument, operator: Operator::Masked(mask), value }
}

/// Matches when all tests hold.
fn rule(tests: &[Test]) -> Result<SeccompRule, BackendError> {
    let conditions = tests.iter().map(|test| {
        let operator = match test.operator {
            Operator::Like => SeccompCmpOp::Eq,
            Operator::Unlike => SeccompCmpOp::Ne,
            Operator::Masked(mask) => SeccompCmpOp::MaskedEq(mask),
        };
        // The kernel looks at the low half of an int argument only, and so does the filter.
        condition(test.argument, SeccompCmpArgLen::Dword, operator, test.value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn condition(
    argument: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, length, operator, value)
}
