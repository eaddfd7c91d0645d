//! Messages judged by software that we did not write: Bouncy Castle for RFC 5652, GmSSL for GM/T 0010.
//!
//! Where a judge is missing, a line `NOT RUN:` says which, and the test passes without having judged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cms_pki;
mod judge;

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Encode, Sequence};
use yinqiao_gm::cms::{
    Arc, Content, EnvelopedData, SignedAttributes, SignedData, SignerError, assemble_detached,
};
use yinqiao_gm::sm2::Signature;
use yinqiao_gm::{oid, sm3};

use cms_pki::{Authority, NOW};
use judge::{Desk, assert_accepted, assert_refused, bouncy_castle, gmssl};

const DOCUMENT: &[u8] = b"a bid of some length, so that it fills more than one block of the cipher";

fn detached(arc: Arc, authority: &Authority) -> Vec<u8> {
    let signer = authority.signer();
    let attributes = SignedAttributes::build(arc, &sm3::digest(DOCUMENT), NOW).unwrap();
    let signature = signer.key.sign(&attributes).unwrap();
    let others = [authority.issuing.clone()];
    assemble_detached(arc, &attributes, &signature, &signer.certificate, &others).unwrap()
}

#[test]
fn bouncy_castle_verifies_our_detached_message_and_its_chain_and_refuses_an_altered_document() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let message = desk.put("message", &detached(Arc::Rfc5652, &authority));
    let document = desk.put("document", DOCUMENT);
    let root = desk.put("root", authority.root.der());
    let Some(said) = bouncy_castle("CmsJudge", "verify", &[&message, &document, &root]) else { return };
    assert_accepted(&said);

    let altered = desk.put("altered", b"another bid");
    let said = bouncy_castle("CmsJudge", "verify", &[&message, &altered, &root]).unwrap();
    assert_refused(&said, "");

    let stranger = desk.put("stranger", Authority::new().root.der());
    let said = bouncy_castle("CmsJudge", "verify", &[&message, &document, &stranger]).unwrap();
    assert_refused(&said, "");
}

#[test]
fn bouncy_castles_own_detached_message_verifies() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let signer = authority.signer();
    let document = desk.put("document", DOCUMENT);
    let key = desk.put("key", &signer.key.to_pkcs8_der().unwrap());
    let certificate = desk.put("certificate", signer.certificate.der());
    let out = desk.path("message");
    let Some(said) = bouncy_castle("CmsJudge", "sign", &[&document, &key, &certificate, &out]) else {
        return;
    };
    assert_accepted(&said);

    let parsed = SignedData::from_der(&desk.take("message")).unwrap();
    let others = [authority.issuing.clone()];
    let roots = [authority.root];
    let signers = parsed.verify_detached_with_chain(Content::Bytes(DOCUMENT), &others, &roots, NOW).unwrap();
    let [Ok(verified)] = signers.as_slice() else { panic!("{signers:?}") };
    assert_eq!(verified.certificate, signer.certificate);
    assert!(verified.signing_time.is_some());
}

#[test]
fn bouncy_castle_opens_our_enveloped_message() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let recipient = authority.recipient();
    let sealed =
        EnvelopedData::seal(Arc::Rfc5652, std::slice::from_ref(&recipient.certificate), DOCUMENT).unwrap();
    let message = desk.put("message", &sealed);
    let key = desk.put("key", &recipient.key.to_pkcs8_der().unwrap());
    let out = desk.path("out");
    let Some(said) = bouncy_castle("CmsJudge", "open", &[&message, &key, &out]) else { return };
    assert_accepted(&said);
    assert_eq!(desk.take("out"), DOCUMENT);
}

#[test]
fn an_enveloped_message_in_bouncy_castles_streaming_form_opens() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let recipient = authority.recipient();
    let content = vec![0x42; 10_000];
    let sealed =
        EnvelopedData::seal(Arc::Rfc5652, std::slice::from_ref(&recipient.certificate), &content).unwrap();
    let message = desk.put("message", &sealed);
    let out = desk.path("out");
    let Some(said) = bouncy_castle("CmsJudge", "ber", &[&message, &out]) else { return };
    assert_accepted(&said);
    let streamed = desk.take("out");
    assert_eq!(streamed[..2], [0x30, 0x80], "indefinite length");
    let parsed = EnvelopedData::from_der(&streamed).unwrap();
    assert_eq!(**parsed.open(&recipient.key, Some(&recipient.certificate)).unwrap(), content);
}

/// GmSSL 3.1.1 reads no other name of the key encryption than its own, SM2-2 (.301.2), so it refuses the standard's
/// SM2-3 (.301.3). Everything else of the message it reads as it is, which the next test shows with nothing renamed.
#[test]
fn gmssl_opens_our_enveloped_message_once_the_key_encryption_has_gmssls_name() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let recipient = authority.recipient();
    let mut sealed =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&recipient.certificate), DOCUMENT).unwrap();
    let key = desk.put("key", &*recipient.key.to_bytes());
    let certificate = desk.put("certificate", recipient.certificate.der());
    let out = desk.path("out");
    let as_sealed = desk.put("as sealed", &sealed);
    let Some(said) = gmssl("open", &[&as_sealed, &key, &certificate, &out]) else { return };
    if !said.ends_with("ACCEPTED") {
        let name = oid::SM2_ENCRYPT.as_bytes();
        let at = sealed.windows(name.len()).position(|window| window == name).unwrap();
        sealed[at..at + name.len()].copy_from_slice(oid::SM2_KEY_EXCHANGE.as_bytes());
        let renamed = desk.put("renamed", &sealed);
        assert_accepted(&gmssl("open", &[&renamed, &key, &certificate, &out]).unwrap());
    }
    assert_eq!(desk.take("out"), DOCUMENT);
}

#[test]
fn gmssl_reads_and_decrypts_each_part_of_our_enveloped_message_as_it_is() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let recipient = authority.recipient();
    let key = desk.put("key", &*recipient.key.to_bytes());
    let certificate = desk.put("certificate", recipient.certificate.der());
    let out = desk.path("out");
    for content in [DOCUMENT, &[0x42; 10_000][..], b""] {
        let sealed =
            EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&recipient.certificate), content).unwrap();
        let message = desk.put("message", &sealed);
        let Some(said) = gmssl("decrypt", &[&message, &key, &certificate, &out]) else { return };
        assert_accepted(&said);
        assert_eq!(desk.take("out"), content);
    }
}

#[test]
fn gmssl_refuses_our_enveloped_message_with_an_altered_key_and_for_another_recipient() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let (recipient, other) = (authority.recipient(), authority.recipient());
    let key = desk.put("key", &*recipient.key.to_bytes());
    let other_key = desk.put("other key", &*other.key.to_bytes());
    let certificate = desk.put("certificate", recipient.certificate.der());
    let other_certificate = desk.put("other certificate", other.certificate.der());
    let out = desk.path("out");
    let mut sealed =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&recipient.certificate), DOCUMENT).unwrap();
    let message = desk.put("message", &sealed);
    let Some(said) = gmssl("decrypt", &[&message, &other_key, &certificate, &out]) else { return };
    assert_refused(&said, "sm2_decrypt");
    let said = gmssl("decrypt", &[&message, &key, &other_certificate, &out]).unwrap();
    assert_refused(&said, "another recipient");

    let parsed = EnvelopedData::from_der(&sealed).unwrap();
    let wrapped = parsed.recipients()[0].wrapped_key_der();
    let at = sealed.windows(wrapped.len()).position(|window| window == wrapped).unwrap();
    sealed[at + wrapped.len() - 1] ^= 1;
    let altered = desk.put("altered", &sealed);
    let said = gmssl("decrypt", &[&altered, &key, &certificate, &out]).unwrap();
    assert_refused(&said, "sm2_decrypt");
}

#[test]
fn an_enveloped_message_that_gmssl_made_opens() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let recipient = authority.recipient();
    let content = desk.put("content", DOCUMENT);
    let certificate = desk.put("certificate", recipient.certificate.der());
    let out = desk.path("message");
    let Some(said) = gmssl("envelop", &[&content, &certificate, &out]) else { return };
    assert_accepted(&said);
    let parsed = EnvelopedData::from_der(&desk.take("message")).unwrap();
    assert_eq!(parsed.arc(), Arc::Gmt0010);
    assert_eq!(**parsed.open(&recipient.key, Some(&recipient.certificate)).unwrap(), *DOCUMENT);
}

/// GmSSL 3.1.1 signs SM3 of the inner ContentInfo's DER, without Z: neither GM/T 0010 nor RFC 5652 says so, and
/// nobody else's messages verify there. Its structure is read; its signature is not taken for one of the content.
#[test]
fn a_signed_message_of_gmssl_is_read_and_its_signature_without_z_is_refused() {
    let (desk, authority) = (Desk::new(), Authority::new());
    let signer = authority.signer();
    let content = desk.put("content", DOCUMENT);
    let key = desk.put("key", &*signer.key.to_bytes());
    let certificate = desk.put("certificate", signer.certificate.der());
    let out = desk.path("message");
    let Some(said) = gmssl("sign", &[&content, &key, &certificate, &out]) else { return };
    assert_accepted(&said);

    let parsed = SignedData::from_der(&desk.take("message")).unwrap();
    assert_eq!((parsed.arc(), parsed.content()), (Arc::Gmt0010, Some(DOCUMENT)));
    let signers = parsed.verify_attached(&[]).unwrap();
    assert!(matches!(signers.as_slice(), [Err(SignerError::Signature)]), "{signers:?}");

    let content_info =
        GmsslContentInfo { content_type: oid::GMT_DATA, content: OctetString::new(DOCUMENT).unwrap() };
    let without_z = sm3::digest(&content_info.to_der().unwrap());
    let signature = Signature::from_der(parsed.signature(0).unwrap()).unwrap();
    signer.certificate.public_key().verify_digest(&without_z, &signature).unwrap();
}

#[derive(Sequence)]
struct GmsslContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    content: OctetString,
}
