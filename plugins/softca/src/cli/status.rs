//! `status`: what there is.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use yinqiao_ca_sdk::messages::{Serial, State};
use yinqiao_gm::x509::Certificate;

use super::review::{Reviewed, time};
use super::{CliError, Directory, Shown};
use crate::delegate::{Delegate, DelegateRecord};
use crate::keyring::{self, VaultRecord};
use crate::record::CrlRecord;
use crate::revocation_list;
use crate::store::{Folder, Store};

pub(super) fn status(directory: &Directory) -> Result<Shown, CliError> {
    let store = &directory.store;
    let [good, held, revoked] = count_certificates(store)?;
    let seals = count_seals(store)?;
    let waiting = count_waiting(directory)?;
    let crl: Option<CrlRecord> = store.read_top(revocation_list::FILE)?;
    let vault: Option<VaultRecord> = store.read_top(keyring::FILE)?;
    let interrupted = vault.is_some_and(|vault| vault.next_key_check.is_some());

    let mut text = String::new();
    let _ = writeln!(text, "{:<26} {}", "name", directory.name);
    let _ = writeln!(text, "{:<26} {good} good, {held} held, {revoked} revoked", "certificates");
    let _ = writeln!(text, "{:<26} {seals}", "seals");
    let _ = writeln!(text, "{:<26} {waiting}", "reviews waiting");
    if interrupted {
        let _ =
            writeln!(text, "{:<26} interrupted or running; run it again with the same files", "rekey-vault");
    }
    let list = crl.as_ref().map(|crl| {
        json!({
            "number": crl.number,
            "this_update": time(crl.this_update_ms),
            "next_update": time(crl.next_update_ms),
        })
    });
    let shown = crl.as_ref().map_or_else(
        || "none was made yet".to_owned(),
        |crl| format!("number {}, next update {}", crl.number, time(crl.next_update_ms)),
    );
    let _ = writeln!(text, "{:<26} {shown}", "revocation list");
    let mut certificates = Map::new();
    for (name, certificate) in own_certificates(directory)? {
        let (from, until) = (seconds(certificate.not_before()), seconds(certificate.not_after()));
        let _ = writeln!(text, "{:<26} {from} to {until}, {}", name, certificate.subject());
        let described = json!({
            "subject": certificate.subject().to_string(),
            "serial": certificate.serial().to_string(),
            "not_before": from,
            "not_after": until,
        });
        certificates.insert(name.to_owned(), described);
    }
    let json = json!({
        "name": directory.name,
        "certificates": {"good": good, "held": held, "revoked": revoked},
        "seals": seals,
        "reviews_waiting": waiting,
        "rekey_interrupted": interrupted,
        "revocation_list": list,
        "own_certificates": Value::Object(certificates),
    });
    Ok((text, json))
}

fn count_certificates(store: &Store) -> Result<[usize; 3], CliError> {
    let mut counts = [0; 3];
    for name in store.names(Folder::Certificates)? {
        let Ok(serial) = Serial::try_from(name) else { continue };
        match store.state(&serial)?.state {
            State::Good => counts[0] += 1,
            State::Held => counts[1] += 1,
            State::Revoked => counts[2] += 1,
            State::Unknown => {}
        }
    }
    Ok(counts)
}

fn count_seals(store: &Store) -> Result<usize, CliError> {
    let mut seals = 0;
    for name in store.names(Folder::Seals)? {
        seals += usize::from(store.made_seal(&name)?.is_some());
    }
    Ok(seals)
}

fn count_waiting(directory: &Directory) -> Result<usize, CliError> {
    let mut waiting = 0;
    for token in directory.store.names(Folder::Reviews)? {
        let reviewed = Reviewed::read(directory, token)?;
        waiting += usize::from(reviewed.is_some_and(|reviewed| reviewed.state.is_open()));
    }
    Ok(waiting)
}

/// The CA's own certificates by name. They lie in clear, so no master key is needed.
fn own_certificates(directory: &Directory) -> Result<Vec<(&'static str, Certificate)>, CliError> {
    let mut certificates = Vec::new();
    for (name, pair) in directory.authority.pairs() {
        certificates.push((name, pair.certificate()?));
    }
    for delegate in Delegate::ALL {
        if let Some(record) = directory.store.read_top::<DelegateRecord>(delegate.file())? {
            certificates.push((delegate.file(), record.pair.certificate()?));
        }
    }
    Ok(certificates)
}

fn seconds(seconds: i64) -> String {
    time(u64::try_from(seconds).unwrap_or(0) * 1000)
}
