use der::{Decode, Encode};
use proptest::prelude::*;

use super::{super::*, DAY, Holder, NOW, Pki, pki};
use crate::Error;

fn revoked(reason: RevocationReason) -> RevokedEntry {
    RevokedEntry { revoked_at: NOW + 60, reason }
}

fn list(pki: &Pki, entries: &[(SerialNumber, RevokedEntry)]) -> CertificateRevocationList {
    let Holder { certificate, key } = &pki.issuing;
    CertificateRevocationList::build(certificate, key, NOW, NOW + DAY, 9, entries).unwrap()
}

#[test]
fn a_list_says_who_is_revoked_since_when_and_why() {
    let pki = pki();
    let serial = *pki.leaf.certificate.serial();
    let list = list(
        &pki,
        &[
            (serial, revoked(RevocationReason::KeyCompromise)),
            (SerialNumber::from(3), revoked(RevocationReason::Unspecified)),
            (SerialNumber::from(2), revoked(RevocationReason::CertificateHold)),
        ],
    );
    list.verify_signature(&pki.issuing.certificate).unwrap();
    assert_eq!(list.entry(&serial), Some(revoked(RevocationReason::KeyCompromise)));
    assert_eq!(list.entry(&SerialNumber::from(3)), Some(revoked(RevocationReason::Unspecified)));
    assert_eq!(list.entry(&SerialNumber::from(2)), Some(revoked(RevocationReason::CertificateHold)));
    assert_eq!(list.entry(&SerialNumber::from(4)), None);
    assert_eq!((list.this_update(), list.next_update(), list.number()), (NOW, NOW + DAY, Some(&[9][..])));
    assert_eq!(list.entries().len(), 3);
    assert_eq!(CertificateRevocationList::from_pem(&list.to_pem().unwrap()).unwrap(), list);
    assert_eq!(RevocationReason::PrivilegeWithdrawn.code(), 9);
}

#[test]
fn an_empty_list_is_a_list() {
    let pki = pki();
    let list = list(&pki, &[]);
    list.verify_signature(&pki.issuing.certificate).unwrap();
    assert_eq!(list.entry(pki.leaf.certificate.serial()), None);
}

#[test]
fn a_list_verifies_only_with_its_issuers_key_and_right() {
    let pki = pki();
    let list = list(&pki, &[]);
    assert!(matches!(list.verify_signature(&pki.root.certificate), Err(Error::Invalid { .. })));
    let impostor = pki.root.issue(Profile::IssuingCa { path_len: None }, "issuing");
    assert!(matches!(list.verify_signature(&impostor.certificate), Err(Error::Signature)));
    let Holder { certificate, key } = &pki.leaf;
    let by_leaf = CertificateRevocationList::build(certificate, key, NOW, NOW + DAY, 1, &[]).unwrap();
    assert!(matches!(by_leaf.verify_signature(certificate), Err(Error::Invalid { .. })));
    let other_key = &pki.root.key;
    assert!(matches!(
        CertificateRevocationList::build(&pki.issuing.certificate, other_key, NOW, NOW + DAY, 1, &[]),
        Err(Error::KeyMismatch { .. })
    ));
}

#[test]
fn a_serial_listed_twice_or_a_backward_update_is_refused() {
    let pki = pki();
    let Holder { certificate, key } = &pki.issuing;
    let build = |next, entries: &[_]| {
        CertificateRevocationList::build(certificate, key, NOW, next, 1, entries).map(|_| ())
    };
    let entry = (SerialNumber::from(5), revoked(RevocationReason::Superseded));
    assert!(matches!(build(NOW + DAY, &[entry, entry]), Err(Error::Invalid { .. })));
    assert!(matches!(build(NOW - 1, &[]), Err(Error::Invalid { .. })));
}

#[test]
fn unknown_critical_extensions_and_times_in_another_form_are_refused() {
    let pki = pki();
    let good = list(&pki, &[(SerialNumber::from(5), revoked(RevocationReason::Superseded))]);
    let resign = |change: &dyn Fn(&mut x509_cert::crl::TbsCertList)| {
        let whole =
            x509_cert::crl::CertificateList::<x509_cert::certificate::Rfc5280>::from_der(good.der()).unwrap();
        let mut tbs = whole.tbs_cert_list;
        change(&mut tbs);
        let der = signed::sign("list", &tbs.to_der().unwrap(), &pki.issuing.key).unwrap();
        CertificateRevocationList::from_der(&der)
    };
    assert_eq!(resign(&|_| {}).unwrap().entries(), good.entries());
    let critical = |tbs: &mut x509_cert::crl::TbsCertList| {
        let extension = &mut tbs.crl_extensions.as_mut().unwrap()[1];
        extension.extn_id = const_oid::ObjectIdentifier::new_unwrap("2.5.29.99");
        extension.critical = true;
    };
    assert!(matches!(resign(&critical), Err(Error::Invalid { .. })));
    let critical_entry = |tbs: &mut x509_cert::crl::TbsCertList| {
        let entry = &mut tbs.revoked_certificates.as_mut().unwrap()[0];
        let extension = &mut entry.crl_entry_extensions.as_mut().unwrap()[0];
        extension.extn_id = const_oid::ObjectIdentifier::new_unwrap("2.5.29.29"); // another issuer's
        extension.critical = true;
    };
    assert!(matches!(resign(&critical_entry), Err(Error::Invalid { .. })));
    let generalized = |tbs: &mut x509_cert::crl::TbsCertList| {
        let time = der::asn1::GeneralizedTime::from_date_time(tbs.this_update.to_date_time());
        tbs.this_update = x509_cert::time::Time::GeneralTime(time);
    };
    assert!(matches!(resign(&generalized), Err(Error::Invalid { .. })));
    let endless = |tbs: &mut x509_cert::crl::TbsCertList| tbs.next_update = None;
    assert!(resign(&endless).is_err());
}

thread_local! {
    static EXAMPLE: (CertificateRevocationList, Certificate) = {
        let pki = pki();
        let entries = [(SerialNumber::from(5), revoked(RevocationReason::Superseded))];
        (list(&pki, &entries), pki.issuing.certificate)
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_the_parser_and_no_changed_list_verifies(data: Vec<u8>, at: usize, with: u8) {
        let _ = CertificateRevocationList::from_der(&data);
        let (good, issuer) = EXAMPLE.with(Clone::clone);
        let mut changed = good.der().to_vec();
        let at = at % changed.len();
        changed[at] = with;
        if changed != good.der() && let Ok(list) = CertificateRevocationList::from_der(&changed) {
            prop_assert!(list.verify_signature(&issuer).is_err());
        }
    }
}
