//! Enveloped messages: sealed and opened, in memory and as streams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cms_pki;

use std::io::{self, Read, Write};
use std::sync::LazyLock;

use cms_pki::{Authority, Holder};
use proptest::prelude::*;
use yinqiao_gm::cms::{
    Arc, EnvelopedData, EnvelopedDataReader, EnvelopedDataWriter, Error, IssuerAndSerialNumber, PartyId,
};
use yinqiao_gm::sm2::Ciphertext;
use yinqiao_gm::sm4;

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

/// The message with its four outer layers in indefinite length and its content in strings of `piece` bytes.
fn ber(message: &[u8], piece: usize) -> Vec<u8> {
    use der::{Decode, Encode, Reader, SliceReader};
    fn fields(element: &[u8]) -> Vec<Vec<u8>> {
        let any = der::Any::from_der(element).unwrap();
        let mut reader = SliceReader::new(any.value()).unwrap();
        let mut fields = Vec::new();
        while !reader.is_finished() {
            fields.push(reader.tlv_bytes().unwrap().to_vec());
        }
        fields
    }
    fn indefinite(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        [&[tag, 0x80], content.concat().as_slice(), &[0, 0]].concat()
    }
    let info = fields(message);
    let enveloped = fields(&fields(&info[1])[0]);
    let encrypted = fields(&enveloped[2]);
    let ciphertext = der::Any::from_der(&encrypted[2]).unwrap();
    let strings: Vec<u8> = ciphertext
        .value()
        .chunks(piece)
        .flat_map(|chunk| der::asn1::OctetString::new(chunk).unwrap().to_der().unwrap())
        .collect();
    let content = indefinite(0xa0, &[&strings]);
    let encrypted = indefinite(0x30, &[&encrypted[0], &encrypted[1], &content]);
    let enveloped = indefinite(0x30, &[&enveloped[0], &enveloped[1], &encrypted]);
    indefinite(0x30, &[&info[0], &indefinite(0xa0, &[&enveloped])])
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
