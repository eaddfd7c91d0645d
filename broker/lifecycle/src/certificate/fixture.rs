//! People and a certificate.

use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{OperatorId, OrderId, Sm3Hex, Timestamp, UserId};

use crate::actor::{Actor, OperatorRole, UserActor};
use crate::identity::{AssuranceLevel, CreditCode};

use super::Facts;

pub(crate) fn company() -> CreditCode {
    "91350100M000100Y43".parse().unwrap()
}

pub(crate) fn other_company() -> CreditCode {
    let with_check = |check| format!("91110000M000100Y4{check}").parse().ok();
    "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().find_map(with_check).unwrap()
}

pub(crate) fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(day * 86_400_000)
}

pub(crate) fn user(id: UserId) -> Actor {
    Actor::User(UserActor { id, kind: HolderKind::Person, enterprise: None, level: AssuranceLevel::L4 })
}

pub(crate) fn legal_person(id: UserId, enterprise: CreditCode) -> Actor {
    Actor::User(UserActor {
        id,
        kind: HolderKind::LegalPerson,
        enterprise: Some(enterprise),
        level: AssuranceLevel::L4,
    })
}

pub(crate) fn staff(role: OperatorRole) -> Actor {
    Actor::Operator { id: OperatorId::from_bytes([role as u8 + 1; 16]), role }
}

/// A pair of a company's staff member, issued on day 0 for a year.
pub(crate) fn facts() -> Facts {
    Facts {
        sm3: Sm3Hex::of(b"certificate"),
        user: Some(UserId::from_bytes([7; 16])),
        enterprise: Some(company()),
        order: Some(OrderId::from_bytes([8; 16])),
        signing_serial: "0a01".to_owned(),
        encryption_serial: "0a02".to_owned(),
        issued_at: day(0),
        not_after: day(365),
    }
}

pub(crate) fn holder() -> Actor {
    user(UserId::from_bytes([7; 16]))
}

pub(crate) fn chief() -> Actor {
    legal_person(UserId::from_bytes([9; 16]), company())
}
