//! Texts: what phones sign, what codes say, and what an operator writes.

use std::str;
use std::sync::LazyLock;

use yinqiao::adapter::catalogue::{Catalogue, Site};
use yinqiao::config::Config;
use yinqiao_protocol::code::ScannedCode;
use yinqiao_protocol::holder::{Holder, HolderKind};
use yinqiao_protocol::statement::{
    Claim, Display, Enrolment, OpenedKey, OpenedKeys, RelyingPartyName, SignedText,
};
use yinqiao_protocol::task::{Document, MessageArc, Task};
use yinqiao_protocol::{Base64, HolderId, SessionId, Sm3Hex, Statement, Timestamp, Token};

/// A signed text of each type, or a code.
pub fn signed(bytes: &[u8]) -> bool {
    let statement = Statement::from_bytes(bytes);
    if let Ok(statement) = &statement {
        let _ = statement.items_to_sign(None);
    }
    let signed = [
        is_canonical(bytes, statement),
        is_canonical(bytes, Claim::from_bytes(bytes)),
        is_canonical(bytes, Enrolment::from_bytes(bytes)),
        is_canonical(bytes, OpenedKeys::from_bytes(bytes)),
    ];
    let read = signed.iter().filter(|read| **read).count();
    assert!(read <= 1, "one text has two meanings");
    let text = str::from_utf8(bytes);
    read == 1 || text.is_ok_and(|text| ScannedCode::parse(text).is_ok() || Token::parse(text).is_some())
}

fn is_canonical<T: SignedText, E>(bytes: &[u8], read: Result<T, E>) -> bool {
    read.is_ok_and(|text| {
        assert_eq!(text.to_bytes().unwrap(), bytes, "two spellings of one text");
        true
    })
}

/// One of each, and a code.
pub fn signed_seeds() -> Vec<Vec<u8>> {
    let sm3 = Sm3Hex::of(b"certificate");
    let claim = Claim {
        code: "https://yinqiao.example/q#1.AAECAwQFBgcICQoLDA0ODw.7.AAECAwQFBgcICQoLDA0ODw".to_owned(),
        certificate_sm3: sm3,
        seal: None,
        decrypts: vec!["0a0b".to_owned()],
        nonce: "00".repeat(16),
    };
    let enrolment = Enrolment {
        code_sm3: sm3,
        certificate_request: Base64(vec![48, 0]),
        device_key: Base64(vec![4; 65]),
    };
    let item = OpenedKey { id: "d1".parse().unwrap(), rewrapped_key_sm3: sm3 };
    let opened = OpenedKeys { statement_sm3: sm3, items: vec![item] };
    vec![
        claim.to_bytes().unwrap(),
        enrolment.to_bytes().unwrap(),
        opened.to_bytes().unwrap(),
        statement(),
        claim.code.into_bytes(),
        Token::from_bytes(&[7; 32]).expose().as_bytes().to_vec(),
    ]
}

/// A statement as a phone gets it.
fn statement() -> Vec<u8> {
    let holder = Holder {
        id: HolderId::from_bytes([7; 16]),
        kind: HolderKind::Person,
        name: "王小明".to_owned(),
        enterprise: None,
    };
    let relying_party = RelyingPartyName {
        id: "fuzhou".parse().unwrap(),
        name: "福州".to_owned(),
        domain: "fuzhou.example".to_owned(),
    };
    let document =
        Document { id: "d1".parse().unwrap(), name: "a.pdf".to_owned(), size: 5, sm3: Sm3Hex::of(b"a bid") };
    let statement = Statement {
        session: SessionId::from_bytes([8; 16]),
        nonce: "00".repeat(16),
        relying_party,
        display: Display { title: "投标".to_owned(), text: String::new() },
        holder,
        certificate_sm3: Sm3Hex::of(b"certificate"),
        match_code: "123456".to_owned(),
        opened_at: Timestamp::from_millis(1_795_000_000_000),
        stated_at: Timestamp::from_millis(1_795_000_001_000),
        seal: None,
        task: Task::Sign { arc: MessageArc::Gmt0010, items: vec![document] },
    };
    statement.to_bytes().unwrap()
}

static SITE: LazyLock<Site> = LazyLock::new(|| Site::of(&Config::default()));

/// An operator's catalogue of adapters.
pub fn catalogue(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    Catalogue::parse(&SITE, text).is_ok_and(|catalogue| {
        for entry in &catalogue.entries {
            assert_eq!(catalogue.entry(&entry.name).map(|found| &found.name), Some(&entry.name));
            let _ = entry.configuration.sm3();
        }
        true
    })
}

/// The shortest, and one with every table.
pub fn catalogues() -> Vec<Vec<u8>> {
    [include_str!("shortest.toml"), include_str!("full.toml")].map(|text| text.as_bytes().to_vec()).to_vec()
}
