//! Enveloped messages: sealed and opened, in memory and as streams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cms_pki;

use std::io::{self, Read as _, Write};
use std::sync::LazyLock;

use cms_pki::{Authority, Holder};
use const_oid::ObjectIdentifier;
use der::{Any, Decode, Encode, Length, Reader, SliceReader};
use proptest::prelude::*;
use yinqiao_gm::cms::{
    Arc, EnvelopedData, EnvelopedDataReader, EnvelopedDataWriter, Error, IssuerAndSerialNumber, PartyId,
};
use yinqiao_gm::sm2::Ciphertext;
use yinqiao_gm::{oid, sm4};

fn recipients() -> (Holder, Holder) {
    let authority = Authority::new();
    (authority.recipient(), authority.recipient())
}

#[test]
fn what_is_sealed_opens_for_each_recipient_in_both_arcs_at_every_length_around_a_block() {
    let (first, second) = recipients();
    let certificates = [first.certificate.clone(), second.certificate.clone()];
    for arc in [Arc::Gmt0010, Arc::Rfc5652] {
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 1000] {
            let content = vec![7; length];
            let message = EnvelopedData::seal(arc, &certificates, &content).unwrap();
            let parsed = EnvelopedData::from_der(&message).unwrap();
            assert_eq!(parsed.arc(), arc);
            assert_eq!(parsed.recipients().len(), 2);
            for holder in [&first, &second] {
                assert_eq!(**parsed.open(&holder.key, Some(&holder.certificate)).unwrap(), content);
                assert_eq!(**parsed.open(&holder.key, None).unwrap(), content);
            }
        }
    }
}

#[test]
fn a_stranger_and_a_wrong_key_are_told_apart() {
    let (first, second) = recipients();
    let message =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&first.certificate), b"bid").unwrap();
    let parsed = EnvelopedData::from_der(&message).unwrap();
    assert!(matches!(parsed.open(&second.key, Some(&second.certificate)), Err(Error::NotARecipient)));
    assert!(matches!(parsed.open(&second.key, Some(&first.certificate)), Err(Error::WrongPrivateKey)));
    assert!(matches!(parsed.open(&second.key, None), Err(Error::WrongPrivateKey)));
}

#[test]
fn a_message_without_recipients_is_not_made() {
    assert!(matches!(EnvelopedData::seal(Arc::Gmt0010, &[], b"bid"), Err(Error::NoRecipients)));
}

#[test]
fn the_recipients_are_known_before_the_content_key() {
    let (first, _) = recipients();
    let message =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&first.certificate), b"bid").unwrap();
    let reader = EnvelopedDataReader::new(message.as_slice()).unwrap();
    let [recipient] = reader.recipients() else { panic!("one recipient") };
    assert_eq!(
        *recipient.id(),
        PartyId::IssuerAndSerialNumber(IssuerAndSerialNumber::of(&first.certificate).unwrap())
    );
    let PartyId::IssuerAndSerialNumber(names) = recipient.id() else { panic!("issuer and serial") };
    assert_eq!(names.to_issuer_and_serial().unwrap(), first.certificate.issuer_and_serial());

    // A phone unwraps the key from these bytes alone.
    let wrapped = Ciphertext::from_der(recipient.wrapped_key_der()).unwrap();
    let content_key = sm4::Key::from_slice(&first.key.decrypt(&wrapped).unwrap()).unwrap();
    let mut out = Vec::new();
    assert_eq!(reader.decrypt(&content_key, &mut out).unwrap(), 3);
    assert_eq!(out, b"bid");
}

#[test]
fn a_wrong_content_key_is_an_error_but_for_a_chance_of_one_in_256() {
    let (first, _) = recipients();
    let message =
        EnvelopedData::seal(Arc::Rfc5652, std::slice::from_ref(&first.certificate), &[9; 100]).unwrap();
    let parsed = EnvelopedData::from_der(&message).unwrap();
    let results: Vec<_> =
        (0..64).map(|byte| parsed.open_with_content_key(&sm4::Key::new([byte; 16]))).collect();
    let refused = results.iter().filter(|result| matches!(result, Err(Error::WrongContentKey))).count();
    assert!(refused >= 56, "{refused}");
}

/// Counts what passes through and keeps nothing, so that memory is constant by construction.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn sixty_four_megabytes_stream_through_files_and_the_lengths_are_right() {
    const LENGTH: u64 = 64 << 20;
    let (first, _) = recipients();
    let file = tempfile::tempfile().unwrap();
    let mut writer =
        EnvelopedDataWriter::new(Arc::Gmt0010, std::slice::from_ref(&first.certificate), LENGTH, file)
            .unwrap();
    io::copy(&mut io::repeat(0x5a).take(LENGTH), &mut writer).unwrap();
    let mut file = writer.finish().unwrap();
    io::Seek::rewind(&mut file).unwrap();

    let reader = EnvelopedDataReader::new(&mut file).unwrap();
    let content_key = reader.content_key(&first.key, None).unwrap();
    let mut counter = Counter(0);
    assert_eq!(reader.decrypt(&content_key, &mut counter).unwrap(), LENGTH);
    assert_eq!(counter.0, LENGTH);
}

#[test]
fn lengths_beyond_four_gigabytes_are_written_right() {
    let (first, _) = recipients();
    let length = (5 << 30) + 3;
    let mut header = Vec::new();
    drop(
        EnvelopedDataWriter::new(Arc::Gmt0010, std::slice::from_ref(&first.certificate), length, &mut header)
            .unwrap(),
    );
    // SEQUENCE with a length of five octets: everything after these seven.
    assert_eq!(header[..2], [0x30, 0x85]);
    let announced = header[2..7].iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
    let ciphertext = (length / 16 + 1) * 16;
    assert_eq!(announced, header.len() as u64 - 7 + ciphertext);
}

#[test]
fn more_or_less_plaintext_than_announced_is_an_error() {
    let (first, _) = recipients();
    let certificates = [first.certificate];
    let mut short = EnvelopedDataWriter::new(Arc::Gmt0010, &certificates, 4, Vec::new()).unwrap();
    short.write_all(b"bid").unwrap();
    assert!(matches!(short.finish(), Err(Error::PlaintextLength { announced: 4, written: 3 })));

    let mut long = EnvelopedDataWriter::new(Arc::Gmt0010, &certificates, 2, Vec::new()).unwrap();
    assert_eq!(long.write_all(b"bid").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn trailing_bytes_and_every_truncation_are_refused() {
    let (first, _) = recipients();
    let message =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&first.certificate), &[1; 100]).unwrap();
    assert!(EnvelopedData::from_der(&[message.clone(), vec![0]].concat()).is_err());
    for length in 0..message.len() {
        assert!(EnvelopedData::from_der(&message[..length]).is_err(), "{length}");
    }
}

/// An element of definite or, as BER may, indefinite length.
fn element(tag: u8, content: &[u8], indefinite: bool) -> Vec<u8> {
    if indefinite {
        [&[tag, 0x80], content, &[0, 0]].concat()
    } else {
        let length = Length::try_from(content.len()).unwrap().to_der().unwrap();
        [&[tag], length.as_slice(), content].concat()
    }
}

fn fields(element: &[u8]) -> Vec<Vec<u8>> {
    let any = Any::from_der(element).unwrap();
    let mut reader = SliceReader::new(any.value()).unwrap();
    let mut fields = Vec::new();
    while !reader.is_finished() {
        fields.push(reader.tlv_bytes().unwrap().to_vec());
    }
    fields
}

/// The message built anew around `content`, its encrypted content, with `extra[layer]` at the end of the four outer
/// layers: EncryptedContentInfo, EnvelopedData, [0], ContentInfo.
fn rebuilt(message: &[u8], content: &[u8], extra: [&[u8]; 4], indefinite: bool) -> Vec<u8> {
    let info = fields(message);
    let enveloped = fields(&fields(&info[1])[0]);
    let encrypted = fields(&enveloped[2]);
    let encrypted = [&encrypted[0], &encrypted[1], content, extra[0]].concat();
    let encrypted = element(0x30, &encrypted, indefinite);
    let enveloped = [enveloped[0].as_slice(), &enveloped[1], &encrypted, extra[1]].concat();
    let enveloped = element(0x30, &enveloped, indefinite);
    let explicit = element(0xa0, &[enveloped.as_slice(), extra[2]].concat(), indefinite);
    element(0x30, &[info[0].as_slice(), &explicit, extra[3]].concat(), indefinite)
}

/// The encrypted content as the message holds it.
fn encrypted_content(message: &[u8]) -> Vec<u8> {
    fields(&fields(&fields(&fields(message)[1])[0])[2])[2].clone()
}

/// The message with its outer layers in indefinite length and its content in strings of `piece` bytes.
fn ber(message: &[u8], piece: usize) -> Vec<u8> {
    let ciphertext = Any::from_der(&encrypted_content(message)).unwrap();
    let strings: Vec<u8> =
        ciphertext.value().chunks(piece).flat_map(|piece| element(0x04, piece, false)).collect();
    rebuilt(message, &element(0xa0, &strings, true), [&[]; 4], true)
}

#[test]
fn an_element_behind_the_encrypted_content_is_refused_in_every_layer() {
    let message = &MESSAGE;
    let content = encrypted_content(message);
    assert_eq!(rebuilt(message, &content, [&[]; 4], false), **message);
    let shared_info = [0x81, 1, 0x55];
    for layer in 0..4 {
        let mut extra: [&[u8]; 4] = [&[]; 4];
        extra[layer] = &shared_info;
        for indefinite in [false, true] {
            let result = EnvelopedData::from_der(&rebuilt(message, &content, extra, indefinite));
            assert!(matches!(result, Err(Error::Malformed { .. })), "layer {layer}");
        }
    }
}

#[test]
fn a_length_that_is_longer_than_needed_or_than_what_is_around_it_is_refused() {
    let [0x30, 0x82, high, low, rest @ ..] = MESSAGE.as_slice() else { panic!("a length of two octets") };
    let padded = [&[0x30, 0x83, 0, *high, *low], rest].concat();
    assert!(matches!(EnvelopedData::from_der(&padded), Err(Error::Malformed { .. })));

    // The content claims one block more than the layers around it, and the block is there.
    let content = encrypted_content(&MESSAGE);
    let [0x80, 0x81, length, ..] = content[..] else { panic!("a length of one octet") };
    let at = MESSAGE.len() - content.len();
    let mut overlong = MESSAGE.clone();
    overlong[at + 2] = length + 16;
    overlong.extend([0; 16]);
    assert!(matches!(EnvelopedData::from_der(&overlong), Err(Error::Malformed { .. })));
}

#[test]
fn the_indefinite_form_of_streaming_software_opens_and_its_truncations_do_not() {
    let (first, _) = recipients();
    let content = vec![3; 1000];
    let message =
        EnvelopedData::seal(Arc::Rfc5652, std::slice::from_ref(&first.certificate), &content).unwrap();
    for piece in [1, 7, 16, 999, 5000] {
        let message = ber(&message, piece);
        let parsed = EnvelopedData::from_der(&message).unwrap();
        assert_eq!(**parsed.open(&first.key, Some(&first.certificate)).unwrap(), content);
    }
    let message = ber(&message, 300);
    for length in 0..message.len() {
        assert!(EnvelopedData::from_der(&message[..length]).is_err(), "{length}");
    }
    assert!(EnvelopedData::from_der(&[message, vec![0]].concat()).is_err());
}

/// Replaces the only occurrence of `from`.
fn replaced(message: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at: Vec<_> = (0..=message.len() - from.len()).filter(|at| message[*at..].starts_with(from)).collect();
    let [at] = at[..] else { panic!("{} occurrences", at.len()) };
    [&message[..at], to, &message[at + from.len()..]].concat()
}

#[test]
fn the_key_encryption_names_in_use_are_taken_and_others_are_not() {
    let (first, _) = recipients();
    let message =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&first.certificate), b"bid").unwrap();
    let emitted = b"\x06\x09\x2a\x81\x1c\xcf\x55\x01\x82\x2d\x03";
    for last in [1, 2, 3] {
        let mut name = *emitted;
        name[10] = last;
        let parsed = EnvelopedData::from_der(&replaced(&message, emitted, &name)).unwrap();
        assert_eq!(**parsed.open(&first.key, None).unwrap(), *b"bid");
    }
    let unknown = replaced(&message, emitted, b"\x06\x09\x2a\x81\x1c\xcf\x55\x01\x82\x2d\x04");
    assert!(matches!(EnvelopedData::from_der(&unknown), Err(Error::KeyEncryption { .. })));
}

/// A message for `holder` in which the recipient has `version` and is named by `id`, and SM4 by `cipher`.
fn as_others_write(holder: &Holder, version: u8, id: &[u8], cipher: ObjectIdentifier) -> Vec<u8> {
    let key = sm4::Key::new([7; 16]);
    let wrapped = holder.certificate.public_key().encrypt(key.as_bytes()).unwrap().to_der().unwrap();
    let key_encryption = element(0x30, &oid::SM2_ENCRYPT.to_der().unwrap(), false);
    let recipient = [version.to_der().unwrap(), id.to_vec(), key_encryption, element(0x04, &wrapped, false)];
    let recipients = element(0x31, &element(0x30, &recipient.concat(), false), false);
    let iv = element(0x04, &[9; 16], false);
    let cipher = element(0x30, &[cipher.to_der().unwrap(), iv].concat(), false);
    let content = element(0x80, &sm4::cbc_encrypt(&key, &[9; 16], b"bid"), false);
    let encrypted = [oid::GMT_DATA.to_der().unwrap(), cipher, content].concat();
    let enveloped = [2u8.to_der().unwrap(), recipients, element(0x30, &encrypted, false)].concat();
    let explicit = element(0xa0, &element(0x30, &enveloped, false), false);
    element(0x30, &[oid::GMT_ENVELOPED_DATA.to_der().unwrap(), explicit].concat(), false)
}

#[test]
fn a_recipient_named_by_its_key_and_bare_sm4_as_cfca_writes_them_open() {
    let (first, second) = recipients();
    let key_identifier = element(0x80, first.certificate.subject_key_identifier().unwrap(), false);
    let message = as_others_write(&first, 2, &key_identifier, oid::SM4);
    let parsed = EnvelopedData::from_der(&message).unwrap();
    assert!(matches!(parsed.recipients()[0].id(), PartyId::SubjectKeyIdentifier(_)));
    assert_eq!(**parsed.open(&first.key, Some(&first.certificate)).unwrap(), *b"bid");
    assert!(matches!(parsed.open(&first.key, Some(&second.certificate)), Err(Error::NotARecipient)));
}

#[test]
fn a_recipients_version_must_fit_how_it_is_named() {
    let holder = recipients().0;
    let key_identifier = element(0x80, holder.certificate.subject_key_identifier().unwrap(), false);
    let names = IssuerAndSerialNumber::of(&holder.certificate).unwrap().to_der().unwrap();
    for (version, id, fits) in [
        (0, &names, true),
        (1, &names, true),
        (2, &names, false),
        (0, &key_identifier, false),
        (1, &key_identifier, false),
        (2, &key_identifier, true),
        (3, &key_identifier, false),
    ] {
        let result = EnvelopedData::from_der(&as_others_write(&holder, version, id, oid::SM4_CBC));
        match result {
            Ok(_) => assert!(fits, "version {version}"),
            Err(Error::Version { what: "RecipientInfo", .. }) => assert!(!fits, "version {version}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn another_content_encryption_is_named() {
    let (first, _) = recipients();
    let message =
        EnvelopedData::seal(Arc::Gmt0010, std::slice::from_ref(&first.certificate), b"bid").unwrap();
    let gcm = replaced(&message, b"\x2a\x81\x1c\xcf\x55\x01\x68\x02", b"\x2a\x81\x1c\xcf\x55\x01\x68\x08");
    assert!(matches!(EnvelopedData::from_der(&gcm), Err(Error::ContentEncryption { .. })));
}

static MESSAGE: LazyLock<Vec<u8>> =
    LazyLock::new(|| EnvelopedData::seal(Arc::Rfc5652, &[recipients().0.certificate], &[5; 200]).unwrap());
static STREAMED: LazyLock<Vec<u8>> = LazyLock::new(|| ber(&MESSAGE, 50));

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = EnvelopedData::from_der(&bytes);
    }

    #[test]
    fn no_mutation_of_a_message_makes_the_parser_panic(
        streamed in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut message = if streamed { STREAMED.clone() } else { MESSAGE.clone() };
        for (position, value) in changes {
            *position.get_mut(&mut message) = value;
        }
        let _ = EnvelopedData::from_der(&message);
    }

    #[test]
    fn what_is_written_in_any_pieces_is_read_whole(
        content in proptest::collection::vec(any::<u8>(), 0..2000),
        piece in 1usize..200,
    ) {
        let key = sm4::Key::new([1; 16]);
        let certificates = [RECIPIENT.certificate.clone()];
        let mut writer = EnvelopedDataWriter::with_content_key(
            Arc::Gmt0010, &certificates, &key, content.len() as u64, Vec::new()).unwrap();
        for piece in content.chunks(piece) {
            writer.write_all(piece).unwrap();
        }
        let message = writer.finish().unwrap();
        let reader = EnvelopedDataReader::new(message.as_slice()).unwrap();
        let mut out = Vec::new();
        reader.decrypt(&key, &mut out).unwrap();
        prop_assert_eq!(out, content);
    }
}

static RECIPIENT: LazyLock<Holder> = LazyLock::new(|| recipients().0);
