//! `openssl ocsp` asks and answers, and this crate asks and answers it.
//!
//! OpenSSL 3.0 verifies SM2 under an empty signer's ID here, since `openssl ocsp` can't be told another. So that it
//! judges the rest all the same, our responses are signed under that ID for it, and it is told whom to trust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod bench;

use yinqiao_gm::{
    hash::HashAlgorithm,
    ocsp::{
        CertId, CertStatus, Error, Expectation, Nonce, OcspRequest, OcspResponse, ResponseBuilder,
        ResponseStatus, SingleResponse,
    },
    sm2::PrivateKey,
    x509::{
        AnyCertificate, Certificate, CertificateBuilder, DistinguishedName, Profile, RevocationReason,
        RevokedEntry, SerialNumber,
    },
};

use bench::{Bench, now};

const DISTID: &str = "distid:1234567812345678";
const DAY: i64 = 86_400;

struct Pki {
    ca: Certificate,
    ca_key: PrivateKey,
    responder: Certificate,
    responder_key: PrivateKey,
    leaf: Certificate,
}

fn certificate(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, now() - DAY, now() + DAY)
}

fn pki(bench: &Bench) -> Pki {
    let [ca_key, responder_key, leaf_key] = [(); 3].map(|()| PrivateKey::generate().unwrap());
    let ca = certificate(Profile::RootCa, "ca", &ca_key).self_sign(&ca_key).unwrap();
    let issue = |profile, name, key| certificate(profile, name, key).sign(&ca, &ca_key).unwrap();
    let responder = issue(Profile::OcspSigner, "responder", &responder_key);
    let leaf = issue(Profile::Signing, "leaf", &leaf_key);
    for (name, certificate) in [("ca", &ca), ("responder", &responder), ("leaf", &leaf)] {
        bench.write(&format!("{name}.pem"), certificate.to_pem().unwrap());
    }
    bench.write("ca.key", &*ca_key.to_pkcs8_pem().unwrap());
    bench.write("responder.key", &*responder_key.to_pkcs8_pem().unwrap());
    Pki { ca, ca_key, responder, responder_key, leaf }
}

fn id(hash: HashAlgorithm, issuer: &AnyCertificate, certificate: &AnyCertificate) -> CertId {
    CertId::new(hash, issuer, certificate.serial()).unwrap()
}

fn answer(pki: &Pki, request: &OcspRequest, status: CertStatus) -> ResponseBuilder {
    let mut builder = ResponseBuilder::new(now()).nonce(request.nonce());
    for cert_id in request.cert_ids() {
        assert!(cert_id.is_of(&pki.ca));
        let (this_update, next_update) = (now(), Some(now() + DAY));
        let cert_id = cert_id.clone();
        builder = builder.response(SingleResponse { cert_id, status, this_update, next_update });
    }
    builder
}

#[test]
fn openssl_reads_our_request_and_we_read_its() {
    let Some(bench) = Bench::new("requests") else { return };
    let pki = pki(&bench);
    let ours = OcspRequest::build(
        &[HashAlgorithm::Sha1, HashAlgorithm::Sm3].map(|hash| id(hash, &pki.ca, &pki.leaf)),
        Some(&[0xab; 32]),
    )
    .unwrap();
    bench.write("ours", ours.der());
    let shown = bench.succeed("ocsp -reqin ours -req_text");
    for expected in ["Hash Algorithm: sha1", "Hash Algorithm: sm3", "OCSP Nonce", "ABABAB"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    for (option, hash) in
        [("-sha1", HashAlgorithm::Sha1), ("-sha256", HashAlgorithm::Sha256), ("-sm3", HashAlgorithm::Sm3)]
    {
        bench.succeed(&format!(
            "ocsp {option} -issuer ca.pem -cert leaf.pem -serial 0x1234 -no_nonce -reqout theirs"
        ));
        let theirs = OcspRequest::from_der(&bench.read("theirs")).unwrap();
        assert_eq!(theirs.cert_ids()[0], id(hash, &pki.ca, &pki.leaf));
        assert_eq!(theirs.cert_ids().len(), 2);
        assert_eq!(theirs.nonce(), None);
    }
    bench.succeed("ocsp -issuer ca.pem -cert leaf.pem -reqout theirs");
    assert!(OcspRequest::from_der(&bench.read("theirs")).unwrap().nonce().is_some());
}

#[test]
fn openssl_believes_our_response_and_says_what_is_in_it() {
    let Some(bench) = Bench::new("our responses") else { return };
    let pki = pki(&bench);
    bench.succeed("ocsp -sm3 -issuer ca.pem -cert leaf.pem -reqout request");
    let request = OcspRequest::from_der(&bench.read("request")).unwrap();
    let check = "ocsp -sm3 -no_nonce -issuer ca.pem -cert leaf.pem -reqin request -respin response -VAfile";
    let revoked = RevokedEntry { revoked_at: now() - 60, reason: RevocationReason::KeyCompromise };
    for (status, said) in [
        (CertStatus::Good, "leaf.pem: good"),
        (CertStatus::Revoked(revoked), "Reason: keyCompromise"),
        (CertStatus::Unknown, "leaf.pem: unknown"),
    ] {
        for (file, certificate, key) in
            [("ca", &pki.ca, &pki.ca_key), ("responder", &pki.responder, &pki.responder_key)]
        {
            for builder in
                [answer(&pki, &request, status), answer(&pki, &request, status).responder_by_name()]
            {
                let prepared = builder.prepare(certificate).unwrap();
                let signature = key.sign_with_id(b"", prepared.to_be_signed()).unwrap();
                bench.write("response", prepared.complete(&signature).unwrap().der());
                let shown = bench.succeed(&format!("{check} {file}.pem"));
                assert!(shown.contains("Response verify OK") && shown.contains(said), "{said}: {shown}");
                assert!(!shown.contains("WARNING"), "the nonce: {shown}");
            }
        }
    }
}

#[test]
fn openssl_reads_the_reason_of_a_refusal() {
    let Some(bench) = Bench::new("refusals") else { return };
    for (status, said) in [
        (ResponseStatus::MalformedRequest, "malformedrequest"),
        (ResponseStatus::TryLater, "trylater"),
        (ResponseStatus::SigRequired, "sigrequired"),
        (ResponseStatus::Unauthorized, "unauthorized"),
    ] {
        bench.write("response", OcspResponse::refusal(status).unwrap().der());
        let output = bench.run("ocsp -respin response");
        let text = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&text).contains(said), "{}", String::from_utf8_lossy(&text));
    }
}

/// Has `openssl ocsp` answer about `leaf`, as the status in its index.
fn respond(bench: &Bench, leaf: &AnyCertificate, request: &OcspRequest, status: &str, options: &str) {
    let serial = leaf.serial().to_string().to_uppercase();
    let line = match status {
        "R" => format!("R\t350101000000Z\t260101000000Z,superseded\t{serial}\tunknown\t/CN=x\n"),
        _ => format!("V\t350101000000Z\t\t{serial}\tunknown\t/CN=x\n"),
    };
    bench.write("index", line);
    bench.write("request", request.der());
    bench.succeed(&format!(
        "ocsp -index index -CA ca.pem -reqin request -respout response -ndays 1 {options}"
    ));
}

fn verified_status(
    bench: &Bench,
    issuer: &AnyCertificate,
    cert_id: &CertId,
    nonce: &[u8],
) -> Result<CertStatus, Error> {
    let response = OcspResponse::from_der(&bench.read("response")).unwrap();
    let expectation = Expectation { nonce: Nonce::Required(nonce), ..Expectation::new(issuer, now()) };
    let verified = response.verify(&expectation)?;
    Ok(verified.status(cert_id)?.status)
}

#[test]
fn we_believe_openssls_responses_with_sm2() {
    let Some(bench) = Bench::new("responses with SM2") else { return };
    let pki = pki(&bench);
    let superseded = RevokedEntry { revoked_at: 1_767_225_600, reason: RevocationReason::Superseded };
    for (signer, more) in [("ca", ""), ("responder", ""), ("responder", "-resp_key_id")] {
        for (status, expected) in [("V", CertStatus::Good), ("R", CertStatus::Revoked(superseded))] {
            let cert_id = id(HashAlgorithm::Sm3, &pki.ca, &pki.leaf);
            let request = OcspRequest::build(std::slice::from_ref(&cert_id), Some(&[7; 16])).unwrap();
            let options =
                format!("-rsigner {signer}.pem -rkey {signer}.key -rmd sm3 -rsigopt {DISTID} {more}");
            respond(&bench, &pki.leaf, &request, status, &options);
            assert_eq!(verified_status(&bench, &pki.ca, &cert_id, &[7; 16]).unwrap(), expected);
            let error = verified_status(&bench, &pki.ca, &cert_id, &[8; 16]).unwrap_err();
            assert!(matches!(error, Error::NonceMismatch), "{error}");
        }
    }
}

#[test]
fn we_believe_openssls_responses_with_rsa_and_ecdsa_but_not_over_sha_1() {
    let Some(bench) = Bench::new("responses with RSA and ECDSA") else { return };
    bench.write(
        "config",
        "[req]\ndistinguished_name=n\nprompt=no\nx509_extensions=e\n[n]\nCN=foreign\n[e]\n\
         basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n\
         subjectKeyIdentifier=hash\n",
    );
    for (key, digests) in [
        ("-newkey rsa:2048", &["sha256", "sha512"][..]),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256", &["sha256", "sha384"]),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384", &["sha384"]),
    ] {
        bench.succeed(&format!("req -x509 -nodes {key} -config config -keyout ca.key -out ca.pem -days 2"));
        let ca = AnyCertificate::from_pem(&bench.text("ca.pem")).unwrap();
        let cert_id = CertId::new(HashAlgorithm::Sha1, &ca, &SerialNumber::from(0x1234)).unwrap();
        let request = OcspRequest::build(std::slice::from_ref(&cert_id), Some(&[7; 16])).unwrap();
        bench.write("index", "V\t350101000000Z\t\t1234\tunknown\t/CN=x\n");
        bench.write("request", request.der());
        let respond = |digest: &str| {
            bench.succeed(&format!(
                "ocsp -index index -CA ca.pem -reqin request -respout response -ndays 1 -rsigner ca.pem \
                 -rkey ca.key -rmd {digest}"
            ));
        };
        for digest in digests {
            respond(digest);
            let status = verified_status(&bench, &ca, &cert_id, &[7; 16]);
            assert_eq!(status.unwrap(), CertStatus::Good, "{key} {digest}");
        }
        respond("sha1");
        let error = OcspResponse::from_der(&bench.read("response")).unwrap_err();
        assert!(error.to_string().contains("SHA-1"), "{error}");
    }
}
