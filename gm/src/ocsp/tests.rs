use const_oid::ObjectIdentifier;
use proptest::prelude::*;

use super::*;
use crate::{
    hash::HashAlgorithm,
    sm2::PrivateKey,
    x509::{
        Certificate, CertificateBuilder, DistinguishedName, Profile, RevocationReason, RevokedEntry,
        SerialNumber,
    },
};

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

struct Holder {
    key: PrivateKey,
    certificate: Certificate,
}

fn builder(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, NOW - DAY, NOW + DAY)
}

fn ca(common_name: &str) -> Holder {
    let key = PrivateKey::generate().unwrap();
    Holder { certificate: builder(Profile::RootCa, common_name, &key).self_sign(&key).unwrap(), key }
}

impl Holder {
    fn issue(&self, profile: Profile, common_name: &str) -> Holder {
        let key = PrivateKey::generate().unwrap();
        let certificate = builder(profile, common_name, &key).sign(&self.certificate, &self.key).unwrap();
        Holder { key, certificate }
    }

    fn id(&self, serial: u64) -> CertId {
        CertId::new(HashAlgorithm::Sm3, &self.certificate, &SerialNumber::from(serial)).unwrap()
    }
}

fn single(cert_id: CertId, status: CertStatus) -> SingleResponse {
    SingleResponse { cert_id, status, this_update: NOW, next_update: Some(NOW + 600) }
}

fn good(cert_id: CertId) -> ResponseBuilder {
    ResponseBuilder::new(NOW).response(single(cert_id, CertStatus::Good))
}

#[test]
fn a_request_names_its_certificates_and_its_nonce() {
    let ca = ca("ca");
    for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sm3] {
        let ids =
            [7, 8].map(|serial| CertId::new(hash, &ca.certificate, &SerialNumber::from(serial)).unwrap());
        let nonce = generate_nonce().unwrap();
        let request = OcspRequest::build(&ids, Some(&nonce)).unwrap();
        let read = OcspRequest::from_der(request.der()).unwrap();
        assert_eq!((read.cert_ids(), read.nonce()), (&ids[..], Some(&nonce[..])));
        assert!(read.cert_ids()[0].is_of(&ca.certificate));
        assert_eq!((read.cert_ids()[1].hash(), *read.cert_ids()[1].serial()), (hash, SerialNumber::from(8)));
    }
    assert_eq!(OcspRequest::build(&[ca.id(1)], None).unwrap().nonce(), None);
    assert!(OcspRequest::build(&[], None).is_err(), "about nothing");
    for nonce in [&[][..], &[0; 129]] {
        assert!(OcspRequest::build(&[ca.id(1)], Some(nonce)).is_err(), "{} bytes", nonce.len());
    }
}

#[test]
fn an_issuer_answers_good_revoked_and_unknown() {
    let ca = ca("ca");
    let revoked = RevokedEntry { revoked_at: NOW - 60, reason: RevocationReason::KeyCompromise };
    let unspecified = RevokedEntry { revoked_at: NOW - 60, reason: RevocationReason::Unspecified };
    let statuses = [
        CertStatus::Good,
        CertStatus::Revoked(revoked),
        CertStatus::Unknown,
        CertStatus::Revoked(unspecified),
    ];
    let mut builder = ResponseBuilder::new(NOW);
    for (serial, status) in statuses.iter().enumerate() {
        builder = builder.response(single(ca.id(serial as u64), *status));
    }
    for builder in [builder.clone(), builder.responder_by_name()] {
        let response = builder.sign(&ca.certificate, &ca.key).unwrap();
        let response = OcspResponse::from_der(response.der()).unwrap();
        let verified = response.verify(&Expectation::new(&ca.certificate, NOW + 10)).unwrap();
        assert_eq!(verified.responder(), ca.certificate.as_any());
        assert_eq!(verified.produced_at(), NOW);
        for (serial, status) in statuses.iter().enumerate() {
            assert_eq!(verified.status(&ca.id(serial as u64)).unwrap().status, *status);
        }
        assert!(matches!(verified.status(&ca.id(99)), Err(Error::NotAnswered { .. })));
    }
}

#[test]
fn a_responder_answers_only_for_the_issuer_that_authorised_it() {
    let (ca, other) = (ca("ca"), ca("other"));
    let responder = ca.issue(Profile::OcspSigner, "responder");
    let expect = |holder: &Holder, response: &OcspResponse| {
        response
            .verify(&Expectation::new(&holder.certificate, NOW))
            .map(|verified| verified.responder().clone())
    };
    let response = good(ca.id(1)).sign(&responder.certificate, &responder.key).unwrap();
    assert_eq!(expect(&ca, &response).unwrap(), *responder.certificate.as_any());
    assert!(responder.certificate.has_ocsp_no_check());
    assert!(matches!(expect(&other, &response), Err(Error::ResponderCertificate { .. })));

    let without_purpose = ca.issue(Profile::Signing, "no responder");
    let response = good(ca.id(1)).sign(&without_purpose.certificate, &without_purpose.key).unwrap();
    let error = expect(&ca, &response).unwrap_err();
    assert!(error.to_string().contains("lacks the purpose OCSPSigning"), "{error}");

    let foreign = other.issue(Profile::OcspSigner, "responder");
    let response = good(ca.id(1)).sign(&foreign.certificate, &foreign.key).unwrap();
    assert!(matches!(expect(&ca, &response), Err(Error::ResponderCertificate { .. })));

    // Below the CA, but not issued by it.
    let below = ca.issue(Profile::IssuingCa { path_len: None }, "below");
    let indirect = below.issue(Profile::OcspSigner, "responder");
    let response = good(ca.id(1)).certificate(&below.certificate).sign(&indirect.certificate, &indirect.key);
    assert!(matches!(expect(&ca, &response.unwrap()), Err(Error::ResponderCertificate { .. })));
}

#[test]
fn a_responder_whose_certificate_is_over_is_not_accepted() {
    let ca = ca("ca");
    let responder = ca.issue(Profile::OcspSigner, "responder");
    let response = good(ca.id(1)).sign(&responder.certificate, &responder.key).unwrap();
    let error = response.verify(&Expectation::new(&ca.certificate, NOW + DAY + 1)).unwrap_err();
    assert!(error.to_string().contains("not valid at the time"), "{error}");
}

#[test]
fn a_response_signed_with_another_key_is_refused() {
    let (ca, stranger) = (ca("ca"), ca("ca"));
    let prepared = good(ca.id(1)).prepare(&ca.certificate).unwrap();
    let forged = prepared.complete(&stranger.key.sign(prepared.to_be_signed()).unwrap()).unwrap();
    let expectation = Expectation::new(&ca.certificate, NOW);
    assert!(matches!(forged.verify(&expectation), Err(Error::Signature { .. })));
    // The stranger has the issuer's name and signs with its own key.
    let forged = good(ca.id(1)).responder_by_name().sign(&stranger.certificate, &stranger.key).unwrap();
    assert!(forged.verify(&expectation).is_err());
    let error = good(ca.id(1)).sign(&ca.certificate, &stranger.key).unwrap_err();
    assert!(matches!(error, Error::Primitive(crate::Error::KeyMismatch { .. })), "{error}");
}

#[test]
fn the_nonce_must_come_back() {
    let ca = ca("ca");
    let sign = |nonce: Option<&[u8]>| good(ca.id(1)).nonce(nonce).sign(&ca.certificate, &ca.key).unwrap();
    let verify = |response: &OcspResponse, nonce| {
        response.verify(&Expectation { nonce, ..Expectation::new(&ca.certificate, NOW) }).map(|_| ())
    };
    let (with, without, other) = (sign(Some(b"sent")), sign(None), sign(Some(b"another")));
    verify(&with, Nonce::Required(b"sent")).unwrap();
    verify(&with, Nonce::Optional(b"sent")).unwrap();
    verify(&with, Nonce::NotSent).unwrap();
    verify(&without, Nonce::Optional(b"sent")).unwrap();
    assert!(matches!(verify(&without, Nonce::Required(b"sent")), Err(Error::NonceMissing)));
    for nonce in [Nonce::Required(b"sent"), Nonce::Optional(b"sent")] {
        assert!(matches!(verify(&other, nonce), Err(Error::NonceMismatch)));
    }
}

#[test]
fn a_status_holds_from_this_update_to_the_next() {
    let ca = ca("ca");
    let status = |next_update, at| {
        let single = SingleResponse { next_update, ..single(ca.id(1), CertStatus::Good) };
        let response = ResponseBuilder::new(NOW).response(single).sign(&ca.certificate, &ca.key).unwrap();
        let expectation = Expectation { tolerance: 10, ..Expectation::new(&ca.certificate, at) };
        let verified = response.verify(&expectation)?;
        verified.status(&ca.id(1)).map(|single| single.status)
    };
    for (next_update, at) in [(Some(NOW + 600), NOW - 10), (Some(NOW + 600), NOW + 610), (None, NOW + 3_610)]
    {
        assert_eq!(status(next_update, at).unwrap(), CertStatus::Good);
    }
    assert!(matches!(status(Some(NOW + 600), NOW - 11), Err(Error::FromTheFuture { of: NOW, .. })));
    assert!(matches!(status(Some(NOW + 600), NOW + 611), Err(Error::Stale { .. })));
    assert!(matches!(status(None, NOW + 3_611), Err(Error::Stale { .. })));
    let backwards = SingleResponse { next_update: Some(NOW - 1), ..single(ca.id(1), CertStatus::Good) };
    assert!(ResponseBuilder::new(NOW).response(backwards).sign(&ca.certificate, &ca.key).is_err());
}

#[test]
fn a_certificate_of_another_issuer_is_not_answered_whatever_its_number() {
    let (ca, other) = (ca("ca"), ca("other"));
    let response = good(ca.id(1))
        .response(single(other.id(1), CertStatus::Good))
        .sign(&ca.certificate, &ca.key)
        .unwrap();
    let verified = response.verify(&Expectation::new(&ca.certificate, NOW)).unwrap();
    assert!(matches!(verified.status(&other.id(1)), Err(Error::NotAnswered { .. })));
    // The same certificate under another hash is not the name that was asked for.
    let by_sha1 = CertId::new(HashAlgorithm::Sha1, &ca.certificate, &SerialNumber::from(1)).unwrap();
    assert!(matches!(verified.status(&by_sha1), Err(Error::NotAnswered { .. })));
}

#[test]
fn a_refusal_says_why_and_nothing_more() {
    let ca = ca("ca");
    for status in [
        ResponseStatus::MalformedRequest,
        ResponseStatus::InternalError,
        ResponseStatus::TryLater,
        ResponseStatus::SigRequired,
        ResponseStatus::Unauthorized,
    ] {
        let response = OcspResponse::refusal(status).unwrap();
        let read = OcspResponse::from_der(response.der()).unwrap();
        assert_eq!((read.status(), read.claims().len()), (status, 0));
        let error = read.verify(&Expectation::new(&ca.certificate, NOW)).unwrap_err();
        assert!(matches!(error, Error::Refused(found) if found == status));
    }
    assert!(OcspResponse::refusal(ResponseStatus::Successful).is_err());
    // 4 is not used
    assert!(OcspResponse::from_der(&[0x30, 3, 0x0a, 1, 4]).is_err());
}

#[test]
fn a_response_of_another_type_is_named() {
    let ca = ca("ca");
    let mut der = good(ca.id(1)).sign(&ca.certificate, &ca.key).unwrap().der().to_vec();
    let basic = crate::oid::OCSP_BASIC.as_bytes();
    let at = der.windows(basic.len()).position(|window| window == basic).unwrap();
    der[at + basic.len() - 1] = 9;
    let other = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.9");
    assert!(matches!(OcspResponse::from_der(&der), Err(Error::ResponseType(found)) if found == other));
}

thread_local! {
    static EXAMPLE: (OcspResponse, OcspRequest, Certificate) = {
        let ca = ca("ca");
        let responder = ca.issue(Profile::OcspSigner, "responder");
        let response = good(ca.id(1)).sign(&responder.certificate, &responder.key).unwrap();
        (response, OcspRequest::build(&[ca.id(1)], Some(&[1; 32])).unwrap(), ca.certificate)
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_the_parsers_and_no_changed_answer_is_believed(data: Vec<u8>, at: usize, with: u8) {
        let _ = (OcspResponse::from_der(&data).is_ok(), OcspRequest::from_der(&data).is_ok());
        let (response, request, ca) = EXAMPLE.with(Clone::clone);
        let mut changed = request.der().to_vec();
        let place = at % changed.len();
        changed[place] = with;
        if let Ok(read) = OcspRequest::from_der(&changed) {
            prop_assert_eq!(read.der(), changed.as_slice());
        }
        let mut changed = response.der().to_vec();
        let place = at % changed.len();
        changed[place] = with;
        if let Ok(read) = OcspResponse::from_der(&changed)
            && let Ok(verified) = read.verify(&Expectation::new(&ca, NOW))
        {
            // What is not signed may change, never what is said.
            prop_assert_eq!(read.claims(), response.claims());
            prop_assert!(verified.responder().verify_signature(&ca).is_ok());
        }
    }
}
