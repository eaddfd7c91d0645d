//! Bouncy Castle judges our revocation lists, and our certificates with them.
//!
//! OpenSSL 3.0 reads our lists but can't verify them (there is no way to give it the signer's ID): see `openssl.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cms_pki;
mod judge;

use std::path::PathBuf;

use yinqiao_gm::x509::{CertificateRevocationList, Profile, RevocationReason, RevokedEntry, SerialNumber};

use cms_pki::{Authority, Holder, NOT_AFTER, NOT_BEFORE, NOW};
use judge::{Desk, assert_accepted, assert_refused, bouncy_castle};

const PROGRAM: &str = "CertificateJudge";
/// Each reason with the name that Java gives it.
const REASONS: [(RevocationReason, &str); 10] = [
    (RevocationReason::Unspecified, "null"),
    (RevocationReason::KeyCompromise, "KEY_COMPROMISE"),
    (RevocationReason::CaCompromise, "CA_COMPROMISE"),
    (RevocationReason::AffiliationChanged, "AFFILIATION_CHANGED"),
    (RevocationReason::Superseded, "SUPERSEDED"),
    (RevocationReason::CessationOfOperation, "CESSATION_OF_OPERATION"),
    (RevocationReason::CertificateHold, "CERTIFICATE_HOLD"),
    (RevocationReason::RemoveFromCrl, "REMOVE_FROM_CRL"),
    (RevocationReason::PrivilegeWithdrawn, "PRIVILEGE_WITHDRAWN"),
    (RevocationReason::AaCompromise, "AA_COMPROMISE"),
];

/// A certificate's path and lists, on the desk.
struct Case {
    desk: Desk,
    authority: Authority,
}

impl Case {
    fn new() -> Self {
        Self { desk: Desk::new(), authority: Authority::new() }
    }

    /// What the judge says of `holder`'s path at `time`, given the two CAs' lists.
    fn path(
        &self,
        holder: &Holder,
        list: &CertificateRevocationList,
        root_list: &CertificateRevocationList,
        time: i64,
    ) -> Option<String> {
        let files = [
            ("leaf", holder.certificate.der()),
            ("issuing", self.authority.issuing.der()),
            ("root", self.authority.root.der()),
            ("list", list.der()),
            ("root list", root_list.der()),
        ];
        let mut arguments: Vec<_> =
            files.iter().map(|(name, content)| self.desk.put(name, content)).collect();
        arguments.push(PathBuf::from(time.to_string()));
        bouncy_castle(PROGRAM, "path", &arguments)
    }
}

fn revoked(holder: &Holder) -> (SerialNumber, RevokedEntry) {
    entry(*holder.certificate.serial(), NOW - 60, RevocationReason::KeyCompromise)
}

fn entry(serial: SerialNumber, revoked_at: i64, reason: RevocationReason) -> (SerialNumber, RevokedEntry) {
    (serial, RevokedEntry { revoked_at, reason })
}

#[test]
fn bouncy_castle_verifies_our_revocation_list_and_reads_every_reason() {
    let (desk, authority) = (Desk::new(), Authority::new());
    // Serial numbers of 1 to 19 bytes, with and without the first bit set.
    let entries: Vec<_> = REASONS
        .iter()
        .zip((1u8..).step_by(2))
        .map(|(&(reason, _), length)| {
            let first = if length % 4 == 1 { 0x80 } else { 0x7f };
            let serial = SerialNumber::from_bytes(&vec![first; usize::from(length)]).unwrap();
            entry(serial, NOW - i64::from(length), reason)
        })
        .collect();
    let list = authority.revocation_list(u64::MAX, &entries);
    let list = desk.put("list", list.der());
    let issuer = desk.put("issuer", authority.issuing.der());
    let Some(said) = bouncy_castle(PROGRAM, "list", &[&list, &issuer]) else { return };
    assert_accepted(&said);

    let mut expected = vec![format!("number {}", u64::MAX)];
    for ((serial, entry), (_, name)) in entries.iter().zip(REASONS) {
        let serial = hex::encode(serial.as_bytes());
        expected.push(format!("entry {} {} {name}", serial.trim_start_matches('0'), entry.revoked_at));
    }
    expected.push("ACCEPTED".to_owned());
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn bouncy_castle_reads_an_empty_list() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let list = desk.put("list", authority.root_revocation_list(0, &[]).der());
    let issuer = desk.put("issuer", authority.root.der());
    let Some(said) = bouncy_castle(PROGRAM, "list", &[&list, &issuer]) else { return };
    assert_eq!(said, "number 0\nACCEPTED");
}

#[test]
fn bouncy_castle_refuses_our_list_as_a_foreign_cas_and_when_it_was_altered() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let der = authority.revocation_list(1, &[revoked(&authority.signer())]).der().to_vec();
    let list = desk.put("list", &der);
    // A CA of the same name with another key.
    let foreign = desk.put("foreign", Authority::new().issuing.der());
    let Some(said) = bouncy_castle(PROGRAM, "list", &[&list, &foreign]) else { return };
    assert_refused(&said, "does not verify");

    let issuer = desk.put("issuer", authority.issuing.der());
    // CRLReason keyCompromise to superseded.
    let at = der.windows(3).position(|window| window == [0x0a, 1, 1]).unwrap();
    let mut altered = der.clone();
    altered[at + 2] = 4;
    let altered = desk.put("altered", &altered);
    assert_refused(&bouncy_castle(PROGRAM, "list", &[&altered, &issuer]).unwrap(), "does not verify");
    assert_accepted(&bouncy_castle(PROGRAM, "list", &[&list, &issuer]).unwrap());
}

#[test]
fn bouncy_castle_validates_our_signing_and_encryption_certificates_with_our_lists() {
    let case = Case::new();
    let root_list = case.authority.root_revocation_list(1, &[]);
    // Someone else's certificate is revoked, not this one.
    let list = case.authority.revocation_list(1, &[revoked(&case.authority.signer())]);
    // The bits of keyUsage from digitalSignature (0) to decipherOnly (8).
    for (profile, usage) in [(Profile::Signing, "110000000"), (Profile::Encryption, "001110000")] {
        let holder = case.authority.holder("张三", profile);
        let Some(said) = case.path(&holder, &list, &root_list, NOW) else { return };
        assert_eq!(said, format!("usage {usage}\nACCEPTED"));
    }
}

#[test]
fn bouncy_castle_refuses_a_certificate_and_a_ca_that_our_lists_revoke() {
    let case = Case::new();
    let (empty, root_empty) =
        (case.authority.revocation_list(1, &[]), case.authority.root_revocation_list(1, &[]));
    for profile in [Profile::Signing, Profile::Encryption] {
        let holder = case.authority.holder("张三", profile);
        let list = case.authority.revocation_list(2, &[revoked(&holder)]);
        let Some(said) = case.path(&holder, &list, &root_empty, NOW) else { return };
        assert_refused(&said, "keyCompromise");
    }
    let holder = case.authority.signer();
    let ca = entry(*case.authority.issuing.serial(), NOW - 60, RevocationReason::CaCompromise);
    let root_list = case.authority.root_revocation_list(2, &[ca]);
    assert_refused(&case.path(&holder, &empty, &root_list, NOW).unwrap(), "cACompromise");
}

#[test]
fn bouncy_castle_refuses_a_path_with_a_foreign_list_a_foreign_leaf_or_at_another_time() {
    let case = Case::new();
    let (list, root_list) =
        (case.authority.revocation_list(1, &[]), case.authority.root_revocation_list(1, &[]));
    let holder = case.authority.signer();
    let foreign = Authority::new();
    let Some(said) = case.path(&holder, &foreign.revocation_list(1, &[]), &root_list, NOW) else { return };
    assert_refused(&said, "Cannot verify CRL");
    assert_refused(&case.path(&foreign.signer(), &list, &root_list, NOW).unwrap(), "does not verify");
    assert_refused(&case.path(&holder, &list, &root_list, NOT_BEFORE - 1).unwrap(), "NotYetValid");
    assert_refused(&case.path(&holder, &list, &root_list, NOT_AFTER + 1).unwrap(), "Expired");
    assert_accepted(&case.path(&holder, &list, &root_list, NOW).unwrap());
}
