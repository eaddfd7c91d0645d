//! What a CA may answer, for a fuzzer: only with the feature `fuzzing`.

// A panic is what a fuzzer looks for, and a seed that cannot be made is a mistake in it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use der::Encode;
use der::asn1::{OctetString, Uint};
use yinqiao_gm::hash::HashAlgorithm;
use zeroize::Zeroizing;

use crate::asn1::{
    Body, CertOrEncCert, CertRepMessage, CrlStatus, ErrorMsgContent, FailureInfo, InfoTypeAndValue,
    PkiHeader, PkiStatusInfo, PollRep, ReceivedMessage, RevRepContent, RootCaKeyUpdate, SentMessage,
    directory_name, explicit, sequence, tag,
};
use crate::protection::{MacKind, MacScheme, Protector, Secret, TrustedServer};
use crate::x509::CertificateRequest;
use crate::x509::name::{self, NULL_DN};

/// Reads a message, checks its protection, and reads its content as each of the bodies that a client is sent; or a
/// certificate request. Whether any of them was there.
///
/// # Panics
/// When what was read is not written as it was.
#[must_use]
pub fn read(octets: &[u8]) -> bool {
    let _ = name::text(octets);
    let Ok(message) = ReceivedMessage::from_der(octets) else {
        return CertificateRequest::verify(octets).is_ok();
    };
    let again = SentMessage::new(&message.header, &message.body).expect("what was read can be written");
    assert_eq!(again.protected_part().expect("it has a length"), message.protected_part());
    let _ = protector().verify(&message, &TrustedServer::default(), 0);
    read_body(&message.body);
    true
}

fn read_body(body: &Body) {
    if let Ok(reply) = body.read::<CertRepMessage>() {
        for response in reply.response {
            let _ = (response.status.failures(), response.status.text());
            let certificate = response.certified_key_pair.map(|pair| pair.certificate());
            let _ = certificate.is_some_and(|pair| matches!(pair, Ok(CertOrEncCert::Certificate(_))));
        }
    }
    if let Ok(error) = body.read::<ErrorMsgContent>() {
        let _ = (error.pki_status_info.pki_status(), error.pki_status_info.text());
    }
    let _ = body.read::<RevRepContent>();
    let _ = body.read::<Vec<PollRep>>();
    for value in body.read::<Vec<InfoTypeAndValue>>().unwrap_or_default() {
        let Some(value) = value.info_value else { continue };
        let _ = (value.decode_as::<RootCaKeyUpdate>(), value.decode_as::<CrlStatus>());
    }
}

fn protector() -> Protector {
    Protector::Mac {
        secret: Secret::new(Zeroizing::new(b"a shared secret for a fuzzer".to_vec())),
        scheme: MacScheme { kind: MacKind::PasswordBasedMac, hash: HashAlgorithm::Sha256, rounds: 100 },
        sender: NULL_DN.to_vec(),
        reference: None,
    }
}

/// One message with each body.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let integer = |number: u8| Uint::new(&[number]).and_then(|number| number.to_der()).unwrap();
    let rejection = PkiStatusInfo::rejection(FailureInfo(2), "no").unwrap().to_der().unwrap();
    let accepted = sequence(&[&integer(0)]).unwrap();
    let list = |parts: &[&[u8]]| sequence(parts).unwrap();
    let pair = list(&[&explicit(0, &list(&[&integer(1)])).unwrap()]);
    let response = list(&[&integer(0), &accepted, &pair]);
    let bodies = [
        (tag::PKICONF, vec![5, 0]),
        (tag::IP, list(&[&explicit(1, &list(&[&pair])).unwrap(), &list(&[&response])])),
        (tag::CP, list(&[&list(&[&list(&[&integer(0), &rejection])])])),
        (tag::RP, list(&[&list(&[&accepted])])),
        (tag::ERROR, list(&[&rejection, &integer(7)])),
        (tag::POLL_REP, list(&[&list(&[&integer(0), &integer(9)])])),
        (tag::GENP, list(&[&InfoTypeAndValue::implicit_confirm().to_der().unwrap()])),
    ];
    bodies.into_iter().map(|(number, content)| message(Body { number, content })).collect()
}

fn message(body: Body) -> Vec<u8> {
    let protector = protector();
    let protection = protector.begin().expect("there is randomness");
    let octets = |octets: &[u8]| Some(OctetString::new(octets).unwrap());
    let header = PkiHeader {
        pvno: 2,
        sender: directory_name(&NULL_DN).unwrap(),
        recipient: directory_name(&NULL_DN).unwrap(),
        message_time: None,
        protection_alg: Some(protection.algorithm().clone()),
        sender_kid: octets(b"key"),
        recip_kid: None,
        transaction_id: octets(&[7; 16]),
        sender_nonce: octets(&[8; 16]),
        recip_nonce: octets(&[9; 16]),
        free_text: Some(vec!["text".to_owned()]),
        general_info: Some(vec![InfoTypeAndValue::implicit_confirm()]),
    };
    let message = SentMessage::new(&header, &body).unwrap();
    let mac = protection.finish(&message.protected_part().unwrap()).unwrap();
    message.finish(&mac, &[&sequence(&[&[2, 1, 1]]).unwrap()]).unwrap()
}
