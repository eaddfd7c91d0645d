use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_lifecycle::certificate::Facts;
use yinqiao_protocol::{Timestamp, UserId};

use super::*;
use crate::lifecycle::certificate::fixture::{Desk, pair as record_of_pair};

use LeftBecause::{NotProven, OtherKey, SomebodyElses, Unreadable};

/// A CA's root and a phone's request, with what the CA makes of it.
struct Issue {
    root: Certificate,
    root_key: PrivateKey,
    encryption_key: PrivateKey,
    request: CertificateRequest,
    pair: CertificatePair,
}

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::builder().country("CN").common_name(text).build().unwrap()
}

fn builder(profile: Profile, of: &str, key: &PrivateKey) -> CertificateBuilder {
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name(of), key.public_key().clone(), serial, 0, 4_000_000_000)
}

impl Issue {
    fn new() -> Self {
        let [root_key, key, encryption_key] = [(); 3].map(|()| PrivateKey::generate().unwrap());
        let root = builder(Profile::RootCa, "测试根", &root_key).self_sign(&root_key).unwrap();
        let request = CertificateRequest::build(&name("王小明"), &key).unwrap();
        let signing = builder(Profile::Signing, "王小明", &key).sign(&root, &root_key).unwrap();
        let encryption =
            builder(Profile::Encryption, "王小明", &encryption_key).sign(&root, &root_key).unwrap();
        let envelope = EnvelopedKey::wrap(&encryption_key, key.public_key()).unwrap();
        let pair = CertificatePair {
            signing_certificate: Der(signing.der().to_vec()),
            encryption_certificate: Some(Der(encryption.der().to_vec())),
            enveloped_key: Some(Der(envelope.to_der().unwrap())),
            chain: Vec::new(),
        };
        Self { root, root_key, encryption_key, request, pair }
    }

    /// Another certificate of the same CA, for this key.
    fn other(&self, profile: Profile, key: &PrivateKey) -> Der {
        Der(builder(profile, "李雷", key).sign(&self.root, &self.root_key).unwrap().der().to_vec())
    }

    fn sorted(&self) -> RefusedPairRecord {
        let key = IdempotencyKey::try_from("issue-1".to_owned()).unwrap();
        sorting::sorted("ca", &key, &self.request, &self.pair, "unfit", Timestamp::from_millis(1))
    }

    /// How many certificates are to be revoked, and why the others are not.
    fn parts(&self) -> (usize, Vec<LeftBecause>) {
        let record = self.sorted();
        assert_eq!(record.certificates.len() + record.left.len(), 2, "nothing is dropped");
        (record.certificates.len(), record.left.iter().map(|left| left.because).collect())
    }
}

/// The same certificate with ECDSA's name in the place of SM2's, wherever it stands: the object identifiers are equally long.
fn as_signed_with_ecdsa(der: &Der) -> Der {
    const SM2_WITH_SM3: [u8; 8] = [0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];
    const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let mut bytes = der.0.clone();
    let places: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&SM2_WITH_SM3)).collect();
    for at in places {
        bytes[at..at + 8].copy_from_slice(&ECDSA_WITH_SHA256);
    }
    Der(bytes)
}

#[test]
fn of_a_pair_for_the_requests_key_both_certificates_are_revoked_even_where_they_are_not_signed_with_sm2() {
    let mut issue = Issue::new();
    assert_eq!(issue.parts(), (2, vec![]));
    issue.pair.signing_certificate = as_signed_with_ecdsa(&issue.pair.signing_certificate);
    assert!(Certificate::from_der(issue.pair.signing_certificate.as_bytes()).is_err());
    assert_eq!(issue.parts(), (2, vec![]));
    issue.pair.encryption_certificate = issue.pair.encryption_certificate.as_ref().map(as_signed_with_ecdsa);
    assert_eq!(issue.parts(), (2, vec![]));
}

#[test]
fn what_cannot_be_read_at_all_is_kept_for_people_to_see() {
    let mut issue = Issue::new();
    issue.pair.encryption_certificate = Some(Der(b"no certificate".to_vec()));
    assert_eq!(issue.parts(), (1, vec![Unreadable]));
    issue.pair.signing_certificate = Der(b"nor this".to_vec());
    assert_eq!(issue.parts(), (0, vec![Unreadable, Unreadable]));
}

#[test]
fn a_pair_for_another_key_is_left_to_people_whole() {
    let mut issue = Issue::new();
    issue.pair.signing_certificate = issue.other(Profile::Signing, &PrivateKey::generate().unwrap());
    assert_eq!(issue.parts(), (0, vec![OtherKey, NotProven]));
}

#[test]
fn an_encryption_certificate_without_its_key_in_the_envelope_is_left_to_people() {
    let mut issue = Issue::new();
    let own = issue.pair.encryption_certificate.clone();
    issue.pair.encryption_certificate =
        Some(issue.other(Profile::Encryption, &PrivateKey::generate().unwrap()));
    assert_eq!(issue.parts(), (1, vec![NotProven]));
    issue.pair.encryption_certificate = Some(issue.other(Profile::Encryption, &issue.encryption_key));
    assert_eq!(
        issue.parts(),
        (1, vec![NotProven]),
        "it is this envelope's, and may be another holder's with it"
    );
    issue.pair.encryption_certificate = own;
    issue.pair.enveloped_key = None;
    assert_eq!(issue.parts(), (1, vec![NotProven]));
}

/// A refused pair and a holder's certificates, among which the refused one's encryption certificate is.
async fn with_a_holders(
    desk: &Desk,
    change: impl FnOnce(&mut CertificateRecord, &Issue),
) -> RefusedPairRecord {
    let issue = Issue::new();
    let (mut known, _) = record_of_pair(Some(UserId::random()), desk.now(), 365);
    change(&mut known, &issue);
    let stored: Result<(), ApiError> =
        desk.repository.transact(async |transaction| Ok(transaction.put(None, &known)?)).await;
    stored.unwrap();
    let mut record = issue.sorted();
    leave_somebodys(&desk.repository, &mut record).await.unwrap();
    record
}

fn encryption_serial(issue: &Issue) -> String {
    let der = issue.pair.encryption_certificate.as_ref().unwrap();
    AnyCertificate::from_der(der.as_bytes()).unwrap().serial().to_string()
}

#[actix_rt::test]
async fn a_holders_certificate_is_never_revoked_whichever_adapter_it_came_by() {
    let desk = Desk::new();
    let record = with_a_holders(&desk, |known, issue| {
        known.certificate_authority = "the same CA by another adapter".to_owned();
        known.encryption_certificate =
            issue.pair.encryption_certificate.as_ref().map(|der| Base64(der.0.clone()));
        known.facts = Facts { encryption_serial: encryption_serial(issue), ..known.facts.clone() };
    })
    .await;
    let left: Vec<_> = record.left.iter().map(|left| left.because).collect();
    assert_eq!((record.certificates.len(), left), (1, vec![SomebodyElses]));
    assert!(!record.is_over());
}

#[actix_rt::test]
async fn a_serial_number_of_another_issuer_by_another_adapter_saves_no_certificate() {
    let other_adapter = |name: &'static str| {
        move |known: &mut CertificateRecord, issue: &Issue| {
            known.certificate_authority = name.to_owned();
            known.facts = Facts { encryption_serial: encryption_serial(issue), ..known.facts.clone() };
        }
    };
    let record = with_a_holders(&Desk::new(), other_adapter("another CA")).await;
    assert_eq!((record.certificates.len(), record.left.len()), (2, 0));
    // The adapter is told the serial number alone.
    let record = with_a_holders(&Desk::new(), other_adapter("ca")).await;
    assert_eq!((record.certificates.len(), record.left.len()), (1, 1));
}
