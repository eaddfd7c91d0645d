//! The smallest valid tasks, and documents for them.

use yinqiao_gm::sm2::{PrivateKey, PublicKey};
use yinqiao_protocol::task::{
    Document, MessageArc, Position, SealKind, SealPlacement, SealedDocument, WrappedKey,
};
use yinqiao_protocol::{Base64, Sm3Hex, Task};

/// The bytes of the document number `n`.
pub fn content(n: usize) -> Vec<u8> {
    format!("投标文件 {n}").into_bytes()
}

/// `count` documents.
pub fn documents(count: usize) -> Vec<Document> {
    let document = |n: usize| Document {
        id: format!("d{n}").parse().unwrap(),
        name: format!("投标文件{n}.pdf"),
        size: content(n).len() as u64,
        sm3: Sm3Hex::of(&content(n)),
    };
    (0..count).map(document).collect()
}

/// Log in.
pub fn login() -> Task {
    Task::Login {}
}

/// Sign `count` documents.
pub fn sign(count: usize, arc: MessageArc) -> Task {
    Task::Sign { arc, items: documents(count) }
}

/// Seal `count` documents with the official seal.
pub fn seal(count: usize) -> Task {
    let place = |document: Document| SealPlacement {
        id: document.id,
        name: document.name,
        size: document.size,
        sm3: document.sm3,
        property_info: "/Doc_0/Signs/Sign_0/Signature.xml".to_owned(),
        position: Some(Position { page: 1, x: 1500, y: 2200 }),
    };
    Task::Seal { seal_kind: SealKind::Official, items: documents(count).into_iter().map(place).collect() }
}

/// Withdraw the seal of one document.
pub fn unseal() -> Task {
    let document = documents(1).remove(0);
    let sealed = SealedDocument {
        id: document.id,
        name: document.name,
        sm3: document.sm3,
        seal_signature_sm3: Sm3Hex::of(b"an SES_Signature"),
    };
    Task::Unseal { items: vec![sealed] }
}

/// Encrypt `count` documents.
pub fn encrypt(count: usize) -> Task {
    Task::Encrypt { items: documents(count) }
}

/// Open content keys that were wrapped for the certificate with this serial number.
pub fn decrypt(
    one_time_key: &PrivateKey,
    recipient: &PublicKey,
    serial: &str,
    content_keys: &[[u8; 16]],
) -> Task {
    let wrap = |(n, key): (usize, &[u8; 16])| WrappedKey {
        id: format!("k{n}").parse().unwrap(),
        name: format!("投标文件{n}.bid"),
        size: 1 << 20,
        wrapped_key: Base64(recipient.encrypt(key).unwrap().to_der().unwrap()),
        certificate_serial: serial.to_owned(),
    };
    Task::Decrypt {
        one_time_key: Base64(one_time_key.public_key().to_sec1().to_vec()),
        items: content_keys.iter().enumerate().map(wrap).collect(),
    }
}
