//! Whatever comes from a network: it is read or refused, and nothing is believed that was changed.

use der::Encode;
use proptest::prelude::*;
use yinqiao_gm::hash::HashAlgorithm;
use zeroize::Zeroizing;

use super::SECRET;
use crate::asn1::{Body, PkiHeader, ReceivedMessage, SentMessage, directory_name, tag};
use crate::protection::{MacKind, MacScheme, Protector, Secret, TrustedServer};
use crate::x509::CertificateRequest;
use crate::x509::name::NULL_DN;

fn protector() -> Protector {
    Protector::Mac {
        secret: Secret::new(Zeroizing::new(SECRET.to_vec())),
        scheme: MacScheme { kind: MacKind::PasswordBasedMac, hash: HashAlgorithm::Sha256, rounds: 100 },
        sender: NULL_DN.to_vec(),
        reference: None,
    }
}

fn message() -> Vec<u8> {
    let protector = protector();
    let protection = protector.begin().unwrap();
    let header = PkiHeader {
        pvno: 2,
        sender: directory_name(&NULL_DN).unwrap(),
        recipient: directory_name(&NULL_DN).unwrap(),
        message_time: None,
        protection_alg: Some(protection.algorithm().clone()),
        sender_kid: None,
        recip_kid: None,
        transaction_id: None,
        sender_nonce: None,
        recip_nonce: None,
        free_text: Some(vec!["text".to_owned()]),
        general_info: None,
    };
    let message = SentMessage::new(&header, &Body { number: tag::PKICONF, content: vec![5, 0] }).unwrap();
    let mac = protection.finish(&message.protected_part().unwrap()).unwrap();
    message.finish(&mac, &[]).unwrap()
}

#[test]
fn a_message_that_is_read_encodes_to_the_same_octets() {
    let octets = message();
    let read = ReceivedMessage::from_der(&octets).unwrap();
    assert!(protector().verify(&read, &TrustedServer::default(), 0).is_ok());
    let again = SentMessage::new(&read.header, &read.body).unwrap();
    assert_eq!(again.finish(read.protection.as_deref().unwrap(), &[]).unwrap(), octets);
    assert_eq!(again.protected_part().unwrap(), read.protected_part());
    assert!(read.header.to_der().unwrap().len() < octets.len());
}

proptest! {
    #[test]
    fn octets_of_any_kind_are_refused_and_never_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(ReceivedMessage::from_der(&octets).is_err());
        prop_assert!(CertificateRequest::verify(&octets).is_err());
    }

    #[test]
    fn a_message_with_one_changed_octet_is_refused_or_not_believed(at in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let mut octets = message();
        let at = at.index(octets.len());
        octets[at] ^= by;
        if let Ok(read) = ReceivedMessage::from_der(&octets) {
            prop_assert!(protector().verify(&read, &TrustedServer::default(), 0).is_err());
        }
    }

    #[test]
    fn a_message_that_is_cut_is_refused(at in any::<prop::sample::Index>()) {
        let octets = message();
        prop_assert!(ReceivedMessage::from_der(&octets[..at.index(octets.len())]).is_err());
    }
}
