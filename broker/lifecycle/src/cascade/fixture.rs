//! A small world: one company, two persons, a CA that may be down.

use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{
    CascadeId, OrderId, RecoveryId, SealApplicationId, SealId, Sm3Hex, Timestamp, UserId,
};

use super::*;
use crate::certificate::fixture::{chief, company};

/// Something that may be there, with its number and its person.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thing {
    pub number: u8,
    pub owner: u8,
    pub state: ThingState,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ThingState {
    Open,
    /// A certificate or seal that is blocked here while the CA has not answered; an order that the CA is issuing.
    Between,
    /// A certificate that is revoked and can be seen.
    Revoked,
    Gone,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct World {
    pub certificates: Vec<Thing>,
    pub orders: Vec<Thing>,
    pub recoveries: Vec<Thing>,
    pub seals: Vec<Thing>,
    pub applications: Vec<Thing>,
    pub memberships: Vec<Thing>,
    pub sessions: Vec<Thing>,
    pub subject_present: bool,
    pub ca_down: bool,
}

pub(super) fn person(owner: u8) -> UserId {
    UserId::from_bytes([owner + 100; 16])
}

pub(super) fn kinds() -> [CascadeKind; 4] {
    let (enterprise, user) = (company(), person(0));
    [
        CascadeKind::RemoveMember { enterprise: enterprise.clone(), user },
        CascadeKind::DeleteEnterprise { enterprise: enterprise.clone() },
        CascadeKind::ChangeLegalPerson { enterprise, former: user },
        CascadeKind::DeleteUser { user },
    ]
}

fn certificate(number: u8) -> Sm3Hex {
    Sm3Hex::of(&[number])
}

fn seal_kind(number: u8) -> SealKind {
    if number.is_multiple_of(2) { SealKind::Official } else { SealKind::LegalRepresentative }
}

impl World {
    pub(super) fn with_one_of_each() -> Self {
        let mut world = Self {
            certificates: Vec::new(),
            orders: Vec::new(),
            recoveries: Vec::new(),
            seals: Vec::new(),
            applications: Vec::new(),
            memberships: Vec::new(),
            sessions: Vec::new(),
            subject_present: true,
            ca_down: false,
        };
        for owner in 0..2 {
            for which in 0..7 {
                world.add(which, owner, ThingState::Open);
            }
        }
        world
    }

    fn list(&mut self, which: u8) -> &mut Vec<Thing> {
        match which {
            0 => &mut self.certificates,
            1 => &mut self.orders,
            2 => &mut self.recoveries,
            3 => &mut self.seals,
            4 => &mut self.applications,
            5 => &mut self.memberships,
            _ => &mut self.sessions,
        }
    }

    /// Something new. A person has one membership, and sessions are counted once.
    pub(super) fn add(&mut self, which: u8, owner: u8, state: ThingState) {
        let list = self.list(which);
        if which >= 5
            && let Some(there) = list.iter_mut().find(|thing| thing.owner == owner)
        {
            there.state = ThingState::Open;
            return;
        }
        list.push(Thing { number: list.len() as u8, owner, state });
    }

    /// The CA has issued what an order asked for.
    pub(super) fn issue(&mut self) {
        let issuing = self.orders.iter_mut().find(|order| order.state == ThingState::Between);
        if let Some(order) = issuing {
            order.state = ThingState::Gone;
            let owner = order.owner;
            self.add(0, owner, ThingState::Open);
        }
    }

    /// As the service reads it.
    pub(super) fn inventory(&self, kind: &CascadeKind) -> Inventory {
        let all = matches!(kind, CascadeKind::DeleteEnterprise { .. });
        let remaining = |list: &[Thing], of_company: bool| -> Vec<Thing> {
            list.iter()
                .filter(|thing| thing.state != ThingState::Gone && (all || of_company || thing.owner == 0))
                .cloned()
                .collect()
        };
        let certificates = remaining(&self.certificates, false)
            .iter()
            .map(|thing| RemainingCertificate {
                sm3: certificate(thing.number),
                over: thing.state == ThingState::Revoked,
            })
            .collect();
        let seals = remaining(&self.seals, true);
        Inventory {
            certificates,
            orders: named(&remaining(&self.orders, false), OrderId::from_bytes),
            recoveries: named(&remaining(&self.recoveries, false), RecoveryId::from_bytes),
            seals: seals
                .iter()
                .map(|thing| RemainingSeal {
                    id: SealId::from_bytes([thing.number; 16]),
                    kind: seal_kind(thing.number),
                })
                .collect(),
            seal_applications: named(&remaining(&self.applications, true), SealApplicationId::from_bytes),
            memberships: remaining(&self.memberships, false)
                .iter()
                .map(|thing| (company(), person(thing.owner)))
                .collect(),
            sessions: remaining(&self.sessions, false).iter().map(|thing| person(thing.owner)).collect(),
            subject_present: self.subject_present,
        }
    }

    /// As the service does it: blocks at once, and waits for the CA.
    pub(super) fn run(&mut self, what: &What) -> Result<(), String> {
        let down = self.ca_down;
        let to_revoke = |thing: &mut Thing, done: ThingState| {
            if matches!(thing.state, ThingState::Open | ThingState::Between) {
                thing.state = if down { ThingState::Between } else { done };
            }
            if thing.state == ThingState::Between { Err("the CA is down".to_owned()) } else { Ok(()) }
        };
        match what {
            What::RevokeCertificate(sm3) => to_revoke(
                self.certificates.iter_mut().find(|thing| certificate(thing.number) == *sm3).unwrap(),
                ThingState::Revoked,
            ),
            What::RevokeSeal(id) => {
                to_revoke(&mut self.seals[usize::from(id.as_bytes()[0])], ThingState::Gone)
            }
            What::CancelOrder(id) => {
                let order = &mut self.orders[usize::from(id.as_bytes()[0])];
                if order.state == ThingState::Between {
                    return Err("the CA is issuing it".to_owned());
                }
                order.state = ThingState::Gone;
                Ok(())
            }
            What::DeleteCertificate(sm3) => {
                let thing =
                    self.certificates.iter_mut().find(|thing| certificate(thing.number) == *sm3).unwrap();
                assert!(!matches!(thing.state, ThingState::Open | ThingState::Between), "it could be used");
                thing.state = ThingState::Gone;
                Ok(())
            }
            What::RejectRecovery(id) => gone(&mut self.recoveries, id.as_bytes()[0]),
            What::CancelSealApplication(id) => gone(&mut self.applications, id.as_bytes()[0]),
            What::EndMembership { user, .. } => gone_of(&mut self.memberships, *user),
            What::EndSessions(user) => gone_of(&mut self.sessions, *user),
            What::DeleteEnterprise(_) | What::DeleteUser(_) => {
                self.subject_present = false;
                Ok(())
            }
        }
    }

    pub(super) fn start(&self, kind: &CascadeKind, now: Timestamp) -> Cascade {
        let id = CascadeId::from_bytes([1; 16]);
        Cascade::start(id, kind.clone(), &self.inventory(kind), &chief(), now).next
    }
}

fn named<T>(things: &[Thing], name: impl Fn([u8; 16]) -> T) -> Vec<T> {
    things.iter().map(|thing| name([thing.number; 16])).collect()
}

fn gone(things: &mut [Thing], number: u8) -> Result<(), String> {
    things[usize::from(number)].state = ThingState::Gone;
    Ok(())
}

fn gone_of(things: &mut [Thing], user: UserId) -> Result<(), String> {
    for thing in things.iter_mut().filter(|thing| person(thing.owner) == user) {
        thing.state = ThingState::Gone;
    }
    Ok(())
}
