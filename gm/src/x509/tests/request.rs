use proptest::prelude::*;

use super::{super::*, name, replaced};
use crate::{Error, sm2::PrivateKey};

#[test]
fn a_request_proves_possession_of_its_key() {
    let key = PrivateKey::generate().unwrap();
    let request = CertificateRequest::build(&name("张三"), &key).unwrap();
    request.verify().unwrap();
    assert_eq!((request.public_key(), request.subject()), (key.public_key(), &name("张三")));
    assert_eq!(CertificateRequest::from_pem(&request.to_pem().unwrap()).unwrap(), request);
    // Another key in it: reads, and proves nothing.
    let other = PrivateKey::generate().unwrap();
    let stolen = replaced(request.der(), &key.public_key().to_sec1(), &other.public_key().to_sec1());
    assert!(matches!(CertificateRequest::from_der(&stolen).unwrap().verify(), Err(Error::Signature)));
}

#[test]
fn a_request_with_a_byte_after_it_or_without_attributes_is_refused() {
    let key = PrivateKey::generate().unwrap();
    let request = CertificateRequest::build(&name("x"), &key).unwrap();
    assert!(CertificateRequest::from_der(&[request.der(), &[0]].concat()).is_err());
    let mut info = request.to_be_signed().to_vec();
    assert_eq!(info.split_off(info.len() - 2), [0xa0, 0]);
    let last_length_byte = if info[1] == 0x81 { 2 } else { 1 };
    info[last_length_byte] -= 2;
    assert!(CertificateRequest::from_der(&signed::sign("request", &info, &key).unwrap()).is_err());
    let certificate = super::root().certificate;
    assert!(CertificateRequest::from_der(certificate.der()).is_err());
    assert!(CertificateRequest::from_pem(&certificate.to_pem().unwrap()).is_err());
}

thread_local! {
    static EXAMPLE: CertificateRequest =
        CertificateRequest::build(&name("x"), &PrivateKey::generate().unwrap()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_the_parser_and_no_changed_request_verifies(data: Vec<u8>, at: usize, with: u8) {
        let _ = CertificateRequest::from_der(&data);
        let good = EXAMPLE.with(Clone::clone);
        let mut changed = good.der().to_vec();
        let at = at % changed.len();
        changed[at] = with;
        if changed != good.der() && let Ok(request) = CertificateRequest::from_der(&changed) {
            prop_assert!(request.verify().is_err());
            prop_assert_eq!(request.der(), changed.as_slice());
        }
    }
}
