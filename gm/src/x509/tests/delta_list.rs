use std::collections::BTreeMap;

use der::{Encode, asn1::OctetString};
use proptest::prelude::*;
use x509_cert::ext::Extension;

use super::{super::*, DAY, Holder, NOW, builder, pki};
use crate::{Error, oid, sm2::PrivateKey};

fn revoked(reason: RevocationReason) -> RevokedEntry {
    RevokedEntry { revoked_at: NOW + 60, reason }
}

fn complete(number: u64) -> RevocationListBuilder {
    RevocationListBuilder::new(NOW, NOW + DAY, number)
}

fn delta(number: u64, base: u64) -> RevocationListBuilder {
    RevocationListBuilder::new(NOW + 3_600, NOW + 7_200, number).delta_of(base)
}

fn sign(list: &RevocationListBuilder, ca: &Holder) -> AnyRevocationList {
    let signed = list.sign(&ca.certificate, &ca.key).unwrap();
    signed.verify_signature(&ca.certificate).unwrap();
    AnyRevocationList::from_der(signed.der()).unwrap()
}

#[test]
fn a_delta_revokes_suspends_and_releases() {
    let ca = pki().issuing;
    let [released, kept, suspended, free] =
        ["released", "kept", "suspended", "free"].map(|name| ca.issue(Profile::Signing, name).certificate);
    let hold = revoked(RevocationReason::CertificateHold);
    let compromise = revoked(RevocationReason::KeyCompromise);
    let base = complete(7)
        .freshest_crl("http://ca.example/delta.crl")
        .entries(&[(*released.serial(), hold), (*kept.serial(), compromise)]);
    let changes =
        [(*released.serial(), revoked(RevocationReason::RemoveFromCrl)), (*suspended.serial(), hold)];
    let (base, delta) = (sign(&base, &ca), sign(&delta(9, 7).entries(&changes), &ca));
    assert_eq!(base.freshest_crl(), ["http://ca.example/delta.crl"]);
    assert_eq!(
        (delta.number(), delta.base_number(), delta.is_delta()),
        (Some(&[9][..]), Some(&[7][..]), true)
    );

    let combined = base.with_delta(&delta).unwrap();
    assert_eq!(combined.status(&released).unwrap(), None);
    assert_eq!(combined.status(&kept).unwrap(), Some(compromise));
    assert_eq!(combined.status(&suspended).unwrap(), Some(hold));
    assert_eq!(combined.status(&free).unwrap(), None);
    assert_eq!((combined.this_update(), combined.next_update()), (NOW + 3_600, NOW + 7_200));
    assert_eq!(base.status(&released).unwrap(), Some(hold));
}

#[test]
fn a_delta_alone_says_nothing_and_is_no_complete_list() {
    let ca = pki().issuing;
    let delta = sign(&delta(9, 7), &ca);
    let leaf = ca.issue(Profile::Signing, "leaf").certificate;
    assert!(matches!(delta.status(&leaf), Err(Error::Invalid { .. })));
    let error = CertificateRevocationList::from_der(delta.der()).unwrap_err();
    assert!(error.to_string().contains("delta"), "{error}");
}

#[test]
fn a_delta_goes_only_to_a_list_that_it_follows() {
    let (ca, other) = (pki().issuing, pki().root);
    let base = |number| sign(&complete(number), &ca);
    let good = sign(&delta(9, 7), &ca);
    for number in [7, 8, 9] {
        base(number).with_delta(&good).unwrap();
    }
    let refused =
        |base: &AnyRevocationList, delta: &AnyRevocationList| base.with_delta(delta).unwrap_err().to_string();
    assert!(refused(&base(6), &good).contains("older than the one that the delta starts from"));
    assert!(refused(&base(10), &good).contains("older than the complete list"));
    assert!(refused(&base(256), &good).contains("older than the complete list"), "numbers, not bytes");
    assert!(refused(&good, &good).contains("must be put to a complete one"));
    assert!(refused(&base(7), &base(8)).contains("must be put to a complete one"));
    assert!(refused(&base(7), &sign(&delta(9, 7), &other)).contains("another issuer"));
    let same_name = Holder {
        certificate: builder(Profile::RootCa, "issuing", &other.key).self_sign(&other.key).unwrap(),
        key: other.key.clone(),
    };
    assert!(refused(&base(7), &sign(&delta(9, 7), &same_name)).contains("another key"));
    let user = Scope { covered: Covered::User, ..Scope::default() };
    assert!(refused(&base(7), &sign(&delta(9, 7).scope(user), &ca)).contains("covers other certificates"));
    assert!(delta(6, 7).sign(&ca.certificate, &ca.key).is_err(), "a delta before its base");
}

#[test]
fn a_list_of_some_certificates_says_nothing_of_the_others() {
    let root = pki().root;
    let ca = root.issue(Profile::IssuingCa { path_len: None }, "ca").certificate;
    let user = root.issue(Profile::Signing, "user").certificate;
    let listed = |covered| sign(&complete(1).scope(Scope { covered, ..Scope::default() }), &root);
    for (covered, of_ca, of_user) in [
        (Covered::All, true, true),
        (Covered::Ca, true, false),
        (Covered::User, false, true),
        (Covered::Attribute, false, false),
    ] {
        let list = listed(covered);
        assert_eq!(list.scope().covered, covered);
        assert_eq!((list.status(&ca).is_ok(), list.status(&user).is_ok()), (of_ca, of_user), "{covered:?}");
        assert_eq!(CertificateRevocationList::from_der(list.der()).is_ok(), covered == Covered::All);
    }
    let stranger = pki().leaf.certificate;
    assert!(matches!(listed(Covered::All).status(&stranger), Err(Error::Invalid { .. })));
}

#[test]
fn a_list_of_one_distribution_point_is_for_those_that_name_it() {
    let root = pki().root;
    let issue = |uri: Option<&str>| {
        let key = PrivateKey::generate().unwrap();
        let builder = builder(Profile::Signing, "leaf", &key);
        let builder = match uri {
            Some(uri) => builder.crl_distribution_point(uri),
            None => builder,
        };
        builder.sign(&root.certificate, &root.key).unwrap()
    };
    let points = vec!["http://ca.example/1.crl".to_owned()];
    let list = sign(&complete(1).scope(Scope { distribution_points: points, ..Scope::default() }), &root);
    assert_eq!(list.status(&issue(Some("http://ca.example/1.crl"))).unwrap(), None);
    assert!(list.status(&issue(Some("http://ca.example/2.crl"))).is_err());
    assert!(list.status(&issue(None)).is_err());
}

/// A list with one extension more.
fn with_extension(
    ca: &Holder,
    list: &AnyRevocationList,
    extension: Extension,
) -> Result<AnyRevocationList, Error> {
    let whole: x509_cert::crl::CertificateList = der::Decode::from_der(list.der()).unwrap();
    let mut tbs = whole.tbs_cert_list;
    tbs.crl_extensions.as_mut().unwrap().push(extension);
    AnyRevocationList::from_der(&signed::sign("list", &tbs.to_der().unwrap(), &ca.key).unwrap())
}

#[test]
fn indirect_lists_lists_for_some_reasons_and_malformed_scopes_are_refused_by_name() {
    let ca = pki().issuing;
    let plain = sign(&complete(1), &ca);
    let refused = |id, critical, value: &[u8]| {
        let extn_value = OctetString::new(value).unwrap();
        let extension = Extension { extn_id: id, critical, extn_value };
        with_extension(&ca, &plain, extension).unwrap_err().to_string()
    };
    let idp = oid::ISSUING_DISTRIBUTION_POINT;
    for (value, said) in [
        (&[0x30, 3, 0x84, 1, 0xff][..], "indirect"),
        (&[0x30, 4, 0x83, 2, 6, 0x40], "some reasons"),
        (&[0x30, 6, 0x81, 1, 0xff, 0x82, 1, 0xff], "one kind"),
        (&[0x30, 0], "must say something"),
    ] {
        assert!(refused(idp, true, value).contains(said), "{said}");
    }
    assert!(refused(idp, false, &[0x30, 3, 0x81, 1, 0xff]).contains("must be critical"));
    assert!(refused(oid::DELTA_CRL_INDICATOR, false, &[2, 1, 1]).contains("must be critical"));
    assert!(refused(oid::CRL_NUMBER, false, &[2, 1, 1]).contains("only once"));
    let unknown = const_oid::ObjectIdentifier::new_unwrap("2.5.29.99");
    assert!(refused(unknown, true, &[5, 0]).contains("not understood"));
    let delta = sign(&delta(9, 7), &ca);
    let freshest = location::freshest_crl("http://ca.example/delta.crl").unwrap();
    assert!(with_extension(&ca, &delta, freshest).unwrap_err().to_string().contains("freshestCRL"));
}

/// What one CA does to its certificates, and the lists it publishes.
fn apply(entries: &mut BTreeMap<SerialNumber, RevokedEntry>, (serial, action): (u8, u8)) {
    let serial = SerialNumber::from(u64::from(serial));
    match action {
        0 => drop(entries.insert(serial, revoked(RevocationReason::KeyCompromise))),
        1 => drop(entries.entry(serial).or_insert(revoked(RevocationReason::CertificateHold))),
        _ if entries.get(&serial).is_some_and(|entry| entry.reason == RevocationReason::CertificateHold) => {
            entries.remove(&serial);
        }
        _ => {}
    }
}

thread_local! {
    static CA: (Holder, Vec<Certificate>) = {
        let ca = pki().issuing;
        let key = PrivateKey::generate().unwrap();
        let name = super::name("leaf");
        let issue = |serial: u64| {
            let serial = SerialNumber::from(serial);
            let public = key.public_key().clone();
            CertificateBuilder::new(Profile::Signing, name.clone(), public, serial, NOW, NOW + DAY)
                .sign(&ca.certificate, &ca.key)
                .unwrap()
        };
        let leaves = (0..8).map(issue).collect();
        (ca, leaves)
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_base_with_its_delta_says_what_a_complete_list_of_that_time_says(
        before in proptest::collection::vec((0u8..8, 0u8..3), 0..12),
        after in proptest::collection::vec((0u8..8, 0u8..3), 0..12),
    ) {
        CA.with(|(ca, leaves)| {
            let mut entries = BTreeMap::new();
            before.iter().for_each(|action| apply(&mut entries, *action));
            let at_base = entries.clone();
            after.iter().for_each(|action| apply(&mut entries, *action));
            let mut changes: Vec<_> =
                entries.iter().filter(|(serial, entry)| at_base.get(serial) != Some(entry)).map(|(s, e)| (*s, *e)).collect();
            let gone = at_base.keys().filter(|serial| !entries.contains_key(serial));
            changes.extend(gone.map(|serial| (*serial, revoked(RevocationReason::RemoveFromCrl))));
            let list = |entries: &BTreeMap<_, _>| entries.iter().map(|(s, e)| (*s, *e)).collect::<Vec<_>>();
            let base = sign(&complete(1).entries(&list(&at_base)), ca);
            let delta = sign(&delta(2, 1).entries(&changes), ca);
            let full = sign(&complete(2).entries(&list(&entries)), ca);
            let combined = base.with_delta(&delta).unwrap();
            for leaf in leaves {
                assert_eq!(combined.status(leaf).unwrap(), full.status(leaf).unwrap());
            }
        });
    }
}
