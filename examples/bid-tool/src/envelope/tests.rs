use yinqiao_gm::sm2::PublicKey;

use super::*;
use crate::fixture::{NOW, World, at, document};

const CONTENT: &[u8] = b"our offer is 1,234,567.00";

struct Case {
    world: World,
    folder: tempfile::TempDir,
    document: Document,
    outcome: Outcome,
}

impl Case {
    fn new() -> Self {
        let world = World::new();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bid.pdf"), CONTENT).unwrap();
        let document = document("bid.pdf", CONTENT);
        let outcome = world.outcome(&world.statement(Task::Encrypt { items: vec![document.clone()] }));
        Self { world, folder, document, outcome }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn encrypt(&self) -> Result<(), EnvelopeError> {
        let (source, target) = (self.path("bid.pdf"), self.path("bid.pdf.p7e"));
        encrypt(&source, &target, &self.document, &self.world.encryption, &self.outcome)
    }

    fn envelope(&self) -> Result<Envelope, EnvelopeError> {
        Envelope::read(&self.path("bid.pdf.p7e"), &self.world.trust(), at(NOW + 100))
    }

    /// What the holder's phone makes of the envelope's content key.
    fn rewrapped(&self, envelope: &Envelope, recipient: &PublicKey) -> Vec<u8> {
        let item = envelope.wrapped_key(self.document.id.clone());
        let wrapped = Ciphertext::from_der(item.wrapped_key.as_slice()).unwrap();
        let key = self.world.encryption_key.decrypt(&wrapped).unwrap();
        recipient.encrypt(&key).unwrap().to_der().unwrap()
    }

    fn open(&self) -> Result<(), EnvelopeError> {
        let envelope = self.envelope()?;
        let one_time_key = PrivateKey::generate().unwrap();
        let rewrapped = self.rewrapped(&envelope, one_time_key.public_key());
        envelope.open(&self.path("opened.pdf"), &self.document.id, &rewrapped, &one_time_key)
    }
}

#[test]
fn what_was_encrypted_opens_with_the_holders_key_and_the_one_time_key() {
    let case = Case::new();
    case.encrypt().unwrap();
    case.open().unwrap();
    assert_eq!(fs::read(case.path("opened.pdf")).unwrap(), CONTENT);
}

#[test]
fn a_file_that_was_changed_after_the_consent_is_not_encrypted() {
    let case = Case::new();
    let mut content = CONTENT.to_vec();
    content[13] = b'9';
    fs::write(case.path("bid.pdf"), content).unwrap();
    assert!(matches!(case.encrypt(), Err(EnvelopeError::OtherContent { .. })));
    assert!(!case.path("bid.pdf.p7e").exists() && !case.path("bid.pdf.p7e.json").exists());
}

#[test]
fn altered_ciphertext_opens_to_nothing() {
    let case = Case::new();
    case.encrypt().unwrap();
    let path = case.path("bid.pdf.p7e");
    let mut bytes = fs::read(&path).unwrap();
    let first_block = bytes.len() - 32;
    bytes[first_block] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(case.open().is_err());
    assert!(!case.path("opened.pdf").exists());
}

#[test]
fn an_envelope_beside_the_consent_of_somebody_else_is_refused() {
    let (case, other) = (Case::new(), Case::new());
    case.encrypt().unwrap();
    other.encrypt().unwrap();
    fs::copy(other.path("bid.pdf.p7e"), case.path("bid.pdf.p7e")).unwrap();
    assert!(matches!(case.envelope(), Err(EnvelopeError::OtherRecipient(_))));
    fs::copy(other.path("bid.pdf.p7e.json"), case.path("bid.pdf.p7e.json")).unwrap();
    assert!(matches!(case.envelope(), Err(EnvelopeError::NotVerified { .. })));
}

#[test]
fn a_key_wrapped_for_another_session_does_not_open() {
    let case = Case::new();
    case.encrypt().unwrap();
    let envelope = case.envelope().unwrap();
    let [one, other] = [(); 2].map(|()| PrivateKey::generate().unwrap());
    let rewrapped = case.rewrapped(&envelope, one.public_key());
    let result = envelope.open(&case.path("opened.pdf"), &case.document.id, &rewrapped, &other);
    assert!(matches!(result, Err(EnvelopeError::ContentKey(_))));
}
