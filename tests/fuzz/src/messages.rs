//! CMS: signed and enveloped messages, whole and as streams.

use yinqiao_gm::cms::{
    Arc, Content, EnvelopedData, EnvelopedDataReader, SignedAttributes, SignedData, assemble_attached,
    assemble_detached,
};
use yinqiao_gm::sm3;

use crate::pki::{NOW, PKI};

const DOCUMENT: &[u8] = b"a bid";

/// Reads the bytes as each of them, verifies and opens.
pub fn read(bytes: &[u8]) -> bool {
    let root = std::slice::from_ref(&PKI.root.certificate);
    if let Ok(message) = SignedData::from_der(bytes) {
        let _ = message.verify_detached_with_chain(Content::Bytes(DOCUMENT), &[], root, NOW);
        let _ = message.verify_attached(root);
        let _ = (0..message.signer_count()).map(|signer| message.signature(signer).map(<[u8]>::len)).max();
        return true;
    }
    if let Ok(attributes) = SignedAttributes::parse(bytes) {
        let _ = attributes;
        return true;
    }
    let opened = open_whole(bytes);
    // A stream may also be BER, which the whole message may not: it may take more, and must give the same.
    let streamed = open_streamed(bytes);
    if let Some(Some(content)) = &opened {
        assert_eq!(streamed.as_ref(), Some(content), "the stream's reader and the whole message's disagree");
    }
    opened.is_some() || streamed.is_some()
}

/// The content, where the message is read and the recipient's key opens it.
fn open_whole(bytes: &[u8]) -> Option<Option<Vec<u8>>> {
    let message = EnvelopedData::from_der(bytes).ok()?;
    Some(message.open(&PKI.recipient.key, None).ok().map(|content| content.to_vec()))
}

fn open_streamed(bytes: &[u8]) -> Option<Vec<u8>> {
    let reader = EnvelopedDataReader::new(bytes).ok()?;
    let key = reader.content_key(&PKI.recipient.key, None).ok()?;
    let mut content = Vec::new();
    reader.decrypt(&key, &mut content).ok()?;
    Some(content)
}

/// Detached, attached and enveloped, with both sets of object identifiers.
pub fn seeds() -> Vec<Vec<u8>> {
    let (signer, others) = (&PKI.signer, std::slice::from_ref(&PKI.root.certificate));
    let mut seeds = Vec::new();
    for arc in [Arc::Gmt0010, Arc::Rfc5652] {
        let attributes = SignedAttributes::build(arc, &sm3::digest(DOCUMENT), NOW).unwrap();
        let signature = signer.key.sign(&attributes).unwrap();
        let certificate = &signer.certificate;
        seeds.push(assemble_detached(arc, &attributes, &signature, certificate, others).unwrap());
        seeds.push(assemble_attached(arc, DOCUMENT, &attributes, &signature, certificate, &[]).unwrap());
        seeds.push(attributes);
        let recipients = [PKI.recipient.certificate.clone()];
        seeds.push(EnvelopedData::seal(arc, &recipients, DOCUMENT).unwrap());
    }
    seeds
}
