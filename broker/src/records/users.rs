//! Users and their phones.

use yinqiao_gm::sm3;
use yinqiao_lifecycle::identity::{IdNumber, PhoneNumber};
use yinqiao_lifecycle::user::{DeviceSession, User};
use yinqiao_protocol::UserId;

use super::{Aggregate, Index, IndexEntry, IndexPrefix};
use crate::store::Collection;

impl Aggregate for User {
    const COLLECTION: Collection = Collection::User;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::falling(Index::UserByTime, &[], self.since)];
        if let Some(number) = &self.id_number {
            entries.push(IndexEntry::plain(Index::UserByIdNumber, &digest(number.expose())));
        }
        if let Some(number) = &self.phone {
            entries.push(IndexEntry::plain(Index::UserByPhoneNumber, &digest(number.as_str())));
        }
        if let Some(name) = &self.name {
            entries.push(IndexEntry::text(Index::UserByName, name));
        }
        entries
    }
}

impl Aggregate for DeviceSession {
    const COLLECTION: Collection = Collection::DeviceSession;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::rising(Index::SessionByExpiry, b"device", self.idle_ends_at())];
        if self.ended_at.is_none() {
            entries.push(IndexEntry::falling(Index::DeviceSessionByUser, self.user.as_bytes(), self.since));
            entries.push(IndexEntry::plain(Index::DeviceSessionByToken, self.tokens.access_sm3.as_bytes()));
        }
        entries
    }
}

/// Where users with this ID number are found.
pub fn users_by_id_number(number: &IdNumber) -> IndexPrefix {
    IndexPrefix::new(Index::UserByIdNumber, &digest(number.expose()))
}

/// Where users with this telephone number are found.
pub fn users_by_phone_number(number: &PhoneNumber) -> IndexPrefix {
    IndexPrefix::new(Index::UserByPhoneNumber, &digest(number.as_str()))
}

/// Where the phones of a user are found.
pub fn sessions_of(user: UserId) -> IndexPrefix {
    IndexPrefix::new(Index::DeviceSessionByUser, user.as_bytes())
}

/// Digest of an ID number or a telephone number. It hides nothing from someone who has the store, where the number stands as
/// well; it keeps numbers out of keys, which errors and logs may name.
fn digest(number: &str) -> Vec<u8> {
    sm3::digest(number.as_bytes()).as_ref().to_vec()
}
