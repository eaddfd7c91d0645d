//! Certificates, requests for them, and names.

use yinqiao_gm::x509::chain::{Usage, find_path};
use yinqiao_gm::x509::{AnyCertificate, Certificate, CertificateRequest, DistinguishedName, Profile};

use crate::pki::{NOW, PKI, builder, key};

/// Reads the bytes as each of them, and all that is inside.
pub fn read(bytes: &[u8]) -> bool {
    let certificate = AnyCertificate::from_der(bytes);
    if let Ok(certificate) = &certificate {
        assert_eq!(certificate.der(), bytes);
        look_at(certificate);
    }
    if let Ok(sm2) = Certificate::from_der(bytes) {
        assert!(certificate.is_ok_and(|any| any == *sm2.as_any()), "one reader refuses what the other takes");
        return true;
    }
    if let Ok(request) = CertificateRequest::from_der(bytes) {
        assert_eq!(request.der(), bytes);
        let _ = request.verify();
        return true;
    }
    if let Ok(name) = DistinguishedName::from_der(bytes) {
        assert_eq!(name.as_der(), bytes);
        let _ = (name.to_string(), name.common_name());
        return true;
    }
    let pem = std::str::from_utf8(bytes).is_ok_and(|text| AnyCertificate::chain_from_pem(text).is_ok());
    pem || AnyCertificate::from_der(bytes).is_ok()
}

fn look_at(certificate: &AnyCertificate) {
    let _ = (certificate.common_name(), certificate.organization(), certificate.subject().to_string());
    let _ = (certificate.identity_code(), certificate.authority_info_access());
    let _ = (certificate.crl_distribution_points(), certificate.freshest_crl());
    let _ = (certificate.is_self_issued(), certificate.fingerprint());
    let pem = certificate.to_pem().unwrap();
    assert_eq!(AnyCertificate::from_pem(&pem).unwrap(), *certificate);
    // Also as a part of a path, above and below.
    let root = PKI.root.certificate.as_any();
    let _ = find_path(certificate, &[], std::slice::from_ref(root), NOW, Usage::Signing);
    let leaf = PKI.signer.certificate.as_any();
    let _ =
        find_path(leaf, std::slice::from_ref(certificate), std::slice::from_ref(root), NOW, Usage::Signing);
}

/// Certificates of each profile, a request, a name, and PEM.
pub fn seeds() -> Vec<Vec<u8>> {
    let members = [&PKI.root, &PKI.signer, &PKI.recipient, &PKI.responder, &PKI.stamper];
    let mut seeds: Vec<_> = members.iter().map(|member| member.certificate.der().to_vec()).collect();
    let request_key = key(6);
    let cross = builder(Profile::IssuingCa { path_len: Some(0) }, "另一", &request_key);
    seeds.push(cross.sign(&PKI.root.certificate, &PKI.root.key).unwrap().der().to_vec());
    let name = PKI.signer.certificate.subject();
    seeds.push(CertificateRequest::build(name, &request_key).unwrap().der().to_vec());
    seeds.push(name.as_der().to_vec());
    seeds.push(PKI.signer.certificate.to_pem().unwrap().into_bytes());
    seeds.extend(OTHER_ALGORITHMS.map(|der| hex::decode(der.replace(char::is_whitespace, "")).unwrap()));
    seeds
}

/// Certificates that OpenSSL signed for themselves, with RSA (PKCS #1 v1.5 and PSS) and ECDSA.
const OTHER_ALGORITHMS: [&str; 3] =
    [include_str!("rsa.hex"), include_str!("rsa-pss.hex"), include_str!("ecdsa.hex")];
