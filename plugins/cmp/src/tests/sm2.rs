//! A CA with SM2 throughout: an RA's SM2 key protects the requests, the server's SM2 key the answers. (OpenSSL 3.0 cannot
//! protect CMP messages with SM2; what it can is to grant an SM2 certificate under a MAC.)

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use der::{Decode, Encode};
use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{Empty, Validity};
use yinqiao_ca_sdk::{ErrorClass, Reply, Request};
use yinqiao_gm::x509::{
    AnyCertificate, Certificate, CertificateBuilder, CertificateRequest, CertificateRevocationList,
    DistinguishedName, Profile, SerialNumber,
};
use yinqiao_gm::{oid as gm_oid, sm2, sm3};

use super::fixture::Pki;
use super::mock_server::MockServer;
use super::server::{Reaction, Server, confirmed, granted, told};
use super::{HOLDER, configuration, error, host, issue, mac_host, pair};
use crate::RA_KEY;
use crate::asn1::{CertReqMsg, CertStatus, explicit, oid, sequence, tag};
use crate::protection::{Protector, SigningKey};

struct Sm2Pki {
    root_key: sm2::PrivateKey,
    root: Certificate,
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::builder().common_name(text).build().unwrap()
}

fn builder(profile: Profile, subject: &str, key: &sm2::PublicKey) -> CertificateBuilder {
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name(subject), key.clone(), serial, now() - 60, now() + 86_400)
}

impl Sm2Pki {
    fn new() -> Self {
        let root_key = sm2::PrivateKey::generate().unwrap();
        let root = builder(Profile::RootCa, "SM2 CA", root_key.public_key()).self_sign(&root_key).unwrap();
        Self { root_key, root }
    }

    fn certificate(&self, subject: &str, key: &sm2::PublicKey) -> Certificate {
        builder(Profile::Signing, subject, key).sign(&self.root, &self.root_key).unwrap()
    }

    /// A configuration whose RA is `ra`, and whose server is known by its name.
    fn configuration(&self, directory: &std::path::Path, url: &str, ra: &Certificate) -> Value {
        let root = self.root.to_pem().unwrap();
        let mut document = configuration(directory, url, &root, "cr");
        document["protection"] = json!({"kind": "signature", "certificates": ra.to_pem().unwrap()});
        document["trusted_certificates"] = root.into();
        document["server_name"] = "CN=SM2 Server".into();
        document
    }

    /// The server's protector.
    fn server(&self) -> Protector {
        let key = sm2::PrivateKey::generate().unwrap();
        let certificate = self.certificate("SM2 Server", key.public_key()).as_any().clone();
        Protector::Signature { key: SigningKey::Sm2(key), certificate, chain: Vec::new() }
    }
}

fn csr(key: &sm2::PrivateKey) -> Vec<u8> {
    CertificateRequest::build(&name("whatever"), key).unwrap().der().to_vec()
}

#[test]
fn messages_protected_with_sm2_bring_a_certificate_that_is_confirmed_by_its_sm3() {
    let ca = Sm2Pki::new();
    let (ra_key, key) = (sm2::PrivateKey::generate().unwrap(), sm2::PrivateKey::generate().unwrap());
    let ra = ca.certificate("SM2 RA", ra_key.public_key());
    let certificate = ca.certificate(HOLDER, key.public_key());
    let (der, ra_der) = (certificate.der().to_vec(), ra.der().to_vec());
    let server = Server::start(ca.server(), move |_, request| {
        let ra = AnyCertificate::from_der(&ra_der).unwrap();
        let signature = request.protection.as_ref().unwrap();
        let algorithm = yinqiao_gm::x509::SignatureAlgorithm::Sm2WithSm3;
        ra.any_public_key().verify(algorithm, request.protected_part(), signature).unwrap();
        assert_eq!(request.extra_certificates[0], ra_der);
        if request.body.number == tag::CR {
            return Reaction::Answer(granted(tag::CP, 0, &der));
        }
        let [status]: [CertStatus; 1] = request.body.read::<Vec<CertStatus>>().unwrap().try_into().unwrap();
        assert_eq!(status.cert_hash.as_bytes(), sm3::digest(&der).as_bytes());
        assert!(status.status_info.is_none());
        Reaction::Answer(confirmed())
    });
    let host = host(&[(RA_KEY, ra_key.to_pkcs8_pem().unwrap().as_bytes())]);
    let folder = tempfile::tempdir().unwrap();
    let opened = host.open(&ca.configuration(folder.path(), &server.url, &ra)).unwrap();
    let pair = pair(opened.submit("order-1", &issue(&csr(&key))).unwrap());
    assert_eq!(pair.signing_certificate.as_bytes(), certificate.der());
    assert_eq!(server.seen(), [tag::CR, tag::CERT_CONF]);
}

#[test]
fn a_certificate_request_carries_the_holder_the_validity_and_the_profile() {
    let ca = Sm2Pki::new();
    let key = sm2::PrivateKey::generate().unwrap();
    let spki = key.public_key().to_spki_der().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = Server::with_mac(move |_, request| {
        let information = request.header.general_info.clone().unwrap_or_default();
        log.lock().unwrap().push((request.body.content.clone(), information));
        Reaction::Close
    });
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "ir");
    document["profiles"] = json!({"device": {
        "request": "ir", "certificate_profile": "sm2-sign", "identity_code_extension": true,
        "subject": [
            {"attribute": "C", "text": "CN"},
            {"attribute": "O", "from": "organization"},
            {"attribute": "CN", "from": "name"},
            {"attribute": "serialNumber", "from": "identity_code"},
        ],
    }});
    let ca = host.open(&document).unwrap();
    let Request::Issue(mut request) = issue(&csr(&key)) else { panic!() };
    request.validity = Some(Validity { not_before_ms: None, days: Some(30) });
    request.holder.identity_code = Some("11010119900307447X".to_owned());
    request.product = Some("unheard of".to_owned());
    assert_eq!(error(ca.submit("order-0", &Request::Issue(request.clone()))).class, ErrorClass::Permanent);
    request.product = Some("device".to_owned());
    assert_eq!(error(ca.submit("order-1", &Request::Issue(request))).class, ErrorClass::UnknownOutcome);

    let seen = seen.lock().unwrap();
    let [message]: [CertReqMsg; 1] = Vec::from_der(&seen[0].0).unwrap().try_into().unwrap();
    let template = message.cert_req.cert_template;
    let subject = DistinguishedName::from_der(&template.subject.unwrap().to_der().unwrap()).unwrap();
    assert_eq!(
        subject.to_string(),
        format!("serialNumber=11010119900307447X,CN={HOLDER},C=CN"),
        "no organization"
    );
    assert_eq!(template.public_key.unwrap().to_der().unwrap(), spki);
    let validity = template.validity.unwrap();
    assert!(validity.not_before.is_none());
    let until = validity.not_after.unwrap().to_unix_duration().as_secs() as i64;
    assert!((until - now() - 30 * 86_400).abs() < 60);
    assert_eq!(template.extensions.unwrap()[0].extn_id, gm_oid::IDENTITY_CODE);
    let profile = seen[0].1.iter().find(|one| one.info_type == oid::IT_CERT_PROFILE).unwrap();
    let names: Vec<String> = profile.info_value.as_ref().unwrap().decode_as().unwrap();
    assert_eq!(names, ["sm2-sign"]);
}

#[test]
fn openssls_mock_server_grants_an_sm2_certificate_under_every_mac_it_knows() {
    let (files, ca) = (Pki::new(), Sm2Pki::new());
    let key = sm2::PrivateKey::generate().unwrap();
    let certificate = ca.certificate(HOLDER, key.public_key());
    fs::write(files.path("sm2.pem"), certificate.to_pem().unwrap()).unwrap();
    let arguments = ["-rsp_cert", "sm2.pem", "-accept_raverified"];
    let server = MockServer::with_mac(&files, &arguments);
    for hash in ["sha256", "sha384", "sha512"] {
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "cr");
        document["protection"]["hash"] = hash.into();
        let opened = host.open(&document).unwrap();
        let pair = pair(opened.submit("order-1", &issue(&csr(&key))).unwrap());
        assert_eq!(pair.signing_certificate.as_bytes(), certificate.der(), "{hash}");
    }
}

#[test]
fn pbmac1_and_sm3_protect_both_ways() {
    let ca = Sm2Pki::new();
    let key = sm2::PrivateKey::generate().unwrap();
    let der = ca.certificate(HOLDER, key.public_key()).der().to_vec();
    let server = Server::with_mac(move |_, request| match request.body.number {
        tag::CR => Reaction::Answer(granted(tag::CP, 0, &der)),
        _ => Reaction::Answer(confirmed()),
    });
    for (algorithm, hash) in [("pbmac1", "sha256"), ("pbmac1", "sm3"), ("password_based_mac", "sm3")] {
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "cr");
        document["protection"]["algorithm"] = algorithm.into();
        document["protection"]["hash"] = hash.into();
        pair(host.open(&document).unwrap().submit("order-1", &issue(&csr(&key))).unwrap());
    }
}

#[test]
fn revocation_lists_are_told_when_one_of_the_cas_made_them() {
    let (ca, stranger) = (Sm2Pki::new(), Sm2Pki::new());
    let list = |pki: &Sm2Pki| {
        let list = CertificateRevocationList::build(&pki.root, &pki.root_key, now(), now() + 3600, 258, &[])
            .unwrap();
        list.der().to_vec()
    };
    for (source, kind, several) in
        [("status_list", oid::IT_CRLS, true), ("current", oid::IT_CURRENT_CRL, false)]
    {
        for (made, good) in [(list(&ca), true), (list(&stranger), false)] {
            let value = if several { sequence(&[&made]).unwrap() } else { made.clone() };
            let server = Server::with_mac(move |_, _| Reaction::Answer(told(kind, Some(&value))));
            let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
            let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "cr");
            document["crl"] = source.into();
            let opened = host.open(&document).unwrap();
            match opened.submit("", &Request::Crl(Empty {})) {
                Ok(Reply::Crl(reply)) => {
                    assert!(good);
                    assert_eq!((reply.crl.as_bytes(), reply.number.as_str()), (made.as_slice(), "0102"));
                    assert_eq!(reply.next_update_ms - reply.this_update_ms, 3_600_000);
                }
                other => assert!(!good && error(other).class == ErrorClass::Unhealthy),
            }
        }
    }
}

#[test]
fn the_next_root_is_taken_when_the_present_one_vouches_for_it() {
    let (ca, next) = (Sm2Pki::new(), Sm2Pki::new());
    let cross = |key: &sm2::PublicKey| {
        builder(Profile::RootCa, "SM2 CA", key).sign(&ca.root, &ca.root_key).unwrap().der().to_vec()
    };
    let stranger = sm2::PrivateKey::generate().unwrap();
    let links = [
        (Some(cross(next.root_key.public_key())), true),
        (Some(cross(stranger.public_key())), false),
        (None, false),
    ];
    for (link, good) in links {
        let link = link.map(|der| explicit(0, &der).unwrap()).unwrap_or_default();
        let value = sequence(&[next.root.der(), &link]).unwrap();
        let server =
            Server::with_mac(move |_, _| Reaction::Answer(told(oid::IT_ROOT_CA_KEY_UPDATE, Some(&value))));
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "cr");
        document["ask_root_update"] = true.into();
        let opened = host.open(&document).unwrap();
        match opened.submit("", &Request::CaCertificates(Empty {})) {
            Ok(Reply::CaCertificates(reply)) => {
                assert!(good);
                assert_eq!(reply.certificates.len(), 3);
                assert_eq!(reply.certificates[2].as_bytes(), next.root.der());
            }
            other => assert!(!good && error(other).class == ErrorClass::Unhealthy),
        }
    }
}

#[test]
fn ca_certificates_that_no_configured_root_vouches_for_are_left_out() {
    let (ca, stranger) = (Sm2Pki::new(), Sm2Pki::new());
    let key = sm2::PrivateKey::generate().unwrap();
    let below = |pki: &Sm2Pki| {
        let profile = Profile::IssuingCa { path_len: Some(0) };
        builder(profile, "Issuing", key.public_key()).sign(&pki.root, &pki.root_key).unwrap().der().to_vec()
    };
    let good = below(&ca);
    let value = sequence(&[&below(&stranger), stranger.root.der(), &good]).unwrap();
    let server = Server::with_mac(move |_, _| Reaction::Answer(told(oid::IT_CA_CERTS, Some(&value))));
    let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
    let mut document = configuration(folder.path(), &server.url, &ca.root.to_pem().unwrap(), "cr");
    document["ask_ca_certificates"] = true.into();
    let opened = host.open(&document).unwrap();
    let Reply::CaCertificates(reply) = opened.submit("", &Request::CaCertificates(Empty {})).unwrap() else {
        panic!()
    };
    let told: Vec<&[u8]> = reply.certificates.iter().map(|der| der.as_bytes()).collect();
    assert_eq!(told, [good.as_slice(), ca.root.der()]);
}
