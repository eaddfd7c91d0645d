//! Finding records by something else than their key.

use yinqiao_protocol::Timestamp;

use super::{Aggregate, Cursor};
use crate::store::{Collection, RecordChange, Write};

/// An index. The number is part of the stored key and never changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Index {
    /// Users by a keyed digest of their ID number.
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
}

/// One entry: under which value of an index, and in which place there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexEntry {
    prefix: IndexPrefix,
    order: u64,
}

impl IndexEntry {
    /// Oldest first.
    pub fn rising(index: Index, value: &[u8], at: Timestamp) -> Self {
        Self { prefix: IndexPrefix::new(index, value), order: millis(at) }
    }

    /// Newest first.
    pub fn falling(index: Index, value: &[u8], at: Timestamp) -> Self {
        Self { prefix: IndexPrefix::new(index, value), order: u64::MAX - millis(at) }
    }

    /// In no order but that of the records' keys.
    pub fn plain(index: Index, value: &[u8]) -> Self {
        Self { prefix: IndexPrefix::new(index, value), order: 0 }
    }

    /// prefix ‖ order, 8 octets, big-endian ‖ key of the record.
    pub(super) fn key(&self, target: &[u8]) -> Vec<u8> {
        [self.prefix.bytes(), &self.order.to_be_bytes(), target].concat()
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
/// octets, big-endian ‖ value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexPrefix(Vec<u8>);

/// Octets of an entry's place in the order.
const ORDER_LENGTH: usize = 8;
/// Values that are longer are cut: the records found are looked at anyway.
const LONGEST_VALUE: usize = 512;

impl IndexPrefix {
    /// Of one value.
    pub fn new(index: Index, value: &[u8]) -> Self {
        let value = value.get(..LONGEST_VALUE).unwrap_or(value);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
        Self([&[index as u8][..], &length, value].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key of the record that an entry is of.
    pub(super) fn target_of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        key.get(self.0.len() + ORDER_LENGTH..).unwrap_or_default()
    }

    /// Where an entry stands, without saying of which value: a cursor of one list is of no use in another.
    pub(super) fn cursor_of(&self, key: &[u8]) -> Cursor {
        Cursor::new(key.get(self.0.len()..).unwrap_or_default())
    }

    pub(super) fn key_at(&self, cursor: &Cursor) -> Vec<u8> {
        [&self.0[..], cursor.bytes()].concat()
    }
}
