//! `openssl ts` asks, answers and verifies, and this crate asks, answers and verifies with it.
//!
//! OpenSSL 3.0 verifies an SM2 signature in a token without the signer's ID at all, over the bare SM3 of what is signed.
//! So that it judges the rest all the same, our tokens are signed that way for it, and it is told whom to trust. Bouncy
//! Castle judges those that are signed by the standard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod bench;

use const_oid::ObjectIdentifier;
use yinqiao_gm::{
    hash::HashAlgorithm,
    sm2::PrivateKey,
    sm3,
    tsp::{
        Accuracy, Error, FailureInfo, MessageImprint, PreciseTime, TimeStampRequest, TimeStampResponse,
        TimeStampToken, TokenBuilder, Trust,
    },
    x509::{AnyCertificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber},
};

use bench::{Bench, now};

const DAY: i64 = 86_400;
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.9.9.1");

fn certificate(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, now() - DAY, now() + DAY)
}

#[test]
fn openssl_reads_our_request_and_we_read_its() {
    let Some(bench) = Bench::new("requests") else { return };
    bench.write("bid", "a bid");
    let imprint = MessageImprint::sm3(b"a bid");
    let ours = TimeStampRequest::build(&imprint, Some(POLICY), Some(&[0x12, 0x34]), true).unwrap();
    bench.write("ours", ours.der());
    let shown = bench.succeed("ts -query -in ours -text");
    for expected in [
        "Hash Algorithm: sm3",
        "Nonce: 0x1234",
        "Certificate required: yes",
        &format!("Policy OID: {POLICY}"),
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    for (option, hash) in [("-sm3", HashAlgorithm::Sm3), ("-sha256", HashAlgorithm::Sha256)] {
        bench.succeed(&format!("ts -query -data bid {option} -cert -out theirs"));
        let theirs = TimeStampRequest::from_der(&bench.read("theirs")).unwrap();
        assert_eq!(*theirs.imprint(), MessageImprint::new(hash, &hash.digest(b"a bid")).unwrap());
        assert!(theirs.nonce().is_some() && theirs.certificate_requested());
    }
    bench.succeed("ts -query -data bid -sha1 -no_nonce -out theirs");
    let error = TimeStampRequest::from_der(&bench.read("theirs")).unwrap_err();
    assert_eq!(error.failure(), FailureInfo::BadAlgorithm);
}

#[test]
fn openssl_verifies_our_token_and_refuses_one_of_another_document() {
    let Some(bench) = Bench::new("our tokens") else { return };
    let [ca_key, key] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let ca = certificate(Profile::RootCa, "ca", &ca_key).self_sign(&ca_key).unwrap();
    let tsa = certificate(Profile::TimeStamping, "tsa", &key).sign(&ca, &ca_key).unwrap();
    bench.write("tsa.pem", tsa.to_pem().unwrap());
    bench.write("bid", "a bid");
    bench.write("other", "another bid");
    for option in ["-sm3", "-sha256"] {
        bench.succeed(&format!("ts -query -data bid {option} -cert -out request"));
        let request = TimeStampRequest::from_der(&bench.read("request")).unwrap();
        let time = PreciseTime { seconds: now(), nanoseconds: 250_000_000 };
        let prepared = TokenBuilder::new(&request, POLICY, SerialNumber::from(0xabc), time)
            .unwrap()
            .accuracy(Accuracy { seconds: 1, millis: 500, micros: 0 })
            .name_authority()
            .prepare(&tsa)
            .unwrap();
        let without_id = key.sign_digest(&sm3::digest(prepared.to_be_signed())).unwrap();
        let token = prepared.complete(&without_id).unwrap();
        bench.write("response", TimeStampResponse::granted(&token).unwrap().der());
        bench.write("token", token.der());
        let shown = bench.succeed("ts -reply -in response -text");
        for expected in
            ["Status: Granted.", "Serial number: 0x0ABC", ".25 ", "0x01 seconds, 0x01F4 millis", "CN=tsa"]
        {
            assert!(shown.contains(expected), "{expected} in {shown}");
        }
        let trust = "-partial_chain -CAfile tsa.pem";
        bench.succeed(&format!("ts -verify -queryfile request -in response {trust}"));
        bench.succeed(&format!("ts -verify -data bid -in token -token_in {trust}"));
        bench.refuse(&format!("ts -verify -data other -in response {trust}"));
        let by_standard = prepared.complete(&key.sign(prepared.to_be_signed()).unwrap()).unwrap();
        let anchors = [ca.as_any().clone()];
        by_standard.verify(request.imprint(), &Trust { anchors: &anchors, others: &[] }).unwrap();
        token.verify(request.imprint(), &Trust { anchors: &anchors, others: &[] }).unwrap_err();
    }
    let rejection = TimeStampResponse::rejection(FailureInfo::UnacceptedPolicy, "another policy").unwrap();
    bench.write("response", rejection.der());
    let shown = bench.succeed("ts -reply -in response -text");
    assert!(shown.contains("Status: Rejected.") && shown.contains("policy is not supported"), "{shown}");
}

const CONFIG: &str = "\
[req]
distinguished_name=n
prompt=no
[n]
CN=foreign
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[tsa]
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
authorityKeyIdentifier=keyid
[ts]
default_tsa=t
[t]
serial=serial
crypto_device=builtin
default_policy=1.2.3.4
digests=sm3,sha256,sha384,sha512
accuracy=secs:1,millisecs:20
clock_precision_digits=3
tsa_name=yes
ess_cert_id_chain=no
";

/// A CA and the authority below it, with these key options, as OpenSSL makes them.
fn foreign_authority(bench: &Bench, key: &str) -> AnyCertificate {
    bench.write("config", CONFIG);
    bench.write("serial", "0A\n");
    let common = "-config config -days 2 -nodes";
    bench.succeed(&format!("req -x509 {common} {key} -extensions ca -keyout ca.key -out ca.pem"));
    bench.succeed(&format!("req -new {common} {key} -subj /CN=tsa -keyout tsa.key -out tsa.csr"));
    bench.succeed(
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -days 2 -extfile config -extensions tsa -out tsa.pem",
    );
    AnyCertificate::from_pem(&bench.text("ca.pem")).unwrap()
}

#[test]
fn we_verify_openssls_tokens_with_rsa_and_ecdsa_over_sm3_and_sha_2() {
    let Some(bench) = Bench::new("OpenSSL's tokens") else { return };
    for key in ["-newkey rsa:2048", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"] {
        let anchors = [foreign_authority(&bench, key)];
        let trust = Trust { anchors: &anchors, others: &[] };
        for (hash, digest) in [(HashAlgorithm::Sm3, "sha256"), (HashAlgorithm::Sha512, "sha384")] {
            let imprint = MessageImprint::new(hash, &hash.digest(b"a bid")).unwrap();
            let request = TimeStampRequest::build(&imprint, None, Some(&[0x77; 8]), true).unwrap();
            bench.write("request", request.der());
            bench.succeed(&format!(
                "ts -reply -config config -section t -queryfile request -signer tsa.pem -inkey tsa.key -{digest} \
                 -out response"
            ));
            let response = TimeStampResponse::from_der(&bench.read("response")).unwrap();
            let verified = response.verify(&request, &trust).unwrap();
            assert_eq!(verified.info.accuracy, Some(Accuracy { seconds: 1, millis: 20, micros: 0 }));
            assert!((now() - verified.info.time.seconds).abs() < 60);
            assert_eq!(verified.path.certificates().len(), 2);
            let token = response.token().unwrap();
            let read = TimeStampToken::from_der(token.der()).unwrap();
            assert!(matches!(read.verify(&MessageImprint::sm3(b"other"), &trust), Err(Error::OtherImprint)));
        }
        // What openssl says when it is asked for a policy that it doesn't have
        let imprint = MessageImprint::sm3(b"a bid");
        let request = TimeStampRequest::build(&imprint, Some(POLICY), None, true).unwrap();
        bench.write("request", request.der());
        bench.succeed(
            "ts -reply -config config -section t -queryfile request -signer tsa.pem -inkey tsa.key -sha256 -out response",
        );
        let response = TimeStampResponse::from_der(&bench.read("response")).unwrap();
        assert_eq!(response.status().failures, [FailureInfo::UnacceptedPolicy]);
        assert!(matches!(response.verify(&request, &trust), Err(Error::Rejected(_))));
    }
}

#[test]
fn openssl_signs_over_sha_1_and_we_refuse_it() {
    let Some(bench) = Bench::new("tokens over SHA-1") else { return };
    foreign_authority(&bench, "-newkey rsa:2048");
    let request = TimeStampRequest::build(&MessageImprint::sm3(b"a bid"), None, None, true).unwrap();
    bench.write("request", request.der());
    bench.succeed(
        "ts -reply -config config -section t -queryfile request -signer tsa.pem -inkey tsa.key -sha1 -out response",
    );
    let error = TimeStampResponse::from_der(&bench.read("response")).unwrap_err();
    assert!(error.to_string().contains("SHA-1"), "{error}");
}
