use const_oid::ObjectIdentifier;
use proptest::prelude::*;

use super::*;
use crate::{
    cms::{UnsignedAttribute, assemble_detached_with_unsigned},
    hash::HashAlgorithm,
    sm2::PrivateKey,
    x509::{
        AnyCertificate, Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber,
        chain::ChainError,
    },
};

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.9.9.1");
const OTHER_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.9.9.2");

#[derive(Clone)]
struct Authority {
    ca: Vec<AnyCertificate>,
    certificate: Certificate,
    key: PrivateKey,
}

fn builder(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, NOW - DAY, NOW + DAY)
}

fn authority(profile: Profile) -> Authority {
    let [ca_key, key] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let ca = builder(Profile::RootCa, "ca", &ca_key).self_sign(&ca_key).unwrap();
    let certificate = builder(profile, "tsa", &key).sign(&ca, &ca_key).unwrap();
    Authority { ca: vec![ca.into()], certificate, key }
}

fn request(nonce: Option<&[u8]>, certificate: bool) -> TimeStampRequest {
    TimeStampRequest::build(&MessageImprint::sm3(b"bid"), None, nonce, certificate).unwrap()
}

impl Authority {
    fn builder(&self, request: &TimeStampRequest) -> TokenBuilder {
        TokenBuilder::new(request, POLICY, SerialNumber::from(9), PreciseTime::from_seconds(NOW)).unwrap()
    }

    fn answer(&self, request: &TimeStampRequest) -> TimeStampResponse {
        let token = self.builder(request).sign(&self.certificate, &self.key).unwrap();
        let response = TimeStampResponse::granted(&token).unwrap();
        TimeStampResponse::from_der(response.der()).unwrap()
    }

    fn trust(&self) -> Trust<'_> {
        Trust { anchors: &self.ca, others: &[] }
    }
}

#[test]
fn a_request_says_what_was_put_into_it() {
    for (hash, length) in [(HashAlgorithm::Sm3, 32), (HashAlgorithm::Sha256, 32), (HashAlgorithm::Sha512, 64)]
    {
        let imprint = MessageImprint::new(hash, &vec![7; length]).unwrap();
        let nonce = generate_nonce().unwrap();
        let built = TimeStampRequest::build(&imprint, Some(POLICY), Some(&nonce), true).unwrap();
        let read = TimeStampRequest::from_der(built.der()).unwrap();
        assert_eq!((read.imprint(), read.policy()), (&imprint, Some(POLICY)));
        assert_eq!((read.nonce(), read.certificate_requested()), (Some(&nonce[..]), true));
    }
    let bare = request(None, false);
    assert_eq!((bare.policy(), bare.nonce(), bare.certificate_requested()), (None, None, false));
    assert!(MessageImprint::new(HashAlgorithm::Sm3, &[7; 31]).is_err());
    let long = TimeStampRequest::build(&MessageImprint::sm3(b"bid"), None, Some(&[1; 65]), true);
    assert_eq!(long.unwrap_err().failure(), FailureInfo::BadDataFormat);
}

#[test]
fn a_request_over_sha_1_or_with_an_extension_gets_the_failure_that_rfc_3161_has_for_it() {
    let sha1 = MessageImprint::new(HashAlgorithm::Sha1, &[7; 20]).unwrap_err();
    assert_eq!(sha1.failure(), FailureInfo::BadAlgorithm);
    let mut der = request(None, false).der().to_vec();
    // SM3, 1.2.156.10197.1.401, becomes .402
    let at = der.windows(3).position(|window| window == [0x01, 0x83, 0x11]).unwrap();
    der[at + 2] += 1;
    assert_eq!(TimeStampRequest::from_der(&der).unwrap_err().failure(), FailureInfo::BadAlgorithm);
    let mut der = request(None, true).der().to_vec();
    der[1] += 4;
    der.extend([0xa0, 2, 0x30, 0]);
    assert_eq!(TimeStampRequest::from_der(&der).unwrap_err().failure(), FailureInfo::UnacceptedExtension);
    assert_eq!(TimeStampRequest::from_der(b"no DER").unwrap_err().failure(), FailureInfo::BadDataFormat);
    let other =
        TimeStampRequest::build(&MessageImprint::sm3(b"bid"), Some(OTHER_POLICY), None, true).unwrap();
    let error =
        TokenBuilder::new(&other, POLICY, SerialNumber::from(1), PreciseTime::from_seconds(NOW)).unwrap_err();
    assert_eq!(error.failure(), FailureInfo::UnacceptedPolicy);
}

#[test]
fn a_stamp_says_when_of_what_under_which_policy_and_number() {
    let tsa = authority(Profile::TimeStamping);
    let request = request(Some(&[5, 6]), true);
    let accuracy = Accuracy { seconds: 0, millis: 20, micros: 500 };
    let time = PreciseTime { seconds: NOW, nanoseconds: 120_000_000 };
    let token = TokenBuilder::new(&request, POLICY, SerialNumber::from(9), time)
        .unwrap()
        .accuracy(accuracy)
        .ordering()
        .name_authority()
        .sign(&tsa.certificate, &tsa.key)
        .unwrap();
    let response = TimeStampResponse::granted(&token).unwrap();
    let verified = response.verify(&request, &tsa.trust()).unwrap();
    let expected = TstInfo {
        policy: POLICY,
        imprint: MessageImprint::sm3(b"bid"),
        serial: SerialNumber::from(9),
        time,
        accuracy: Some(accuracy),
        ordering: true,
        nonce: Some(vec![5, 6]),
        authority: Some(tsa.certificate.subject().clone()),
    };
    assert_eq!(verified.info, expected);
    assert_eq!(verified.path.certificates(), [tsa.certificate.as_any().clone(), tsa.ca[0].clone()]);
    // Years later the token stands alone.
    let kept = TimeStampToken::from_der(token.der()).unwrap();
    assert_eq!(kept.verify(&MessageImprint::sm3(b"bid"), &tsa.trust()).unwrap().info, expected);
}

#[test]
fn a_stamp_of_another_message_or_for_another_request_is_refused() {
    let tsa = authority(Profile::TimeStamping);
    let sent = request(Some(&[5]), true);
    let response = tsa.answer(&sent);
    response.verify(&sent, &tsa.trust()).unwrap();
    let verify = |request: &TimeStampRequest| response.verify(request, &tsa.trust()).unwrap_err();
    assert!(matches!(verify(&request(Some(&[6]), true)), Error::Nonce));
    assert!(matches!(verify(&request(None, true)), Error::Nonce));
    let build = |imprint, policy| TimeStampRequest::build(&imprint, policy, Some(&[5]), true).unwrap();
    let other_policy = build(MessageImprint::sm3(b"bid"), Some(OTHER_POLICY));
    assert!(matches!(verify(&other_policy), Error::Policy { found: POLICY, .. }));
    assert!(matches!(verify(&build(MessageImprint::sm3(b"another bid"), None)), Error::OtherImprint));
    let same_bytes =
        MessageImprint::new(HashAlgorithm::Sha256, MessageImprint::sm3(b"bid").digest()).unwrap();
    assert!(matches!(verify(&build(same_bytes, None)), Error::OtherImprint));
}

#[test]
fn only_a_certificate_for_stamping_alone_stamps() {
    let request = request(None, true);
    for profile in [Profile::Signing, Profile::OcspSigner] {
        let signer = authority(profile);
        let error = signer.builder(&request).sign(&signer.certificate, &signer.key).unwrap_err();
        assert!(matches!(error, Error::Chain(ChainError::ExtendedKeyUsage { .. })), "{error}");
    }
    let tsa = authority(Profile::TimeStamping);
    let late =
        TokenBuilder::new(&request, POLICY, SerialNumber::from(1), PreciseTime::from_seconds(NOW + 2 * DAY));
    let error = late.unwrap().sign(&tsa.certificate, &tsa.key).unwrap_err();
    assert!(matches!(error, Error::Chain(ChainError::Expired { .. })), "{error}");
    let other = authority(Profile::TimeStamping);
    assert!(tsa.builder(&request).sign(&tsa.certificate, &other.key).is_err(), "another's key");
}

#[test]
fn an_authority_that_leads_to_no_anchor_is_not_believed() {
    let (tsa, other) = (authority(Profile::TimeStamping), authority(Profile::TimeStamping));
    let request = request(None, true);
    let error = tsa.answer(&request).verify(&request, &other.trust()).unwrap_err();
    assert!(matches!(error, Error::Chain(_)), "{error}");
}

#[test]
fn without_its_certificate_inside_a_stamp_is_verified_with_one_given() {
    let tsa = authority(Profile::TimeStamping);
    let request = request(None, false);
    let response = tsa.answer(&request);
    assert!(response.token().unwrap().certificates().is_empty());
    assert!(matches!(response.verify(&request, &tsa.trust()), Err(Error::CertificateMissing)));
    let others = [tsa.certificate.as_any().clone()];
    response.verify(&request, &Trust { anchors: &tsa.ca, others: &others }).unwrap();
}

#[test]
fn the_certificate_that_is_named_among_the_signed_attributes_must_be_the_signers() {
    let [ca_key, key] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let ca = builder(Profile::RootCa, "ca", &ca_key).self_sign(&ca_key).unwrap();
    // Two certificates of one issuer, number and key, which only their hashes tell apart.
    let [first, second] = [DAY, 2 * DAY].map(|validity| {
        let name = DistinguishedName::builder().country("CN").common_name("tsa").build().unwrap();
        let (profile, serial) = (Profile::TimeStamping, SerialNumber::from(5));
        CertificateBuilder::new(profile, name, key.public_key().clone(), serial, NOW, NOW + validity)
            .sign(&ca, &ca_key)
            .unwrap()
    });
    let tsa = Authority { ca: vec![ca.into()], certificate: first.clone(), key };
    let request = request(None, false);
    let response = tsa.answer(&request);
    let verify = |certificate: &Certificate| {
        let others = [certificate.as_any().clone()];
        response.verify(&request, &Trust { anchors: &tsa.ca, others: &others }).map(|_| ())
    };
    verify(&first).unwrap();
    assert!(matches!(verify(&second), Err(Error::SigningCertificate)));
}

#[test]
fn a_signature_with_another_key_is_refused() {
    let (tsa, forger) = (authority(Profile::TimeStamping), PrivateKey::generate().unwrap());
    let request = request(None, true);
    let prepared = tsa.builder(&request).prepare(&tsa.certificate).unwrap();
    let forged = prepared.complete(&forger.sign(prepared.to_be_signed()).unwrap()).unwrap();
    let error = forged.verify(request.imprint(), &tsa.trust()).unwrap_err();
    assert!(matches!(error, Error::Signature), "{error}");
}

#[test]
fn a_rejection_says_why_with_its_bit() {
    for (failure, bits) in [
        (FailureInfo::BadAlgorithm, &[7, 0x80][..]),
        (FailureInfo::BadDataFormat, &[2, 0x04]),
        (FailureInfo::UnacceptedPolicy, &[0, 0x00, 0x01]),
        (FailureInfo::SystemFailure, &[6, 0x00, 0x00, 0x00, 0x40]),
    ] {
        let response = TimeStampResponse::rejection(failure, "为什么").unwrap();
        assert!(response.der().ends_with(bits), "{failure:?}");
        let read = TimeStampResponse::from_der(response.der()).unwrap();
        assert_eq!(read.status().failures, [failure]);
        assert_eq!(
            (read.status().status, read.status().text.as_slice()),
            (PkiStatus::Rejection, &["为什么".to_owned()][..])
        );
        assert!(matches!(read.token(), Err(Error::Rejected(_))));
    }
    // Granted, and no token.
    assert!(TimeStampResponse::from_der(&[0x30, 5, 0x30, 3, 2, 1, 0]).is_err());
}

#[test]
fn a_token_travels_in_a_signature_as_an_unsigned_attribute() {
    use crate::cms::{Arc, SignedAttributes, SignedData};
    let tsa = authority(Profile::TimeStamping);
    let attributes = SignedAttributes::build(Arc::Rfc5652, &crate::sm3::digest(b"bid"), NOW).unwrap();
    let signature = tsa.key.sign(&attributes).unwrap();
    let imprint = MessageImprint::sm3(&signature.to_der().unwrap());
    let request = TimeStampRequest::build(&imprint, None, None, true).unwrap();
    let value = tsa.answer(&request).token().unwrap().der().to_vec();
    let unsigned = [UnsignedAttribute { kind: crate::oid::TIME_STAMP_TOKEN, value }];
    let message = assemble_detached_with_unsigned(
        Arc::Rfc5652,
        &attributes,
        &signature,
        &tsa.certificate,
        &[],
        &unsigned,
    );
    let message = SignedData::from_der(&message.unwrap()).unwrap();
    let kept = message.unsigned_attribute(0, crate::oid::TIME_STAMP_TOKEN).unwrap();
    let token = TimeStampToken::from_der(&kept[0]).unwrap();
    token.verify(&MessageImprint::sm3(message.signature(0).unwrap()), &tsa.trust()).unwrap();
}

thread_local! {
    static EXAMPLE: (TimeStampResponse, TimeStampRequest, Authority) = {
        let tsa = authority(Profile::TimeStamping);
        let request = request(Some(&[1; 8]), true);
        (tsa.answer(&request), request, tsa)
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_the_parsers_and_no_changed_stamp_is_believed(data: Vec<u8>, at: usize, with: u8) {
        let _ = (TimeStampRequest::from_der(&data).is_ok(), TimeStampResponse::from_der(&data).is_ok());
        let _ = TimeStampToken::from_der(&data);
        let (response, request, tsa) = EXAMPLE.with(Clone::clone);
        let mut changed = request.der().to_vec();
        let place = at % changed.len();
        changed[place] = with;
        if let Ok(read) = TimeStampRequest::from_der(&changed) {
            prop_assert_eq!(read.der(), changed.as_slice());
        }
        let mut changed = response.der().to_vec();
        let place = at % changed.len();
        changed[place] = with;
        if let Ok(read) = TimeStampResponse::from_der(&changed)
            && let Ok(verified) = read.verify(&request, &tsa.trust())
        {
            prop_assert_eq!(&verified.info, response.token().unwrap().info());
        }
    }

    #[test]
    fn times_read_back(seconds in 0i64..253_402_300_800, nanoseconds in 0u32..1_000_000_000) {
        for nanoseconds in [0, nanoseconds, nanoseconds / 1_000_000 * 1_000_000] {
            let time = PreciseTime { seconds, nanoseconds };
            prop_assert_eq!(PreciseTime::from_any(&time.to_any().unwrap()).unwrap(), time);
        }
    }
}

#[test]
fn a_time_in_another_form_is_refused() {
    let read = |text: &str| {
        PreciseTime::from_any(&der::Any::new(der::Tag::GeneralizedTime, text.as_bytes()).unwrap())
    };
    let half = PreciseTime { seconds: NOW, nanoseconds: 500_000_000 };
    assert_eq!(read("20260101000000.5Z").unwrap(), half);
    for bad in [
        "20260101000000.50Z",
        "20260101000000.Z",
        "20260101000000",
        "20260101000000.5",
        "202601010000Z",
        "20260101000000,5Z",
        "20260101000000.1234567891Z",
        "20260101000000.-5Z",
        "20260101000000+0000",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
