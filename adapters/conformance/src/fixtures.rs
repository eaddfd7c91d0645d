//! Requests to a CA, valid ones and such with one fault.

use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{
    Der, Empty, Holder, IssueRequest, RenewRequest, RevocationReason, RevokeRequest, SealIssueRequest,
    SealPicture, Serial, SuspendRequest, Validity,
};
use yinqiao_ca_sdk::{Operation, Request};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateRequest, DistinguishedName};

/// A PNG of one pixel.
const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1F, 0x15, 0xC4, 0x89, 0x00,
    0x00, 0x00, 0x0A, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63, 0x00, 0x01, 0x00, 0x00, 0x05, 0x00, 0x01,
    0x0D, 0x0A, 0x2D, 0xB4, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
];

/// A PKCS#10 request for an ECDSA key on P-256, with a signature that is right; base64 of DER.
pub(crate) const P256_REQUEST: &str = "\
    MIHQMHgCAQAwFjEUMBIGA1UEAwwLY29uZm9ybWFuY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARHy9QSoOIUxH4N9oab6zmZ\
    P9gpRikIqfoZGAxaEOT829WYqeiGVlggiAAW9zn+Tno8zd5qGhAHnXBdpPuuErftoAAwCgYIKoZIzj0EAwIDSAAwRQIhAICX1SNM\
    dBYzS48LcewzCiadoXREGIC0vSP5ar8bMOvgAiALvbdxqIsV2jci2FSDRVLCwHmGMiqP+lh5Gk+TCkcr4g==";

/// What valid requests of one run are about.
pub(crate) struct Subject {
    pub(crate) csr: Der,
    pub(crate) holder: Holder,
    pub(crate) product: Option<String>,
    pub(crate) serial: Serial,
    pub(crate) signer: Der,
    pub(crate) now_ms: u64,
}

/// A valid request document of each operation, as far as JSON goes: certificates and DER of other requests may be
/// unknown to the CA.
pub(crate) fn sample(operation: Operation, subject: &Subject) -> Value {
    let Subject { csr, holder, product, serial, signer, now_ms } = subject;
    let renewal = json!({"serial": serial, "csr": csr, "validity": {"days": 30}});
    let suspension = json!({"serial": serial, "pair": true});
    match operation {
        Operation::Issue => {
            let mut document = json!({"csr": csr, "holder": holder, "validity": {"days": 30}});
            if let Some(product) = product {
                document["product"] = json!(product);
            }
            document
        }
        Operation::Renew | Operation::Rekey => renewal,
        Operation::Revoke => json!({"serial": serial, "reason": "superseded", "pair": true}),
        Operation::Hold | Operation::Unhold => suspension,
        Operation::Status => json!({"serial": serial}),
        Operation::Crl | Operation::CaCertificates => json!({}),
        Operation::Ocsp | Operation::Timestamp => json!({"request": "MAA="}),
        Operation::RecoverKey => json!({"serial": serial, "csr": csr}),
        Operation::SealIssue => seal(signer, *now_ms)
            .to_json()
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default(),
        Operation::SealStatus => json!({"seal_id": "conformance"}),
        Operation::SealRevoke => json!({"seal_id": "conformance", "reason": "conformance"}),
    }
}

/// A request for a key, signed with it.
pub(crate) fn request_for(key: &PrivateKey) -> Result<Der, yinqiao_gm::Error> {
    let subject = DistinguishedName::builder().common_name("conformance").build()?;
    Ok(CertificateRequest::build(&subject, key)?.der().to_vec().into())
}

pub(crate) fn issue(
    csr: Der,
    holder: Holder,
    product: Option<String>,
    validity: Option<Validity>,
) -> Request {
    Request::Issue(IssueRequest { csr, holder, validity, product })
}

pub(crate) fn revoke(serial: &Serial, reason: RevocationReason, pair: bool) -> Request {
    Request::Revoke(RevokeRequest { serial: serial.clone(), reason, pair })
}

pub(crate) fn hold(serial: &Serial) -> Request {
    Request::Hold(SuspendRequest { serial: serial.clone(), pair: true })
}

pub(crate) fn unhold(serial: &Serial) -> Request {
    Request::Unhold(SuspendRequest { serial: serial.clone(), pair: true })
}

pub(crate) fn renew(serial: &Serial, csr: Der) -> Request {
    Request::Renew(RenewRequest { serial: serial.clone(), csr, validity: None })
}

pub(crate) fn rekey(serial: &Serial, csr: Der) -> Request {
    Request::Rekey(RenewRequest { serial: serial.clone(), csr, validity: None })
}

pub(crate) fn seal(signer: &Der, now_ms: u64) -> Request {
    Request::SealIssue(SealIssueRequest {
        kind: 1,
        name: "符合性测试章".to_owned(),
        picture: SealPicture {
            format: "PNG".to_owned(),
            data: PICTURE.to_vec().into(),
            width_mm: 40,
            height_mm: 40,
        },
        signers: vec![signer.clone()],
        valid_from_ms: None,
        valid_until_ms: now_ms + 30 * 86_400_000,
    })
}

pub(crate) fn crl() -> Request {
    Request::Crl(Empty {})
}

pub(crate) fn ca_certificates() -> Request {
    Request::CaCertificates(Empty {})
}
