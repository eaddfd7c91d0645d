//! Seals of GM/T 0031-2014 (version 1) and GM/T 0031-2025 (version 5), built here from their ASN.1 and verified.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cms_pki;

use std::time::Duration;

use cms_pki::{Authority, Holder, NOT_AFTER, NOT_BEFORE, NOW};
use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, Ia5String, OctetString, UtcTime};
use der::{Encode, Sequence};
use yinqiao_gm::seal::{
    Check, Error, SealVersion, SesSeal, SesSignature, SignerList, TbsSign, VerifyPolicy, verify_der,
};
use yinqiao_gm::x509::Profile;
use yinqiao_gm::{oid, sm3};

#[derive(Clone, Sequence)]
struct Header {
    id: Ia5String,
    version: u8,
    vendor: Ia5String,
}

#[derive(Clone, Sequence)]
struct Picture {
    kind: Ia5String,
    data: OctetString,
    width: u8,
    height: u8,
}

#[derive(Clone, Sequence)]
struct OldProperty {
    kind: u8,
    name: String,
    list: Vec<OctetString>,
    created: UtcTime,
    start: UtcTime,
    end: UtcTime,
}

#[derive(Clone, Sequence)]
struct OldInfo {
    header: Header,
    id: Ia5String,
    property: OldProperty,
    picture: Picture,
}

#[derive(Clone, Sequence)]
struct OldSignInfo {
    certificate: OctetString,
    algorithm: ObjectIdentifier,
    value: BitString,
}

#[derive(Clone, Sequence)]
struct OldSeal {
    info: OldInfo,
    sign_info: OldSignInfo,
}

#[derive(Clone, Sequence)]
struct OldSealToSign {
    info: OldInfo,
    certificate: OctetString,
    algorithm: ObjectIdentifier,
}

#[derive(Clone, Sequence)]
struct OldToSign {
    version: u8,
    seal: OldSeal,
    time: BitString,
    data_hash: BitString,
    property_info: Ia5String,
    certificate: OctetString,
    algorithm: ObjectIdentifier,
}

#[derive(Clone, Sequence)]
struct OldSignature {
    to_sign: OldToSign,
    value: BitString,
}

#[derive(Clone, Sequence)]
struct NewProperty {
    kind: u8,
    name: String,
    list_type: u8,
    list: Vec<OctetString>,
    created: GeneralizedTime,
    start: GeneralizedTime,
    end: GeneralizedTime,
}

#[derive(Clone, Sequence)]
struct ExtensionData {
    id: ObjectIdentifier,
    critical: bool,
    value: OctetString,
}

#[derive(Clone, Sequence)]
struct NewInfo {
    header: Header,
    id: Ia5String,
    property: NewProperty,
    picture: Picture,
    #[asn1(optional = "true")]
    extensions: Option<Vec<ExtensionData>>,
}

#[derive(Clone, Sequence)]
struct NewSeal {
    info: NewInfo,
    certificate: OctetString,
    algorithm: ObjectIdentifier,
    value: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    time_stamp: Option<BitString>,
}

#[derive(Clone, Sequence)]
struct NewToSign {
    version: u8,
    seal: NewSeal,
    time: GeneralizedTime,
    data_hash: BitString,
    property_info: Ia5String,
}

#[derive(Clone, Sequence)]
struct NewSignature {
    to_sign: NewToSign,
    certificate: OctetString,
    algorithm: ObjectIdentifier,
    value: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    time_stamp: Option<BitString>,
}

struct Office {
    authority: Authority,
    maker: Holder,
    signer: Holder,
}

fn document() -> sm3::Digest {
    sm3::digest(b"document")
}

fn ia5(text: &str) -> Ia5String {
    Ia5String::new(text).unwrap()
}

fn octets(bytes: &[u8]) -> OctetString {
    OctetString::new(bytes).unwrap()
}

fn bits(bytes: &[u8]) -> BitString {
    BitString::from_bytes(bytes).unwrap()
}

fn utc(seconds: i64) -> UtcTime {
    UtcTime::from_unix_duration(Duration::from_secs(seconds.try_into().unwrap())).unwrap()
}

fn generalized(seconds: i64) -> GeneralizedTime {
    GeneralizedTime::from_unix_duration(Duration::from_secs(seconds.try_into().unwrap())).unwrap()
}

fn header(version: u8) -> Header {
    Header { id: ia5("ES"), version, vendor: ia5("vendor") }
}

fn picture() -> Picture {
    Picture { kind: ia5("PNG"), data: octets(b"png"), width: 40, height: 40 }
}

impl Holder {
    fn sign(&self, message: &impl Encode) -> BitString {
        bits(&self.key.sign(&message.to_der().unwrap()).unwrap().to_der().unwrap())
    }

    fn certificate(&self) -> OctetString {
        octets(self.certificate.der())
    }
}

impl Office {
    fn new() -> Self {
        let authority = Authority::new();
        let maker = authority.holder("制章中心", Profile::Signing);
        let signer = authority.signer();
        Self { authority, maker, signer }
    }

    fn old_seal(&self, version: u8) -> OldSeal {
        let info = OldInfo {
            header: header(version),
            id: ia5("old seal"),
            property: OldProperty {
                kind: 1,
                name: "公章".to_owned(),
                list: vec![self.signer.certificate()],
                created: utc(NOT_BEFORE),
                start: utc(NOT_BEFORE),
                end: utc(NOT_AFTER),
            },
            picture: picture(),
        };
        let (certificate, algorithm) = (self.maker.certificate(), oid::SM2_WITH_SM3);
        let to_sign = OldSealToSign { info: info.clone(), certificate: certificate.clone(), algorithm };
        let value = self.maker.sign(&to_sign);
        OldSeal { info, sign_info: OldSignInfo { certificate, algorithm, value } }
    }

    fn old_signature(&self) -> OldSignature {
        let to_sign = OldToSign {
            version: 1,
            seal: self.old_seal(1),
            time: bits(&utc(NOW).to_der().unwrap()),
            data_hash: bits(document().as_bytes()),
            property_info: ia5("/Doc_0/Signs/Signatures.xml"),
            certificate: self.signer.certificate(),
            algorithm: oid::SM2_WITH_SM3,
        };
        let value = self.signer.sign(&to_sign);
        OldSignature { to_sign, value }
    }

    fn new_seal(&self, version: u8, time_stamp: Option<BitString>) -> NewSeal {
        let info = NewInfo {
            header: header(version),
            id: ia5("new seal"),
            property: NewProperty {
                kind: 1,
                name: "公章".to_owned(),
                list_type: 1,
                list: vec![self.signer.certificate()],
                created: generalized(NOT_BEFORE),
                start: generalized(NOT_BEFORE),
                end: generalized(NOT_AFTER),
            },
            picture: picture(),
            extensions: None,
        };
        self.signed_seal(info, time_stamp)
    }

    fn signed_seal(&self, info: NewInfo, time_stamp: Option<BitString>) -> NewSeal {
        let value = self.maker.sign(&info);
        let certificate = self.maker.certificate();
        NewSeal { info, certificate, algorithm: oid::SM2_WITH_SM3, value, time_stamp }
    }

    fn new_signature(&self, version: u8, seal: NewSeal) -> NewSignature {
        let to_sign = NewToSign {
            version,
            seal,
            time: generalized(NOW),
            data_hash: bits(document().as_bytes()),
            property_info: ia5("/Doc_0/Signs/Sign_0/Signature.xml"),
        };
        let value = self.signer.sign(&to_sign);
        NewSignature {
            to_sign,
            certificate: self.signer.certificate(),
            algorithm: oid::SM2_WITH_SM3,
            value,
            time_stamp: None,
        }
    }

    fn failures(&self, signature: &[u8]) -> Vec<Check> {
        let policy = VerifyPolicy {
            roots: std::slice::from_ref(&self.authority.root),
            intermediates: std::slice::from_ref(&self.authority.issuing),
            status: None,
            understood_extensions: &[],
        };
        verify_der(signature, &document(), &policy).failures().map(|(check, _)| check).collect()
    }
}

#[test]
fn a_signature_of_2014_verifies_and_its_seal_reads_through_the_same_accessors() {
    let office = Office::new();
    let der = office.old_signature().to_der().unwrap();
    let signature = SesSignature::from_der(&der).unwrap();
    assert_eq!(signature.der(), der);
    assert_eq!(signature.version(), SealVersion::Gmt0031V1);
    assert_eq!(signature.time(), NOW);
    let seal = signature.seal();
    assert_eq!((seal.id(), seal.name(), seal.kind()), ("old seal", "公章", 1));
    assert_eq!((seal.valid_from(), seal.valid_until()), (NOT_BEFORE, NOT_AFTER));
    assert_eq!(
        seal.signers(),
        &SignerList::certificates_of(std::slice::from_ref(&office.signer.certificate))
    );
    assert_eq!(office.failures(&der), []);
}

#[test]
fn a_signature_of_2014_over_another_document_or_by_another_key_fails_that_check() {
    let office = Office::new();
    let mut other = office.old_signature();
    other.to_sign.data_hash = bits(sm3::digest(b"other").as_bytes());
    assert_eq!(office.failures(&other.to_der().unwrap()), [Check::SignerSignature, Check::DataHash]);

    let mut renamed = office.old_signature();
    renamed.to_sign.seal.info.id = ia5("another seal");
    assert_eq!(office.failures(&renamed.to_der().unwrap()), [Check::SignerSignature, Check::MakerSignature]);
}

#[test]
fn a_seal_of_2014_is_not_used_for_new_signatures() {
    let seal = Office::new().old_seal(1).to_der().unwrap();
    SesSeal::from_der(&seal).unwrap().verify_maker_signature().unwrap();
    assert!(matches!(TbsSign::build(&seal, NOW, &document(), ""), Err(Error::OldSeal { .. })));
}

#[test]
fn a_signature_of_2025_verifies_with_and_without_a_timestamp_in_its_seal() {
    let office = Office::new();
    for time_stamp in [None, Some(bits(b"token"))] {
        let stamped = time_stamp.is_some();
        let der = office.new_signature(5, office.new_seal(5, time_stamp)).to_der().unwrap();
        let signature = SesSignature::from_der(&der).unwrap();
        assert_eq!(signature.der(), der);
        assert_eq!(signature.version(), SealVersion::Gmt0031V5);
        assert_eq!(signature.seal().time_stamp(), stamped.then_some(b"token".as_slice()));
        assert_eq!(office.failures(&der), []);
    }
}

#[test]
fn a_timestamp_over_a_signature_is_handed_out() {
    let office = Office::new();
    let mut signature = office.new_signature(4, office.new_seal(4, None));
    signature.time_stamp = Some(bits(b"token"));
    let der = signature.to_der().unwrap();
    assert_eq!(SesSignature::from_der(&der).unwrap().time_stamp(), Some(b"token".as_slice()));
    assert_eq!(office.failures(&der), []);
}

#[test]
fn what_is_signed_with_a_seal_of_2025_has_its_version() {
    let office = Office::new();
    let seal = office.new_seal(5, None);
    let expected = office.new_signature(5, seal.clone()).to_sign.to_der().unwrap();
    let built =
        TbsSign::build(&seal.to_der().unwrap(), NOW, &document(), "/Doc_0/Signs/Sign_0/Signature.xml")
            .unwrap();
    assert_eq!(built, expected);
    assert_eq!(TbsSign::parse(&built).unwrap().seal.version(), SealVersion::Gmt0031V5);
}

#[test]
fn versions_that_contradict_the_structure_are_refused() {
    let office = Office::new();
    let seals = [
        office.old_seal(4).to_der().unwrap(),
        office.new_seal(1, None).to_der().unwrap(),
        office.new_seal(6, None).to_der().unwrap(),
        office.new_seal(4, Some(bits(b"token"))).to_der().unwrap(),
    ];
    for seal in seals {
        assert!(matches!(SesSeal::from_der(&seal), Err(Error::Version { .. })));
    }
    for (outer, inner) in [(4, 5), (5, 4), (1, 4)] {
        let signature = office.new_signature(outer, office.new_seal(inner, None)).to_der().unwrap();
        assert!(matches!(SesSignature::from_der(&signature), Err(Error::Version { .. })));
    }
}

#[test]
fn untagged_extensions_as_ofdrw_writes_them_are_read() {
    let office = Office::new();
    let mut info = office.new_seal(4, None).info;
    let value = octets(b"region");
    info.extensions = Some(vec![ExtensionData { id: oid::IDENTITY_CODE, critical: false, value }]);
    // ofdrw writes `critical` even when it is false; the derived encoder does so too, as it has no default.
    let seal = office.signed_seal(info, None);
    let der = office.new_signature(4, seal).to_der().unwrap();
    let signature = SesSignature::from_der(&der).unwrap();
    let [extension] = signature.seal().extensions() else { panic!("one extension") };
    assert_eq!((extension.critical, extension.value.as_slice()), (false, b"region".as_slice()));
    assert_eq!(office.failures(&der), []);
}

#[test]
fn another_header_another_algorithm_and_another_list_type_are_refused() {
    let office = Office::new();
    let mut named = office.new_seal(4, None);
    named.info.header.id = ia5("XX");
    assert!(matches!(SesSeal::from_der(&named.to_der().unwrap()), Err(Error::Malformed { .. })));

    let mut rsa = office.new_seal(4, None);
    rsa.algorithm = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    assert!(matches!(SesSeal::from_der(&rsa.to_der().unwrap()), Err(Error::SignatureAlgorithm { .. })));

    let mut list = office.new_seal(4, None);
    list.info.property.list_type = 3;
    assert!(matches!(SesSeal::from_der(&list.to_der().unwrap()), Err(Error::Malformed { .. })));
}
