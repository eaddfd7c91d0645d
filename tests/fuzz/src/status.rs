//! What is said of certificates and times: revocation lists, OCSP, time stamps.

use const_oid::ObjectIdentifier;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{
    CertId, CertStatus, Expectation, OcspRequest, OcspResponse, ResponseBuilder, SingleResponse,
};
use yinqiao_gm::tsp::{
    FailureInfo, MessageImprint, PreciseTime, TimeStampRequest, TimeStampResponse, TimeStampToken,
    TokenBuilder, Trust,
};
use yinqiao_gm::x509::{
    AnyRevocationList, CertificateRevocationList, RevocationListBuilder, RevocationReason, RevokedEntry,
    SerialNumber,
};

use crate::pki::{NOW, PKI};

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1");
const REVOKED: RevokedEntry = RevokedEntry { revoked_at: NOW - 60, reason: RevocationReason::KeyCompromise };

/// A revocation list, as complete list, and as delta over the first seed and under it.
pub fn list(bytes: &[u8]) -> bool {
    let any = AnyRevocationList::from_der(bytes);
    if let Ok(list) = &any {
        assert_eq!(list.der(), bytes);
        let root = PKI.root.certificate.as_any();
        let _ = list.verify_signature(root);
        for certificate in [&PKI.root, &PKI.signer] {
            let _ = list.status(certificate.certificate.as_any());
        }
        let known = complete();
        for (base, delta) in [(list, &known), (&known, list)] {
            if let Ok(combined) = base.with_delta(delta) {
                let _ = combined.status(PKI.signer.certificate.as_any());
            }
        }
    }
    let sm2 = CertificateRevocationList::from_der(bytes);
    assert!(sm2.is_err() || any.is_ok(), "one reader refuses what the other takes");
    any.is_ok()
}

/// Complete, and a delta.
pub fn list_seeds() -> Vec<Vec<u8>> {
    let delta = RevocationListBuilder::new(NOW - 5, NOW + 600, 2).delta_of(1);
    vec![complete().der().to_vec(), sign(&delta.entries(&[(SerialNumber::from(9), REVOKED)])).der().to_vec()]
}

fn complete() -> AnyRevocationList {
    let entries = [(*PKI.signer.certificate.serial(), REVOKED)];
    sign(
        &RevocationListBuilder::new(NOW - 5, NOW + 600, 1)
            .freshest_crl("http://ca.example/delta")
            .entries(&entries),
    )
}

fn sign(builder: &RevocationListBuilder) -> AnyRevocationList {
    builder.sign(&PKI.root.certificate, &PKI.root.key).unwrap()
}

fn cert_id() -> CertId {
    let root = PKI.root.certificate.as_any();
    CertId::new(HashAlgorithm::Sm3, root, PKI.signer.certificate.serial()).unwrap()
}

/// A request or an answer.
pub fn ocsp(bytes: &[u8]) -> bool {
    if let Ok(response) = OcspResponse::from_der(bytes) {
        assert_eq!(response.der(), bytes);
        let root = PKI.root.certificate.as_any();
        if let Ok(verified) = response.verify(&Expectation::new(root, NOW)) {
            let _ = verified.status(&cert_id());
        }
        return true;
    }
    OcspRequest::from_der(bytes).is_ok_and(|request| {
        assert_eq!(request.der(), bytes);
        true
    })
}

/// A request with a nonce, one without, and answers by the CA and by its responder.
pub fn ocsp_seeds() -> Vec<Vec<u8>> {
    let (root, responder) = (&PKI.root, &PKI.responder);
    let single = |status| SingleResponse {
        cert_id: cert_id(),
        status,
        this_update: NOW - 5,
        next_update: Some(NOW + 600),
    };
    let good = ResponseBuilder::new(NOW).response(single(CertStatus::Good)).nonce(Some(&[7; 32]));
    let revoked = ResponseBuilder::new(NOW)
        .response(single(CertStatus::Revoked(REVOKED)))
        .certificate(responder.certificate.as_any())
        .responder_by_name();
    vec![
        OcspRequest::build(&[cert_id()], Some(&[7; 32])).unwrap().der().to_vec(),
        OcspRequest::build(&[cert_id(), cert_id()], None).unwrap().der().to_vec(),
        good.sign(&root.certificate, &root.key).unwrap().der().to_vec(),
        revoked.sign(&responder.certificate, &responder.key).unwrap().der().to_vec(),
    ]
}

fn stamp_request() -> TimeStampRequest {
    TimeStampRequest::build(&MessageImprint::sm3(b"a bid"), Some(POLICY), Some(&[7; 16]), true).unwrap()
}

/// A request, an answer or a token.
pub fn timestamp(bytes: &[u8]) -> bool {
    let anchors = [PKI.root.certificate.as_any().clone()];
    let trust = Trust { anchors: &anchors, others: &[] };
    if let Ok(response) = TimeStampResponse::from_der(bytes) {
        assert_eq!(response.der(), bytes);
        let _ = response.verify(&stamp_request(), &trust);
        return true;
    }
    if let Ok(token) = TimeStampToken::from_der(bytes) {
        assert_eq!(token.der(), bytes);
        let _ = token.verify(stamp_request().imprint(), &trust);
        return true;
    }
    TimeStampRequest::from_der(bytes).is_ok_and(|request| {
        assert_eq!(request.der(), bytes);
        true
    })
}

/// One of each, and a refusal.
pub fn timestamp_seeds() -> Vec<Vec<u8>> {
    let (request, stamper) = (stamp_request(), &PKI.stamper);
    let builder = TokenBuilder::new(&request, POLICY, SerialNumber::from(7), PreciseTime::from_seconds(NOW));
    let token =
        builder.unwrap().ordering().name_authority().sign(&stamper.certificate, &stamper.key).unwrap();
    vec![
        request.der().to_vec(),
        token.der().to_vec(),
        TimeStampResponse::granted(&token).unwrap().der().to_vec(),
        TimeStampResponse::rejection(FailureInfo::BadAlgorithm, "no").unwrap().der().to_vec(),
    ]
}
