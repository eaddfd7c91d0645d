//! Bouncy Castle judges our OCSP responses and time stamps with SM2, signed by the standard, and we judge its.
//!
//! OpenSSL 3.0 can't be told the signer's ID there: see `ocsp_openssl.rs` and `tsp_openssl.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod judge;

use std::{path::PathBuf, time::SystemTime};

use const_oid::ObjectIdentifier;
use yinqiao_gm::{
    hash::HashAlgorithm,
    ocsp::{
        CertId, CertStatus, Expectation, Nonce, OcspRequest, OcspResponse, ResponseBuilder, SingleResponse,
    },
    sm2::PrivateKey,
    tsp::{Accuracy, MessageImprint, PreciseTime, TimeStampRequest, TimeStampResponse, TokenBuilder, Trust},
    x509::{
        Certificate, CertificateBuilder, DistinguishedName, Profile, RevocationReason, RevokedEntry,
        SerialNumber,
    },
};

use judge::{Desk, assert_accepted, assert_refused, bouncy_castle};

const PROGRAM: &str = "StatusJudge";
const DAY: i64 = 86_400;
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.3.4");

struct Holder {
    key: PrivateKey,
    certificate: Certificate,
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn builder(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, now() - DAY, now() + DAY)
}

/// A CA, and a holder below it.
fn pki(profile: Profile) -> (Holder, Holder) {
    let [ca_key, key] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let ca = builder(Profile::RootCa, "ca", &ca_key).self_sign(&ca_key).unwrap();
    let certificate = builder(profile, "holder", &key).sign(&ca, &ca_key).unwrap();
    (Holder { key: ca_key, certificate: ca }, Holder { key, certificate })
}

/// Puts the issuer, the holder and its key on the desk.
fn put(desk: &Desk, ca: &Holder, holder: &Holder) -> [PathBuf; 3] {
    [
        desk.put("ca", ca.certificate.der()),
        desk.put("holder", holder.certificate.der()),
        desk.put("key", &holder.key.to_pkcs8_der().unwrap()),
    ]
}

fn ids(ca: &Holder, hash: HashAlgorithm) -> Vec<CertId> {
    let id = |serial| CertId::new(hash, &ca.certificate, &SerialNumber::from(serial)).unwrap();
    [2, 3, 4].map(id).to_vec()
}

#[test]
fn bouncy_castle_believes_our_ocsp_response_and_refuses_one_with_another_key() {
    let (desk, (ca, responder)) = (Desk::new(), pki(Profile::OcspSigner));
    let [issuer, certificate, _] = put(&desk, &ca, &responder);
    let revoked = RevokedEntry { revoked_at: now() - 60, reason: RevocationReason::CertificateHold };
    let statuses = [CertStatus::Good, CertStatus::Revoked(revoked), CertStatus::Unknown];
    for hash in [HashAlgorithm::Sm3, HashAlgorithm::Sha1] {
        let ids = ids(&ca, hash);
        let sent = OcspRequest::build(&ids, Some(&[9; 32])).unwrap();
        let request = desk.put("request", sent.der());
        let mut answer = ResponseBuilder::new(now()).nonce(sent.nonce());
        for (cert_id, status) in ids.into_iter().zip(statuses) {
            let (this_update, next_update) = (now(), Some(now() + 60));
            answer = answer.response(SingleResponse { cert_id, status, this_update, next_update });
        }
        for answer in [answer.clone(), answer.responder_by_name()] {
            let signed = answer.sign(&responder.certificate, &responder.key).unwrap();
            let response = desk.put("response", signed.der());
            let arguments = [&request, &response, &issuer, &certificate];
            let Some(said) = bouncy_castle(PROGRAM, "status", &arguments) else { return };
            assert_accepted(&said);
            for expected in ["2 good", "3 revoked 6", "4 unknown"] {
                assert!(said.contains(expected), "{expected} in {said}");
            }
            let prepared = answer.prepare(&responder.certificate).unwrap();
            let forged = prepared.complete(&ca.key.sign(prepared.to_be_signed()).unwrap()).unwrap();
            desk.put("response", forged.der());
            assert_refused(&bouncy_castle(PROGRAM, "status", &arguments).unwrap(), "the signature");
        }
    }
}

#[test]
fn we_believe_bouncy_castles_ocsp_response() {
    let (desk, (ca, responder)) = (Desk::new(), pki(Profile::OcspSigner));
    let [issuer, certificate, key] = put(&desk, &ca, &responder);
    for hash in [HashAlgorithm::Sm3, HashAlgorithm::Sha256] {
        let ids = ids(&ca, hash);
        let request = OcspRequest::build(&ids, Some(&[9; 32])).unwrap();
        let request = desk.put("request", request.der());
        let out = desk.path("response");
        let Some(said) = bouncy_castle(PROGRAM, "answer", &[&request, &out, &issuer, &certificate, &key])
        else {
            return;
        };
        assert_accepted(&said);
        let response = OcspResponse::from_der(&desk.take("response")).unwrap();
        let nonce = Nonce::Required(&[9; 32]);
        let expectation = Expectation { nonce, ..Expectation::new(&ca.certificate, now()) };
        let verified = response.verify(&expectation).unwrap();
        assert_eq!(verified.status(&ids[0]).unwrap().status, CertStatus::Good);
        let CertStatus::Revoked(entry) = verified.status(&ids[1]).unwrap().status else { panic!("revoked") };
        assert_eq!(entry.reason, RevocationReason::Superseded);
    }
}

#[test]
fn bouncy_castle_believes_our_time_stamp_and_refuses_one_for_another_request() {
    let (desk, (ca, tsa)) = (Desk::new(), pki(Profile::TimeStamping));
    let [_, certificate, _] = put(&desk, &ca, &tsa);
    let ask = |message: &[u8]| {
        TimeStampRequest::build(&MessageImprint::sm3(message), None, Some(&[7; 8]), true).unwrap()
    };
    let sent = ask(b"a bid");
    let request = desk.put("request", sent.der());
    let time = PreciseTime { seconds: now(), nanoseconds: 120_000_000 };
    let token = TokenBuilder::new(&sent, POLICY, SerialNumber::from(77), time)
        .unwrap()
        .accuracy(Accuracy { seconds: 0, millis: 500, micros: 0 })
        .name_authority()
        .sign(&tsa.certificate, &tsa.key)
        .unwrap();
    let response = desk.put("response", TimeStampResponse::granted(&token).unwrap().der());
    let Some(said) = bouncy_castle(PROGRAM, "stamped", &[&request, &response, &certificate]) else { return };
    assert_accepted(&said);
    assert!(said.contains("number 77"), "{said}");
    let other = desk.put("other", ask(b"another bid").der());
    assert_refused(&bouncy_castle(PROGRAM, "stamped", &[&other, &response, &certificate]).unwrap(), "");
    let foreign = desk.put("foreign", pki(Profile::TimeStamping).1.certificate.der());
    assert_refused(&bouncy_castle(PROGRAM, "stamped", &[&request, &response, &foreign]).unwrap(), "");
}

#[test]
fn we_believe_bouncy_castles_time_stamp() {
    let (desk, (ca, tsa)) = (Desk::new(), pki(Profile::TimeStamping));
    let [_, certificate, key] = put(&desk, &ca, &tsa);
    let imprint = MessageImprint::sm3(b"a bid");
    let sent = TimeStampRequest::build(&imprint, None, Some(&[7; 8]), true).unwrap();
    let (request, out) = (desk.put("request", sent.der()), desk.path("response"));
    let Some(said) = bouncy_castle(PROGRAM, "stamp", &[&request, &out, &certificate, &key]) else { return };
    assert_accepted(&said);
    let response = TimeStampResponse::from_der(&desk.take("response")).unwrap();
    let anchors = [ca.certificate.as_any().clone()];
    let verified = response.verify(&sent, &Trust { anchors: &anchors, others: &[] }).unwrap();
    assert_eq!(verified.info.serial, SerialNumber::from(42));
    assert_eq!(verified.info.accuracy, Some(Accuracy { seconds: 0, millis: 30, micros: 0 }));
}
