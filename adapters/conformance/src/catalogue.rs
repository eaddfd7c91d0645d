//! The table of checks: what each is called, which section of `ca_adapter.h` it is about, what it proves and needs.

use std::fmt::Write as _;
use std::pin::Pin;

use yinqiao_ca_abi::capability::{
    CA_CAN_CANCEL, CA_CAN_DEDUPLICATE, CA_CAN_LIST, CA_CAN_LOOKUP, CA_CAN_POLL,
};
use yinqiao_ca_sdk::Operation;

use crate::bench::Bench;
use crate::checks::{
    canary, deadline, describe, hostile, idle, issue, kill, leaks, library, list, network, open, pending,
    process, recovery, renew, revocation, seal, table, threading, timestamp,
};
use crate::verdict::Verdict;

/// One check.
pub struct Check {
    /// `group.name`; it never changes its meaning.
    pub id: &'static str,
    /// The section of `ca_adapter.h`.
    pub clause: &'static str,
    /// What holds when it passes.
    pub proves: &'static str,
    /// Without which it cannot be tried.
    pub needs: &'static [Need],
    /// How long it may take in the quick profile; sixty times that in the full one.
    pub(crate) seconds: u64,
    pub(crate) run: Run,
}

/// What a check needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// A capability bit of the plugin, and its name.
    Capability(u64, &'static str),
    /// A configuration that opens.
    Configuration,
    /// An operation of the plugin.
    Operation(Operation),
    /// A build with a sanitizer.
    Sanitized,
    /// A CA on a loopback port.
    Upstream,
}

pub(crate) type Run = for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

impl Check {
    /// The part of the id before the dot.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }
}

const CONFIGURATION: Need = Need::Configuration;
const UPSTREAM: Need = Need::Upstream;
const ISSUE: Need = Need::Operation(Operation::Issue);
const POLL: Need = Need::Capability(CA_CAN_POLL, "poll");
const LOOKUP: Need = Need::Capability(CA_CAN_LOOKUP, "lookup");
const CANCEL: Need = Need::Capability(CA_CAN_CANCEL, "cancel");
const LIST: Need = Need::Capability(CA_CAN_LIST, "list");
const DEDUPLICATE: Need = Need::Capability(CA_CAN_DEDUPLICATE, "deduplicate");

/// Declares checks: id, clause, needs, seconds, function, what it proves.
macro_rules! checks {
    ($($id:literal, $clause:literal, [$($need:expr),*], $seconds:literal, $run:expr, $proves:literal;)*) => {
        /// All checks, in the order in which they run.
        pub static CHECKS: &[Check] = &[$(Check {
            id: $id,
            clause: $clause,
            proves: $proves,
            needs: &[$($need),*],
            seconds: $seconds,
            run: {
                // Each body borrows the bench for as long as its future lives.
                fn run(bench: &Bench) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>> {
                    #[allow(clippy::redundant_closure_call, reason = "the macro's argument is a closure")]
                    Box::pin(async move { ($run)(bench).await })
                }
                run
            },
        }),*];
    };
}

checks! {
    "library.loads", "ca_adapter_get", [], 30, library::loads,
        "The system loads the file, and it exports ca_adapter_get.";
    "library.symbols", "ca_adapter_get", [], 30, |bench| async move { library::symbols(bench) },
        "It exports nothing else: two plugins never meet each other's symbols.";
    "library.dependencies", "PROCESS", [], 30, |bench| async move { library::dependencies(bench) },
        "What it needs is named, not found by a path; the list is shown.";
    "library.search-path", "PROCESS", [], 30, |bench| async move { library::search_path(bench) },
        "Its search path has no relative folder and none that others may write to.";
    "library.hardening", "PROCESS", [], 30, |bench| async move { library::hardening(bench) },
        "No executable stack, no relocations in code, nothing both writable and executable.";
    "library.constructors", "PROCESS", [], 30, library::constructors,
        "Loading alone starts no thread, installs no handler, prints nothing and changes nothing of the process.";

    "table.entry", "ca_adapter_get", [], 30, table::entry,
        "ca_adapter_get fills a table of this major version.";
    "table.size-matrix", "VERSIONS", [], 60, table::size_matrix,
        "With any room, from none to more than it knows, it fills no more than there is and says how much.";
    "table.host-minor", "VERSIONS", [], 60, table::host_minor,
        "Hosts of older and newer minor versions get the same plugin.";
    "table.host-major", "ca_adapter_get", [], 60, table::host_major,
        "A host of another major version gets CA_NOT_SUPPORTED and an untouched table.";
    "table.capabilities", "Capabilities", [], 30, table::capabilities,
        "Capability bits and pointers agree, required functions are there, no unknown bit is set.";
    "table.names", "ca_adapter", [], 30, table::names,
        "Vendor, name, version and build are UTF-8 of the allowed lengths.";
    "table.threading", "Threading", [], 30, table::threading,
        "The threading is one of the contract's, and the flags are 0.";
    "table.no-host-calls", "ca_adapter_get", [], 30, table::no_host_calls,
        "ca_adapter_get calls no host function.";

    "describe.works-alone", "describe", [], 30, describe::works_alone,
        "describe works without configuration, secrets and network, and says the same each time.";
    "describe.schema", "describe", [], 30, describe::schema,
        "The configuration's schema is a valid JSON Schema of an object.";
    "describe.configuration-fits", "describe", [CONFIGURATION], 30, describe::configuration_fits,
        "The given configuration fits the schema.";
    "describe.no-credentials", "describe", [], 30, describe::no_credentials,
        "No member of the configuration looks like a credential.";
    "describe.names", "describe", [], 30, describe::names,
        "Secrets and products have names of their own and texts for operators.";

    "open.opens", "open", [CONFIGURATION], 60, open::opens,
        "It opens with the given configuration and closes.";
    "open.bad-configurations", "open", [CONFIGURATION], 120, open::bad_configurations,
        "Every configuration that its schema refuses is refused with a class, without an instance, and leaves nothing behind.";
    "open.missing-secret", "secret_get", [CONFIGURATION], 60, open::missing_secret,
        "Without a required secret it says CA_AUTHENTICATION.";
    "open.wrong-secret", "secret_get", [CONFIGURATION], 60, open::wrong_secret,
        "With a wrong secret it says CA_AUTHENTICATION.";
    "open.again", "close", [CONFIGURATION], 60, open::again,
        "It can be closed and opened again in one process, and opened twice where its threading says so.";
    "open.without-leaks", "close", [CONFIGURATION], 300, open::without_leaks,
        "Opening and closing many times leaves no descriptors, threads or memory.";

    "process.ends", "PROCESS", [CONFIGURATION], 60, process::ends,
        "A call of everything that is offered comes back; nothing exits, aborts or crashes.";
    "process.unchanged", "PROCESS", [CONFIGURATION], 60, process::unchanged,
        "Calls install no signal handlers and leave working directory, locale, environment and umask alone.";
    "process.forks", "PROCESS", [CONFIGURATION], 60, process::forks,
        "It starts no processes.";
    "process.output", "PROCESS", [CONFIGURATION], 60, process::output,
        "It prints nothing to standard output.";
    "process.host-functions", "THREADS", [CONFIGURATION], 60, process::host_functions,
        "Host functions are called inside calls only, with buffers of that call, levels and fields as they must be.";
    "process.sandbox", "PROCESS", [CONFIGURATION], 60, process::sandbox,
        "It works when it may write to the named folders only and read no other plugin's files.";

    "hostile.malformed-json", "DOCUMENTS", [CONFIGURATION], 300, hostile::malformed_json,
        "Documents that are no JSON, too deep, too large or no UTF-8 end with a class.";
    "hostile.wrong-types", "DOCUMENTS", [CONFIGURATION], 300, hostile::wrong_types,
        "Requests with a member of a wrong type, or without one that must be there, are CA_PERMANENT.";
    "hostile.unknown-operations", "submit", [CONFIGURATION], 60, hostile::unknown_operations,
        "Operations that the contract does not have are CA_NOT_SUPPORTED.";
    "hostile.unoffered-operations", "submit", [CONFIGURATION], 60, hostile::unoffered_operations,
        "Operations that the plugin does not offer are CA_NOT_SUPPORTED.";
    "hostile.unknown-members", "DOCUMENTS", [CONFIGURATION], 60, hostile::unknown_members,
        "Members that nobody knows are ignored.";
    "hostile.idempotency-keys", "ca_call", [CONFIGURATION, ISSUE], 120, hostile::idempotency_keys,
        "Keys of 1 to 128 characters of any kind work and stay apart.";
    "hostile.bad-requests", "ISSUE", [CONFIGURATION, ISSUE], 60, hostile::bad_requests,
        "Certificate requests that are no DER, wrongly signed, or for another curve are refused.";
    "hostile.mutations", "submit", [CONFIGURATION], 600, hostile::mutations,
        "Random changes of valid requests crash nothing, and nothing invalid is answered with CA_OK.";
    "hostile.sanitizers", "PROCESS", [CONFIGURATION, Need::Sanitized], 900, hostile::sanitizers,
        "A build with a sanitizer stays silent under all of this.";

    "issue.issues", "ISSUE", [CONFIGURATION, ISSUE], 60, issue::issues,
        "A certificate pair is issued.";
    "issue.key-matches-request", "ISSUE", [CONFIGURATION, ISSUE], 60, issue::key,
        "The signing certificate holds the request's key, and the encryption certificate another one.";
    "issue.chain", "pair", [CONFIGURATION, ISSUE], 60, issue::chain,
        "The chain leads in order from the issuer to the root, and both certificates are good for their use.";
    "issue.algorithms", "pair", [CONFIGURATION, ISSUE], 60, issue::algorithms,
        "Keys and signatures are SM2 with SM3, named by their object identifiers.";
    "issue.key-usages", "pair", [CONFIGURATION, ISSUE], 60, issue::key_usages,
        "The signing certificate signs and does not encipher, the encryption certificate enciphers and does not sign.";
    "issue.encryption-key", "pair", [CONFIGURATION, ISSUE], 60, issue::encryption_key,
        "The enveloped key opens with the request's key and belongs to the encryption certificate.";
    "issue.whole-pair", "pair", [CONFIGURATION, ISSUE], 60, issue::whole_pair,
        "Both certificates and the enveloped key come, or the note says \"signing only\" and what that means for enrolments.";
    "issue.validity", "validity", [CONFIGURATION, ISSUE], 60, issue::validity,
        "A certificate is valid from now for as many days as were asked for.";
    "issue.serials", "serial", [CONFIGURATION, ISSUE], 300, issue::serials,
        "No serial number is given twice.";
    "issue.holder", "holder", [CONFIGURATION, ISSUE], 60, issue::holder,
        "The subject is the holder's name, not the request's subject.";
    "issue.deduplicates", "CA_CAN_DEDUPLICATE", [CONFIGURATION, ISSUE, DEDUPLICATE], 60, issue::deduplicates,
        "The same key and request give the same reply; another request under the same key is CA_PERMANENT.";
    "issue.lookup", "lookup", [CONFIGURATION, ISSUE, LOOKUP], 60, issue::lookup,
        "lookup finds what was issued by key and by serial number, and says absent of a key that nobody used.";
    "issue.status", "STATUS", [CONFIGURATION, ISSUE, Need::Operation(Operation::Status)], 60, issue::status,
        "A new certificate is good, and a number that was never given is unknown.";
    "issue.ca-certificates", "CA_CERTIFICATES", [CONFIGURATION, Need::Operation(Operation::CaCertificates)], 60,
        issue::ca_certificates,
        "The CA's certificates are CAs, roots last, with everything that issued pairs need.";

    "renew.keeps-keys", "RENEW", [CONFIGURATION, Need::Operation(Operation::Renew)], 60, renew::keeps_keys,
        "A renewal keeps both keys and the subject, has a new number, and leaves the present pair valid.";
    "renew.refuses-another-key", "RENEW", [CONFIGURATION, Need::Operation(Operation::Renew)], 60,
        renew::refuses_another_key,
        "A renewal with another key is CA_PERMANENT.";
    "rekey.changes-keys", "REKEY", [CONFIGURATION, Need::Operation(Operation::Rekey)], 60, renew::changes_keys,
        "A rekey changes both keys and keeps the subject.";

    "revoke.confirmed", "REVOKE", [CONFIGURATION, Need::Operation(Operation::Revoke)], 60, revocation::revokes,
        "What is said to be revoked is revoked by status, revocation list and OCSP, with its reason, both certificates.";
    "revoke.twice", "REVOKE", [CONFIGURATION, Need::Operation(Operation::Revoke)], 60, revocation::twice,
        "Revoking again is CA_OK and reports the first reason and time.";
    "revoke.alone", "REVOKE", [CONFIGURATION, Need::Operation(Operation::Revoke)], 60, revocation::alone,
        "Without pair, the other certificate stays good.";
    "revoke.unknown-serial", "REVOKE", [CONFIGURATION, Need::Operation(Operation::Revoke)], 60,
        revocation::unknown_serial,
        "Revoking a number that was never given is CA_PERMANENT with a text.";
    "hold.holds-and-releases", "HOLD, UNHOLD", [CONFIGURATION, Need::Operation(Operation::Hold)], 60,
        revocation::holds_and_releases,
        "A held certificate is on hold by status, revocation list and OCSP; a released one is good by all of them.";
    "hold.can-be-revoked", "HOLD, UNHOLD",
        [CONFIGURATION, Need::Operation(Operation::Hold), Need::Operation(Operation::Revoke)], 60,
        revocation::held_can_be_revoked,
        "A held certificate can be revoked, and what is revoked is not released.";
    "crl.verifies", "CRL", [CONFIGURATION, Need::Operation(Operation::Crl)], 60, revocation::crl,
        "The list is signed by the CA, has a number and a next update in the future, and the reply says the same.";
    "crl.number-grows", "CRL",
        [CONFIGURATION, Need::Operation(Operation::Crl), Need::Operation(Operation::Revoke)], 60,
        revocation::crl_number_grows,
        "A list after a revocation names it and has a larger number.";
    "ocsp.verifies", "OCSP", [CONFIGURATION, ISSUE, Need::Operation(Operation::Ocsp)], 60, revocation::ocsp,
        "OCSP answers are signed by the CA or its responder, fresh, about the right certificate, by SHA-1 and by SM3.";

    "timestamp.verifies", "TIMESTAMP", [CONFIGURATION, Need::Operation(Operation::Timestamp)], 60, timestamp::verifies,
        "A stamp carries imprint and nonce of the request, the present time, and a signature that leads to the root.";
    "timestamp.refuses", "TIMESTAMP", [CONFIGURATION, Need::Operation(Operation::Timestamp)], 60, timestamp::refuses,
        "Half a request gets no stamp.";

    "recover-key.recovers", "RECOVER_KEY", [CONFIGURATION, Need::Operation(Operation::RecoverKey)], 60,
        recovery::recovers,
        "The encryption key comes enveloped for the new request's key, or people decide.";
    "recover-key.refuses", "RECOVER_KEY", [CONFIGURATION, Need::Operation(Operation::RecoverKey)], 60,
        recovery::refuses,
        "Recovery for a certificate that was never issued is CA_PERMANENT.";

    "seal.verifies", "SEAL_ISSUE", [CONFIGURATION, ISSUE, Need::Operation(Operation::SealIssue)], 60, seal::verifies,
        "The seal is an SESeal of version 4, signed by its maker, with picture, signer and validity as asked for.";
    "seal.status", "SEAL_STATUS", [CONFIGURATION, Need::Operation(Operation::SealStatus)], 60, seal::status,
        "A new seal is valid, and one that was never made is unknown.";
    "seal.revokes", "SEAL_REVOKE", [CONFIGURATION, Need::Operation(Operation::SealRevoke)], 60, seal::revokes,
        "A revoked seal stays revoked, also when it is revoked again.";

    "pending.unknown-token", "poll", [CONFIGURATION, POLL], 60, pending::unknown_token,
        "poll with a token that nobody knows is CA_PERMANENT.";
    "pending.survives-restart", "CA_PENDING", [CONFIGURATION, POLL], 60, pending::survives_restart,
        "Another process can poll with the token, and lookup knows what is pending.";
    "pending.cancels", "cancel", [CONFIGURATION, POLL, CANCEL], 60, pending::cancels,
        "What was cancelled is not done.";
    "pending.cancel-of-nothing", "cancel", [CONFIGURATION, CANCEL], 60, pending::cancel_of_nothing,
        "cancel with a token that nobody knows is CA_PERMANENT.";

    "list.complete", "list", [CONFIGURATION, ISSUE, LIST], 120, list::complete,
        "The list has every certificate that was issued, under its idempotency key.";
    "list.pages", "list", [CONFIGURATION, ISSUE, LIST], 300, list::pages,
        "Small pages hold the same as large ones, each certificate once, and a cursor stays what it is.";
    "list.wrong-cursor", "list", [CONFIGURATION, LIST], 60, list::wrong_cursor,
        "A cursor that the plugin did not give is refused or harmless.";

    "deadline.already-over", "DEADLINES", [CONFIGURATION], 120, deadline::already_over,
        "A call that is cancelled already returns soon, with a class that is true.";
    "deadline.close-afterwards", "DEADLINES", [CONFIGURATION], 120, deadline::close_afterwards,
        "Closing right after a cancelled call works.";

    "threading.at-once", "Threading", [CONFIGURATION], 300, threading::at_once,
        "Calls from many threads at once, as the threading allows, are answered as one after the other.";
    "threading.one-key-at-once", "CA_CAN_DEDUPLICATE", [CONFIGURATION, ISSUE, DEDUPLICATE], 120,
        threading::one_key_at_once,
        "One key submitted from many threads at once gives one certificate.";

    "leaks.calls", "MEMORY", [CONFIGURATION], 600, leaks::calls,
        "Many calls that change nothing leave no descriptors, threads or memory.";
    "leaks.issues", "MEMORY", [CONFIGURATION, ISSUE], 300, leaks::issues,
        "Many issues leave no descriptors, threads or memory.";

    "canary.secrets", "secret_get", [CONFIGURATION], 120, canary::secrets,
        "Secrets, right or wrong ones, stand in no log, error, reply, output, environment, command line or file.";
    "canary.personal-data", "holder", [CONFIGURATION, ISSUE], 60, canary::personal_data,
        "A holder's identity code stands in no log, error or output.";

    "kill.issue", "PROCESS", [CONFIGURATION, ISSUE], 300, |bench| kill::during(bench, Operation::Issue),
        "Killed at any instant of an issue, there is one pair or none, lookup knows which, and it can be finished.";
    "kill.renew", "PROCESS", [CONFIGURATION, Need::Operation(Operation::Renew)], 300,
        |bench| kill::during(bench, Operation::Renew),
        "The same for renew.";
    "kill.rekey", "PROCESS", [CONFIGURATION, Need::Operation(Operation::Rekey)], 300,
        |bench| kill::during(bench, Operation::Rekey),
        "The same for rekey.";
    "kill.revoke", "PROCESS", [CONFIGURATION, Need::Operation(Operation::Revoke)], 300,
        |bench| kill::during(bench, Operation::Revoke),
        "The same for revoke.";
    "kill.seal-issue", "PROCESS", [CONFIGURATION, ISSUE, Need::Operation(Operation::SealIssue)], 300,
        |bench| kill::during(bench, Operation::SealIssue),
        "The same for seals.";

    "idle.left-alone", "PROCESS", [CONFIGURATION], 60, idle::left_alone,
        "After a time without calls it works, in the same process, and meanwhile it used no processor.";
    "idle.credential-rotation", "secret_get", [CONFIGURATION], 60, idle::rotation,
        "A new secret is used without a new process.";

    "network.open-without-ca", "open", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::open_without_ca,
        "It opens while the CA cannot be reached, and health says so.";
    "network.refused", "CA_RETRYABLE", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::refused,
        "Refused connections are retryable or unhealthy.";
    "network.black-hole", "CA_UNKNOWN_OUTCOME", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::black_hole,
        "A request without an answer is an unknown outcome, before the deadline and without a kill.";
    "network.half-close", "CA_UNKNOWN_OUTCOME", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::half_close,
        "A CA that closes its side instead of answering is an unknown outcome.";
    "network.reset", "CA_UNKNOWN_OUTCOME", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::reset,
        "A connection that is reset after the request is an unknown outcome.";
    "network.drip", "DEADLINES", [CONFIGURATION, ISSUE, UPSTREAM], 120, network::drip,
        "An answer that comes octet by octet does not keep a call beyond its deadline.";
    "network.cut-reply", "CA_UNKNOWN_OUTCOME", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::cut_reply,
        "When the CA has issued and its answer is lost, the outcome is unknown, and there is one pair.";
    "network.ca-restart", "PROCESS", [CONFIGURATION, ISSUE, UPSTREAM], 60, network::restart,
        "After a restart of the CA it works again without a new process.";
}

/// The table of checks in Markdown, as it stands in the README.
#[must_use]
pub fn markdown_table() -> String {
    let mut text =
        String::from("| check | section of `ca_adapter.h` | needs | proves |\n| --- | --- | --- | --- |\n");
    for check in CHECKS {
        let needs: Vec<String> = check.needs.iter().map(|need| need.name()).collect();
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} |", check.id, check.clause, needs.join(", "), check.proves);
    }
    text
}

impl Need {
    fn name(self) -> String {
        match self {
            Self::Capability(_, name) => format!("`{name}`"),
            Self::Configuration => "configuration".to_owned(),
            Self::Operation(operation) => operation.name().to_owned(),
            Self::Sanitized => "sanitized build".to_owned(),
            Self::Upstream => "upstream".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_an_id_of_its_own_with_a_group() {
        let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        for id in ids {
            let (group, name) = id.split_once('.').unwrap();
            assert!([group, name].iter().all(|part| {
                !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-')
            }));
        }
    }

    #[test]
    fn every_clause_stands_in_the_header() {
        let header = include_str!("../../include/ca_adapter.h");
        for check in CHECKS {
            for part in check.clause.split(", ") {
                assert!(header.contains(part), "{}: {part}", check.id);
            }
        }
    }
}
