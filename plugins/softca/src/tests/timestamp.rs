//! The timestamp authority, judged by `yinqiao_gm::tsp` as the client.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;
use yinqiao_ca_sdk::messages::DerRequest;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::tsp::{
    FailureInfo, MessageImprint, PreciseTime, TimeStampRequest, TimeStampResponse, Trust, generate_nonce,
};

use super::*;

fn ask(ca: &LocalInstance<'_>, request: Vec<u8>) -> TimeStampResponse {
    let request = Request::Timestamp(DerRequest { request: request.into() });
    let Reply::Response(reply) = ca.submit("", &request).unwrap() else { panic!() };
    TimeStampResponse::from_der(reply.response.as_bytes()).unwrap()
}

fn refusal(ca: &LocalInstance<'_>, request: Vec<u8>) -> Vec<FailureInfo> {
    ask(ca, request).status().failures.clone()
}

fn root(ca: &LocalInstance<'_>) -> Certificate {
    let Reply::CaCertificates(all) = ca.submit("", &Request::CaCertificates(Empty {})).unwrap() else {
        panic!()
    };
    certificate(all.certificates.last().unwrap())
}

#[test]
fn a_stamp_leads_to_the_root_and_carries_time_policy_and_a_number_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let policy = ObjectIdentifier::new_unwrap("1.2.156.10197.9.7");
    let members = json!({"timestamp_policy": policy.to_string()});
    let ca = host.open(&configured(folder.path(), members)).unwrap();
    let root = [root(&ca).as_any().clone()];
    let trust = Trust { anchors: &root, others: &[] };
    let (mut numbers, mut last) = (HashSet::new(), PreciseTime::from_seconds(0));
    for (hash, wanted) in [HashAlgorithm::Sm3, HashAlgorithm::Sha256].into_iter().zip([Some(policy), None]) {
        for _ in 0..3 {
            let imprint = MessageImprint::new(hash, &hash.digest(b"a bid")).unwrap();
            let nonce = generate_nonce().unwrap();
            let request = TimeStampRequest::build(&imprint, wanted, Some(&nonce), true).unwrap();
            let verified = ask(&ca, request.der().to_vec()).verify(&request, &trust).unwrap();
            assert_eq!(verified.info.policy, policy);
            assert!((verified.info.time.seconds - now()).abs() <= 2 && verified.info.time >= last);
            last = verified.info.time;
            assert!(numbers.insert(verified.info.serial));
        }
    }
}

#[test]
fn what_cannot_be_stamped_is_refused_with_the_reason_that_the_rfc_has_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    assert_eq!(refusal(&ca, vec![0x30, 0]), [FailureInfo::BadDataFormat]);
    let imprint = MessageImprint::sm3(b"a bid");
    let foreign = ObjectIdentifier::new_unwrap("1.2.3.4");
    let request = TimeStampRequest::build(&imprint, Some(foreign), None, false).unwrap();
    assert_eq!(refusal(&ca, request.der().to_vec()), [FailureInfo::UnacceptedPolicy]);
}
