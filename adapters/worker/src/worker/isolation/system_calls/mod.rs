//! System calls, by seccomp.
//!
//! Two filters, of which the stricter answer counts. The first lets through what this version knows a use for; anything
//! else does not exist for the plugin (`ENOSYS`), so that libraries fall back to what they did on older kernels, and what
//! a newer kernel adds stays closed. The second forbids, of what exists, what reaches beyond the process (`EPERM`), where
//! need be by its arguments.
//!
//! A call that is neither let through nor named fails, it never kills: a plugin gets an error that it can report.

mod forbidden;
mod known;

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

use crate::sandbox::Network;

/// For each system call the rules of which one must match; none: it matches always.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs both filters for all threads: whether the kernel has filters.
///
/// # Errors
/// In words, when the processor is not known.
pub(super) fn restrict(network: &Network) -> Result<bool, String> {
    let programs =
        programs(network).map_err(|error| format!("the filter of system calls cannot be built: {error}"))?;
    for program in programs {
        match apply_filter_all_threads(&program) {
            Ok(()) => {}
            // No filters in this kernel, or a container's own filter forbids them.
            Err(Error::Prctl(_) | Error::Seccomp(_)) => return Ok(false),
            Err(error) => return Err(format!("the filter of system calls cannot be installed: {error}")),
        }
    }
    Ok(true)
}

/// In the order of installing: the second does not know the call that installs filters.
fn programs(network: &Network) -> Result<[BpfProgram; 2], BackendError> {
    let forbidden = forbidden::rules(network)?;
    // What is forbidden exists, or its error would be the wrong one.
    let known = known::CALLS.iter().chain(forbidden.keys());
    let known: Rules = known.map(|call| (*call, Vec::new())).collect();
    let forbidden = filter(forbidden, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32))?;
    let known = filter(known, SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow)?;
    Ok([forbidden, known])
}

fn filter(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, matched, TargetArch::try_from(std::env::consts::ARCH)?)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_filters_can_be_built_for_every_network() {
        for network in [Network::None, Network::Ports(vec![443]), Network::Any] {
            for program in programs(&network).unwrap() {
                // The kernel takes 4096 instructions.
                assert!((100..4096).contains(&program.len()), "{}", program.len());
            }
        }
    }

    #[test]
    fn no_call_is_named_twice() {
        let mut calls = known::CALLS.to_vec();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), known::CALLS.len());
    }
}
