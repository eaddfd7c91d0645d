//! Finding records by something else than their key.

use yinqiao_protocol::Timestamp;

use super::{Aggregate, Cursor};
use crate::store::{Collection, RecordChange, Write};

/// An index. The number is part of the stored key and never changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Index {
    /// Users by a digest of their ID number.
    UserByIdNumber = 2,
    /// Users by time of their first sign-in.
    UserByTime = 3,
    /// Phones that are signed in, by user.
    DeviceSessionByUser = 4,
    /// Phones that are signed in, by digest of their access token.
    DeviceSessionByToken = 5,
    /// Companies by state.
    EnterpriseByState = 6,
    /// Memberships by company.
    MembershipByEnterprise = 7,
    /// Memberships by user.
    MembershipByUser = 8,
    /// Orders by applicant.
    OrderByUser = 9,
    /// Orders by company.
    OrderByEnterprise = 10,
    /// Orders by state.
    OrderByState = 11,
    /// Orders by payment.
    OrderByPayment = 12,
    /// All orders by time.
    OrderByTime = 13,
    /// Certificates by holder.
    CertificateByUser = 14,
    /// Certificates by company.
    CertificateByEnterprise = 15,
    /// Certificates by when their holder is to be reminded of their end.
    CertificateByReminder = 16,
    /// Certificates by serial number of one of the pair.
    CertificateBySerial = 17,
    /// Seal applications by company.
    SealApplicationByEnterprise = 18,
    /// Seal applications by state.
    SealApplicationByState = 19,
    /// Cascades by time.
    CascadeByTime = 20,
    /// Cascades that are not finished.
    CascadeOpen = 21,
    /// Key recoveries by user.
    RecoveryByUser = 22,
    /// Key recoveries that wait for consents.
    RecoveryOpen = 23,
    /// Operators by digest of their token.
    OperatorByToken = 24,
    /// Operators by name.
    OperatorByName = 25,
    /// Messages by user.
    MessageByUser = 26,
    /// Messages by time.
    MessageByTime = 27,
    /// Notes of the audit log by subject.
    AuditBySubject = 28,
    /// Notes of the audit log by time.
    AuditByTime = 29,
    /// Orders by what is due next.
    OrderByDeadline = 30,
    /// Signed-in phones and sign-ins by end.
    SessionByExpiry = 31,
    /// Idempotent answers by time.
    AnswerByTime = 32,
    /// Company data by legal person.
    EnterpriseByLegalPerson = 33,
    /// All companies by time of registration.
    EnterpriseByTime = 34,
    /// Uploaded pictures that no seal was applied for with, by time: all, and by company.
    SealPictureUnused = 35,
    /// Seals by company.
    SealByEnterprise = 36,
    /// Seals by id.
    SealById = 37,
    /// Seals by adapter and esID.
    SealByAuthorityId = 38,
    /// Staff by time.
    OperatorByTime = 40,
    /// Users by a digest of their telephone number.
    UserByPhoneNumber = 41,
    /// Users by the beginning of their name.
    UserByName = 42,
    /// Companies by the beginning of their name.
    EnterpriseByName = 43,
    /// Orders by the reference of a payment that came for them.
    OrderByReference = 44,
    /// Orders for which something has to be given back.
    OrderByRefundDue = 45,
}

/// One entry: under which value of an index, and in which place there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexEntry {
    prefix: IndexPrefix,
    place: Place,
}

/// Where an entry stands under its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// 8 octets, big-endian.
    Order(u64),
    /// After a text that is found by its beginning: a zero octet, which no such text has.
    EndOfText,
}

impl IndexEntry {
    /// Oldest first.
    pub fn rising(index: Index, value: &[u8], at: Timestamp) -> Self {
        Self { prefix: IndexPrefix::new(index, value), place: Place::Order(millis(at)) }
    }

    /// Newest first.
    pub fn falling(index: Index, value: &[u8], at: Timestamp) -> Self {
        Self { prefix: IndexPrefix::new(index, value), place: Place::Order(u64::MAX - millis(at)) }
    }

    /// In no order but that of the records' keys.
    pub fn plain(index: Index, value: &[u8]) -> Self {
        Self { prefix: IndexPrefix::new(index, value), place: Place::Order(0) }
    }

    /// In the order of the texts, to be found by their beginning.
    pub fn text(index: Index, text: &str) -> Self {
        Self { prefix: IndexPrefix::beginning(index, text), place: Place::EndOfText }
    }

    /// prefix ‖ place ‖ key of the record.
    pub(super) fn key(&self, target: &[u8]) -> Vec<u8> {
        match self.place {
            Place::Order(order) => [self.prefix.bytes(), &order.to_be_bytes(), target].concat(),
            Place::EndOfText => [self.prefix.bytes(), &[0], target].concat(),
        }
    }
}

/// What becomes of the index with a change of a record: entries that no longer hold go, those that do from now on come.
/// They have no life of their own: who may change the record may change them.
pub fn index_changes<T: Aggregate>(before: Option<&T>, next: Option<&T>) -> Vec<RecordChange> {
    let keys = |record: Option<&T>| -> Vec<Vec<u8>> {
        let Some(record) = record else { return Vec::new() };
        let target = record.key();
        record.index_entries().iter().map(|entry| entry.key(&target)).collect()
    };
    let (old, new) = (keys(before), keys(next));
    let change = |key: &Vec<u8>, expected, write| RecordChange {
        collection: Collection::Index,
        key: key.clone(),
        expected,
        write,
    };
    let gone = old.iter().filter(|key| !new.contains(key)).map(|key| change(key, 1, Write::Remove));
    let come = new.iter().filter(|key| !old.contains(key)).map(|key| change(key, 0, Write::Put(Vec::new())));
    gone.chain(come).collect()
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.millis()).unwrap_or_default()
}

/// What the keys of an index's entries under one value begin with: number of the index, 1 octet ‖ length of the value, 2
/// octets, big-endian ‖ value. Of texts that are found by their beginning: number of the index ‖ FFFF, which is no value's
/// length ‖ beginning of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexPrefix {
    bytes: Vec<u8>,
    by_beginning: bool,
}

/// Octets of an entry's place in the order.
const ORDER_LENGTH: usize = 8;
/// Values that are longer are cut: the records found are looked at anyway.
const LONGEST_VALUE: usize = 512;
/// Octets of a text that is found by its beginning at most; what is longer is cut. A cursor has room for the rest of it.
const LONGEST_TEXT: usize = 384;
/// Stands where other indexes have a value's length.
const TEXT: [u8; 2] = [0xff; 2];

impl IndexPrefix {
    /// Of one value.
    pub fn new(index: Index, value: &[u8]) -> Self {
        let value = value.get(..LONGEST_VALUE).unwrap_or(value);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
        Self { bytes: [&[index as u8][..], &length, value].concat(), by_beginning: false }
    }

    /// Of all texts that begin like this, the shortest first. Texts are compared without white space, with letters small and
    /// full-width characters (U+FF01 to U+FF5E) as their ASCII ones: 闽江（福建） and 闽江(福建) are the same.
    pub fn beginning(index: Index, text: &str) -> Self {
        let text = compared(text);
        let text = text.as_bytes();
        let text = text.get(..LONGEST_TEXT).unwrap_or(text);
        Self { bytes: [&[index as u8][..], &TEXT, text].concat(), by_beginning: true }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key of the record that an entry is of.
    pub(super) fn target_of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let rest = key.get(self.bytes.len()..).unwrap_or_default();
        let place = if self.by_beginning {
            rest.iter().position(|octet| *octet == 0).map_or(rest.len(), |end| end + 1)
        } else {
            ORDER_LENGTH
        };
        rest.get(place..).unwrap_or_default()
    }

    /// Where an entry stands, without saying of which value: a cursor of one list is of no use in another.
    pub(super) fn cursor_of(&self, key: &[u8]) -> Cursor {
        Cursor::new(key.get(self.bytes.len()..).unwrap_or_default())
    }

    pub(super) fn key_at(&self, cursor: &Cursor) -> Vec<u8> {
        [&self.bytes[..], cursor.bytes()].concat()
    }
}

/// A text as it is compared.
fn compared(text: &str) -> String {
    let narrow = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    };
    let kept = text.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control());
    kept.map(narrow).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_beginning_however_it_is_written() {
        let key = IndexEntry::text(Index::EnterpriseByName, "闽江（福建）ABC 公司").key(&[0, 7]);
        for beginning in ["闽江", "闽江(福建)abc公司", "闽江 （福建）Ａ"] {
            let prefix = IndexPrefix::beginning(Index::EnterpriseByName, beginning);
            assert!(key.starts_with(prefix.bytes()), "{beginning}");
            assert_eq!(prefix.target_of(&key), [0, 7], "{beginning}");
            assert_eq!(prefix.key_at(&prefix.cursor_of(&key)), key);
        }
        for (index, beginning) in [(Index::EnterpriseByName, "江"), (Index::UserByName, "闽江")] {
            assert!(!key.starts_with(IndexPrefix::beginning(index, beginning).bytes()));
        }
    }
}
