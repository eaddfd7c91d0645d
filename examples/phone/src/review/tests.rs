use yinqiao_gm::seal::{Picture, SealDescription, SignerList, make_seal};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::statement::{Display, NamedSeal, RelyingPartyName};
use yinqiao_protocol::task::{Document, SealKind, SealPlacement};
use yinqiao_protocol::{HolderId, SealId, SessionId, Token};

use super::*;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn document(content: &[u8]) -> Document {
    Document {
        id: "one".parse().unwrap(),
        name: "投标文件.pdf".into(),
        size: content.len() as u64,
        sm3: Sm3Hex::of(content),
    }
}

struct Case {
    claimed: Claimed,
    statement: Statement,
    seal: Option<Vec<u8>>,
}

impl Case {
    fn sign() -> Self {
        let relying_party = RelyingPartyName {
            id: "portal".parse().unwrap(),
            name: "交易平台".into(),
            domain: "portal.example".into(),
        };
        let display = Display { title: "签名".into(), text: "第一行\n第二行".into() };
        let task = Task::Sign { arc: MessageArc::Rfc5652, items: vec![document(b"bid")] };
        let claimed = Claimed {
            session: SessionId::random(),
            claim_token: Token::parse("token").unwrap(),
            match_code: "4711".into(),
            relying_party: relying_party.clone(),
            purpose: Purpose::Sign,
            display: display.clone(),
            items_awaited: false,
            confirm_until: at(NOW + 600),
        };
        let statement = Statement {
            session: claimed.session,
            nonce: "00".repeat(16),
            relying_party,
            display,
            holder: Holder {
                id: HolderId::random(),
                kind: HolderKind::Person,
                name: "王小明".into(),
                enterprise: None,
            },
            certificate_sm3: Sm3Hex::of(b"certificate"),
            match_code: "4711".into(),
            opened_at: at(NOW - 60),
            stated_at: at(NOW),
            seal: None,
            task,
        };
        Self { claimed, statement, seal: None }
    }

    fn seal() -> Self {
        let mut case = Self::sign();
        let der = a_seal("公章");
        case.claimed.purpose = Purpose::Seal;
        case.statement.seal =
            Some(NamedSeal { id: SealId::random(), name: "公章".into(), sm3: Sm3Hex::of(&der) });
        case.statement.task = Task::Seal {
            seal_kind: SealKind::Official,
            items: vec![SealPlacement {
                id: "one".parse().unwrap(),
                name: "投标文件.ofd".into(),
                size: 3,
                sm3: Sm3Hex::of(b"xml"),
                property_info: "/Doc_0/Signs/Sign_0/Signature.xml".into(),
                position: None,
            }],
        };
        case.seal = Some(der);
        case
    }

    /// The digests that an honest broker gives for this statement.
    fn digests(&self) -> Vec<ItemDigest> {
        let items = self.statement.items_to_sign(self.seal.as_deref()).unwrap();
        items.into_iter().map(|item| ItemDigest { id: item.id, sm3: Sm3Hex::of(&item.bytes) }).collect()
    }

    fn check_as(&self, statement: &Statement, digests: &[ItemDigest]) -> Result<Checked, ReviewError> {
        let announced = Announced {
            claimed: &self.claimed,
            certificate_sm3: self.statement.certificate_sm3,
            holder: &self.statement.holder,
            claimed_at: at(NOW - 5),
        };
        check(&statement.to_bytes().unwrap(), self.seal.as_deref(), digests, &announced, at(NOW + 5))
    }
}

fn a_seal(name: &str) -> Vec<u8> {
    let key = PrivateKey::generate().unwrap();
    let subject = DistinguishedName::builder().common_name("maker").build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    let public_key = key.public_key().clone();
    let maker = CertificateBuilder::new(Profile::RootCa, subject, public_key, serial, NOW - 99, NOW + 99)
        .self_sign(&key)
        .unwrap();
    let description = SealDescription {
        id: "seal-1".into(),
        vendor_id: "vendor".into(),
        kind: 1,
        name: name.into(),
        signers: SignerList::digests_of(std::slice::from_ref(&maker)),
        created: NOW - 50,
        valid_from: NOW - 50,
        valid_until: NOW + 50,
        picture: Picture { kind: "PNG".into(), data: vec![1], width_mm: 40, height_mm: 40 },
        extensions: Vec::new(),
    };
    make_seal(&description, &key, &maker).unwrap()
}

#[test]
fn an_honest_statement_is_shown_as_it_is_signed() {
    let case = Case::sign();
    let checked = case.check_as(&case.statement, &case.digests()).unwrap();
    let review = checked.review();
    assert_eq!((review.domain.as_str(), review.match_code.as_str()), ("portal.example", "4711"));
    assert_eq!((review.items[0].name.as_str(), review.items[0].size), ("投标文件.pdf", Some(3)));
    assert_eq!(review.items[0].sm3, Some(Sm3Hex::of(b"bid")));
    let case = Case::seal();
    let checked = case.check_as(&case.statement, &case.digests()).unwrap();
    assert_eq!(checked.review().seal.as_deref(), Some("公章"));
}

#[test]
fn a_statement_that_differs_from_what_was_announced_is_refused() {
    let case = Case::sign();
    type Tamper = fn(&mut Statement);
    let tampered: [(&str, Tamper); 7] = [
        ("session", |s| s.session = SessionId::random()),
        ("bid system", |s| s.relying_party.domain = "evil.example".into()),
        ("purpose", |s| s.task = Task::Login {}),
        ("text to read", |s| s.display.text = "another".into()),
        ("match code", |s| s.match_code = "0000".into()),
        ("holder", |s| s.holder.name = "李四".into()),
        ("certificate", |s| s.certificate_sm3 = Sm3Hex::of(b"other")),
    ];
    for (what, tamper) in tampered {
        let mut statement = case.statement.clone();
        tamper(&mut statement);
        let error = case.check_as(&statement, &case.digests()).unwrap_err();
        assert!(matches!(error, ReviewError::Differs(found) if found == what), "{what}: {error}");
    }
}

#[test]
fn other_bytes_than_the_statement_says_are_refused() {
    let case = Case::sign();
    let mut statement = case.statement.clone();
    statement.task = Task::Sign { arc: MessageArc::Rfc5652, items: vec![document(b"another bid")] };
    assert!(matches!(case.check_as(&statement, &case.digests()), Err(ReviewError::OtherBytes)));
    assert!(matches!(case.check_as(&case.statement, &[]), Err(ReviewError::OtherBytes)));
    let mut twice = case.digests();
    twice.extend(case.digests());
    assert!(matches!(case.check_as(&case.statement, &twice), Err(ReviewError::OtherBytes)));
}

#[test]
fn another_seal_than_the_statement_names_is_refused() {
    let mut case = Case::seal();
    let digests = case.digests();
    case.seal = Some(a_seal("公章"));
    let error = case.check_as(&case.statement, &digests).unwrap_err();
    assert!(matches!(error, ReviewError::Items(ItemToSignError::OtherSeal)), "{error}");
    case.seal = None;
    assert!(matches!(case.check_as(&case.statement, &digests), Err(ReviewError::Items(_))));
}

#[test]
fn a_statement_dated_ahead_or_back_is_refused() {
    let case = Case::sign();
    for seconds in [NOW - 700, NOW + 700] {
        let mut statement = case.statement.clone();
        statement.stated_at = at(seconds);
        assert!(matches!(case.check_as(&statement, &case.digests()), Err(ReviewError::Date { .. })));
    }
}

#[test]
fn texts_that_hide_something_are_refused() {
    let mut case = Case::sign();
    case.statement.display.text = "pay 1\u{202e}000".into();
    case.claimed.display = case.statement.display.clone();
    assert!(matches!(case.check_as(&case.statement, &case.digests()), Err(ReviewError::NotShowable("text"))));
}

#[test]
fn bytes_with_another_spelling_are_refused() {
    let case = Case::sign();
    let mut bytes = case.statement.to_bytes().unwrap();
    bytes.push(b' ');
    let announced = Announced {
        claimed: &case.claimed,
        certificate_sm3: case.statement.certificate_sm3,
        holder: &case.statement.holder,
        claimed_at: at(NOW),
    };
    let error = check(&bytes, None, &case.digests(), &announced, at(NOW)).unwrap_err();
    assert!(matches!(error, ReviewError::Statement(_)), "{error}");
}
