//! Results as a broker gives them, made with a CA and a holder's keys in memory. For tests.

use yinqiao_gm::cms;
use yinqiao_gm::seal::{self, Picture, SealDescription, SignerList};
use yinqiao_gm::sm2::{Ciphertext, PrivateKey, PublicKey};
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_protocol::holder::{Holder, HolderKind};
use yinqiao_protocol::outcome::{CertificateStatus, ItemOutcome, Outcome, Status, StatusSource};
use yinqiao_protocol::statement::{
    Display, ItemToSign, NamedSeal, OpenedKey, OpenedKeys, RelyingPartyName, SignedText,
};
use yinqiao_protocol::task::{Document, SealKind, SealPlacement};
use yinqiao_protocol::{Base64, HolderId, SealId, SessionId, Sm3Hex, Statement, Task, Timestamp};

use crate::trust::Trust;

pub const NOW: i64 = 1_800_000_000;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

pub fn document(name: &str, content: &[u8]) -> Document {
    Document {
        id: "item-1".parse().unwrap(),
        name: name.into(),
        size: content.len() as u64,
        sm3: Sm3Hex::of(content),
    }
}

/// A CA with one holder.
pub struct World {
    pub root: Certificate,
    root_key: PrivateKey,
    pub signing: Certificate,
    pub signing_key: PrivateKey,
    pub encryption: Certificate,
    pub encryption_key: PrivateKey,
    pub seal: Vec<u8>,
}

impl World {
    pub fn new() -> Self {
        let keys = [(); 3].map(|()| PrivateKey::generate().unwrap());
        let [root_key, signing_key, encryption_key] = keys;
        let root = builder(Profile::RootCa, "root", &root_key).self_sign(&root_key).unwrap();
        let issue = |profile, key| builder(profile, "王小明", key).sign(&root, &root_key).unwrap();
        let signing = issue(Profile::Signing, &signing_key);
        let encryption = issue(Profile::Encryption, &encryption_key);
        let seal = make_seal(&root, &root_key, &signing);
        Self { root, root_key, signing, signing_key, encryption, encryption_key, seal }
    }

    pub fn trust(&self) -> Trust {
        Trust { roots: vec![self.root.clone()], intermediates: Vec::new() }
    }

    /// Another holder of the same CA.
    pub fn issue(&self, profile: Profile, name: &str, key: &PrivateKey) -> Certificate {
        builder(profile, name, key).sign(&self.root, &self.root_key).unwrap()
    }

    pub fn seal_task(&self) -> Task {
        Task::Seal {
            seal_kind: SealKind::Official,
            items: vec![SealPlacement {
                id: "item-1".parse().unwrap(),
                name: "bid.ofd".into(),
                size: 3,
                sm3: Sm3Hex::of(b"xml"),
                property_info: "/Doc_0/Signs/Sign_0/Signature.xml".into(),
                position: None,
            }],
        }
    }

    pub fn statement(&self, task: Task) -> Statement {
        let seal = matches!(task, Task::Seal { .. }).then(|| NamedSeal {
            id: SealId::random(),
            name: "公章".into(),
            sm3: Sm3Hex::of(&self.seal),
        });
        Statement {
            session: SessionId::random(),
            nonce: "00".repeat(16),
            relying_party: RelyingPartyName {
                id: "portal".parse().unwrap(),
                name: "交易平台".into(),
                domain: "portal.example".into(),
            },
            display: Display::default(),
            holder: Holder {
                id: HolderId::random(),
                kind: HolderKind::Person,
                name: "王小明".into(),
                enterprise: None,
            },
            certificate_sm3: Sm3Hex::of(self.signing.der()),
            match_code: "4711".into(),
            opened_at: at(NOW - 20),
            stated_at: at(NOW),
            seal,
            task,
        }
    }

    /// The result of an honest phone and an honest broker.
    pub fn outcome(&self, statement: &Statement) -> Outcome {
        let bytes = statement.to_bytes().unwrap();
        let to_sign = statement.items_to_sign(Some(&self.seal)).unwrap();
        let mut items: Vec<_> = to_sign.iter().map(|item| self.item(&statement.task, item)).collect();
        let mut opened_keys = None;
        if let Task::Decrypt { one_time_key, items: wrapped } = &statement.task {
            let recipient = PublicKey::from_sec1(one_time_key.as_slice()).unwrap();
            items = wrapped
                .iter()
                .map(|item| {
                    let wrapped = Ciphertext::from_der(item.wrapped_key.as_slice()).unwrap();
                    let key = self.encryption_key.decrypt(&wrapped).unwrap();
                    let value = recipient.encrypt(&key).unwrap().to_der().unwrap();
                    ItemOutcome { id: item.id.clone(), value: value.into() }
                })
                .collect();
            opened_keys = Some(self.opened_keys(&bytes, &items));
        }
        let encrypt = matches!(statement.task, Task::Encrypt { .. });
        Outcome {
            purpose: statement.task.purpose(),
            holder: statement.holder.clone(),
            certificate_authority: "ca".into(),
            statement_signature: self.sign(&bytes),
            statement: bytes.into(),
            certificate: self.signing.der().into(),
            chain: vec![self.root.der().into()],
            status: CertificateStatus {
                status: Status::Good,
                source: StatusSource::Crl,
                this_update: at(NOW - 60),
                next_update: at(NOW + 60),
                fetched_at: at(NOW - 30),
            },
            completed_at: at(NOW + 2),
            items,
            encryption_certificate: encrypt.then(|| self.encryption.der().into()),
            opened_keys_signature: opened_keys.as_ref().map(|keys: &Base64| self.sign(keys.as_slice())),
            opened_keys,
        }
    }

    pub fn sign(&self, bytes: &[u8]) -> Base64 {
        self.signing_key.sign(bytes).unwrap().to_der().unwrap().into()
    }

    pub fn opened_keys(&self, statement: &[u8], items: &[ItemOutcome]) -> Base64 {
        let opened = |item: &ItemOutcome| OpenedKey {
            id: item.id.clone(),
            rewrapped_key_sm3: Sm3Hex::of(item.value.as_slice()),
        };
        let list =
            OpenedKeys { statement_sm3: Sm3Hex::of(statement), items: items.iter().map(opened).collect() };
        list.to_bytes().unwrap().into()
    }

    fn item(&self, task: &Task, item: &ItemToSign) -> ItemOutcome {
        let signature = self.signing_key.sign(&item.bytes).unwrap();
        let value = match task {
            Task::Sign { arc, .. } => {
                cms::assemble_detached((*arc).into(), &item.bytes, &signature, &self.signing, &[]).unwrap()
            }
            _ => seal::assemble_signature(&item.bytes, &signature, &self.signing).unwrap(),
        };
        ItemOutcome { id: item.id.clone(), value: value.into() }
    }
}

fn builder(profile: Profile, name: &str, key: &PrivateKey) -> CertificateBuilder {
    let subject = DistinguishedName::builder().country("CN").common_name(name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, subject, key.public_key().clone(), serial, NOW - 1000, NOW + 1000)
}

fn make_seal(maker: &Certificate, key: &PrivateKey, signer: &Certificate) -> Vec<u8> {
    let maker_key = PrivateKey::generate().unwrap();
    let maker = builder(Profile::Signing, "maker", &maker_key).sign(maker, key).unwrap();
    let description = SealDescription {
        id: "seal-1".into(),
        vendor_id: "vendor".into(),
        kind: 1,
        name: "公章".into(),
        signers: SignerList::digests_of(std::slice::from_ref(signer)),
        created: NOW - 500,
        valid_from: NOW - 500,
        valid_until: NOW + 500,
        picture: Picture { kind: "PNG".into(), data: vec![1], width_mm: 40, height_mm: 40 },
        extensions: Vec::new(),
    };
    seal::make_seal(&description, &maker_key, &maker).unwrap()
}
