//! The OCSP responder, judged by `yinqiao_gm::ocsp` as the client.

use yinqiao_ca_sdk::messages::DerRequest;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{
    CertId, CertStatus, Expectation, Nonce, OcspRequest, OcspResponse, ResponseStatus, generate_nonce,
};
use yinqiao_gm::x509::{self, AnyCertificate, SerialNumber};

use super::*;

fn ask(ca: &LocalInstance<'_>, request: Vec<u8>) -> OcspResponse {
    let request = Request::Ocsp(DerRequest { request: request.into() });
    let Reply::Response(reply) = ca.submit("", &request).unwrap() else { panic!() };
    OcspResponse::from_der(reply.response.as_bytes()).unwrap()
}

fn id(hash: HashAlgorithm, issuer: &AnyCertificate, serial: &SerialNumber) -> CertId {
    CertId::new(hash, issuer, serial).unwrap()
}

/// What is said about one certificate, verified.
fn status(ca: &LocalInstance<'_>, issuing: &AnyCertificate, serial: &SerialNumber) -> CertStatus {
    let cert_id = id(HashAlgorithm::Sm3, issuing, serial);
    let nonce = generate_nonce().unwrap();
    let request = OcspRequest::build(std::slice::from_ref(&cert_id), Some(&nonce)).unwrap();
    let response = ask(ca, request.der().to_vec());
    let expectation = Expectation { nonce: Nonce::Required(&nonce), ..Expectation::new(issuing, now()) };
    response.verify(&expectation).unwrap().status(&cert_id).unwrap().status
}

#[test]
fn good_held_revoked_released_and_unknown_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let issuing = certificate(&pair.chain[0]);
    let signing = certificate(&pair.signing_certificate);
    let ours = serial(&pair.signing_certificate);
    let told = |serial: &SerialNumber| status(&ca, issuing.as_any(), serial);
    let reason = |status| match status {
        CertStatus::Revoked(entry) => entry.reason,
        other => panic!("{other:?}"),
    };

    assert_eq!(told(signing.serial()), CertStatus::Good);
    ca.submit("hold", &Request::Hold(suspend(&ours))).unwrap();
    assert_eq!(reason(told(signing.serial())), x509::RevocationReason::CertificateHold);
    ca.submit("unhold", &Request::Unhold(suspend(&ours))).unwrap();
    assert_eq!(told(signing.serial()), CertStatus::Good);
    ca.submit("revoke", &revoke(&ours, RevocationReason::KeyCompromise)).unwrap();
    for der in [&pair.signing_certificate, pair.encryption_certificate.as_ref().unwrap()] {
        assert_eq!(reason(told(certificate(der).serial())), x509::RevocationReason::KeyCompromise);
    }
    assert_eq!(told(&SerialNumber::generate().unwrap()), CertStatus::Unknown);
}

#[test]
fn the_cas_own_certificates_are_good_and_its_responder_needs_no_check() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let issuing = certificate(&pair.chain[0]);
    let request = Request::SealIssue(seal_request(vec![pair.signing_certificate]));
    let Reply::Seal(seal) = ca.submit("seal", &request).unwrap() else { panic!() };
    let maker = SesSeal::from_der(seal.seal.as_bytes()).unwrap().maker().clone();
    assert_eq!(status(&ca, issuing.as_any(), maker.serial()), CertStatus::Good);

    let cert_id = id(HashAlgorithm::Sha1, issuing.as_any(), maker.serial());
    let response = ask(&ca, OcspRequest::build(&[cert_id], None).unwrap().der().to_vec());
    let verified = response.verify(&Expectation::new(issuing.as_any(), now())).unwrap();
    assert!(verified.responder().has_ocsp_no_check() && verified.responder() != issuing.as_any());
    let responder = *verified.responder().serial();
    assert_eq!(status(&ca, issuing.as_any(), &responder), CertStatus::Good);
}

#[test]
fn another_cas_certificates_and_no_request_get_the_refusal_that_the_rfc_has_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let [issuing, root] = [certificate(&pair.chain[0]), certificate(&pair.chain[1])];
    assert_eq!(ask(&ca, vec![0x30, 0]).status(), ResponseStatus::MalformedRequest);
    let foreign = id(HashAlgorithm::Sm3, root.as_any(), issuing.serial());
    let request = OcspRequest::build(std::slice::from_ref(&foreign), None).unwrap();
    assert_eq!(ask(&ca, request.der().to_vec()).status(), ResponseStatus::Unauthorized);

    let ours = id(HashAlgorithm::Sha256, issuing.as_any(), certificate(&pair.signing_certificate).serial());
    let request = OcspRequest::build(&[foreign, ours.clone()], None).unwrap();
    let response = ask(&ca, request.der().to_vec());
    let claims: Vec<CertStatus> = response.claims().iter().map(|claim| claim.status).collect();
    assert_eq!(claims, [CertStatus::Unknown, CertStatus::Good]);
    let many = vec![ours; 101];
    let request = OcspRequest::build(&many, None).unwrap();
    assert_eq!(ask(&ca, request.der().to_vec()).status(), ResponseStatus::MalformedRequest);
}
