//! What there is still of what is removed.

use yinqiao_lifecycle::cascade::{CascadeKind, Inventory, RemainingCertificate, RemainingSeal};
use yinqiao_lifecycle::certificate::Status;
use yinqiao_lifecycle::enterprise::{Enterprise, State};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::order::Order;
use yinqiao_lifecycle::seal::{SealApplication, SealState};
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::{Timestamp, UserId};

use crate::directory::{CertificateRecord, SealRecord, of_member};
use crate::lifecycle::recovery;
use crate::records::companies::{MembershipList, membership_key, memberships_of, orders_for, orders_of};
use crate::records::seals::{SealApplicationRecord, seal_applications_of, seals_of};
use crate::records::users::sessions_of;
use crate::records::{Index, IndexPrefix, Repository};
use crate::store::StoreError;

/// Reads it.
///
/// # Errors
/// When the store fails.
///
/// `since` is when the removal began: what a company's new legal person has had made from then on stays, and what a company has that was
/// registered anew.
pub(crate) async fn inventory(
    repository: &Repository,
    kind: &CascadeKind,
    since: Timestamp,
) -> Result<Inventory, StoreError> {
    match kind {
        CascadeKind::RemoveMember { enterprise, user } => of_person_in(repository, enterprise, *user).await,
        CascadeKind::ChangeLegalPerson { enterprise, former } => {
            let mut there = of_person_in(repository, enterprise, *former).await?;
            let is_of_former = |application: &SealApplication| application.applied_by == *former;
            add_seals(repository, enterprise, (|at| at <= since, is_of_former), &mut there).await?;
            Ok(there)
        }
        CascadeKind::DeleteEnterprise { enterprise } => of_company(repository, enterprise, since).await,
        CascadeKind::DeleteUser { user } => of_user(repository, *user).await,
    }
}

async fn of_person_in(
    repository: &Repository,
    enterprise: &CreditCode,
    user: UserId,
) -> Result<Inventory, StoreError> {
    let mut there = Inventory::default();
    let certificates =
        IndexPrefix::new(Index::CertificateByEnterprise, &of_member(enterprise.as_str(), user.as_bytes()));
    add_certificates(repository, &certificates, |_| true, &mut there).await?;
    let orders = repository.all::<Order>(&orders_of(user)).await?;
    let of_company = orders.into_iter().filter(|order| order.value.enterprise.as_ref() == Some(enterprise));
    add_orders(of_company.map(|found| found.value), &mut there);
    if let Some(found) = repository.get::<Membership>(&membership_key(enterprise, user)).await? {
        add_memberships([found.value], &mut there);
    }
    there.subject_present = !there.memberships.is_empty();
    Ok(there)
}

async fn of_company(
    repository: &Repository,
    enterprise: &CreditCode,
    began: Timestamp,
) -> Result<Inventory, StoreError> {
    let company = repository.get::<Enterprise>(enterprise.as_str().as_bytes()).await?;
    let company = company.map(|found| found.value);
    // What a company has that was registered anew since is its own.
    let anew = company.as_ref().map(|company| company.since).filter(|since| *since > began);
    let is_of_then = |at: Timestamp| anew.is_none_or(|anew| at < anew);
    let mut there = Inventory::default();
    let certificates = IndexPrefix::new(Index::CertificateByEnterprise, enterprise.as_str().as_bytes());
    add_certificates(repository, &certificates, is_of_then, &mut there).await?;
    let orders = repository.all::<Order>(&orders_for(enterprise)).await?.into_iter();
    let orders = orders.map(|found| found.value).filter(|order| is_of_then(order.applied_at));
    add_orders(orders, &mut there);
    for list in [MembershipList::Applications, MembershipList::Members] {
        let found = repository.all::<Membership>(&list.in_company(enterprise)).await?.into_iter();
        let found = found.map(|found| found.value).filter(|member| is_of_then(member.applied_at));
        add_memberships(found, &mut there);
    }
    add_seals(
        repository,
        enterprise,
        (is_of_then, |application: &SealApplication| is_of_then(application.applied_at)),
        &mut there,
    )
    .await?;
    there.subject_present =
        anew.is_none() && company.is_some_and(|company| !matches!(company.state, State::Deleted { .. }));
    Ok(there)
}

async fn of_user(repository: &Repository, user: UserId) -> Result<Inventory, StoreError> {
    let mut there = Inventory::default();
    let certificates = IndexPrefix::new(Index::CertificateByUser, user.as_bytes());
    add_certificates(repository, &certificates, |_| true, &mut there).await?;
    let orders = repository.all::<Order>(&orders_of(user)).await?;
    add_orders(orders.into_iter().map(|found| found.value), &mut there);
    let memberships = repository.all::<Membership>(&memberships_of(user)).await?;
    add_memberships(memberships.into_iter().map(|found| found.value), &mut there);
    if !repository
        .page::<yinqiao_lifecycle::user::DeviceSession>(&sessions_of(user), None, 1)
        .await?
        .items
        .is_empty()
    {
        there.sessions.push(user);
    }
    there.subject_present = repository.get::<User>(user.as_bytes()).await?.is_some();
    Ok(there)
}

async fn add_certificates(
    repository: &Repository,
    prefix: &IndexPrefix,
    is_of_then: impl Fn(Timestamp) -> bool,
    there: &mut Inventory,
) -> Result<(), StoreError> {
    let now = repository.clock().now();
    for found in repository.all::<CertificateRecord>(prefix).await? {
        if !is_of_then(found.value.facts.issued_at) {
            continue;
        }
        let sm3 = found.value.facts.sm3;
        there.certificates.push(RemainingCertificate { sm3, over: is_over(&found.value, now) });
        there.recoveries.extend(recovery::open_requests(repository, &sm3).await?);
    }
    Ok(())
}

/// Whether nothing is left to be asked of the CA.
pub(super) fn is_over(record: &CertificateRecord, now: Timestamp) -> bool {
    match record.status(now) {
        Status::Expired => true,
        Status::Revoked => record.standing.next_operation().is_none(),
        Status::Active | Status::Held => false,
    }
}

fn add_orders(orders: impl IntoIterator<Item = Order>, there: &mut Inventory) {
    let open = orders.into_iter().filter(|order| !order.is_over());
    there.orders.extend(open.map(|order| order.id));
}

/// The seals and applications of a company that end: an application that `is_ending`, and its seal; a seal that `is_of_then`.
async fn add_seals(
    repository: &Repository,
    enterprise: &CreditCode,
    (is_of_then, is_ending): (impl Fn(Timestamp) -> bool, impl Fn(&SealApplication) -> bool),
    there: &mut Inventory,
) -> Result<(), StoreError> {
    let applications = repository.all::<SealApplicationRecord>(&seal_applications_of(enterprise)).await?;
    let applications = applications.into_iter().map(|found| found.value.application);
    let ending: Vec<_> = applications.filter(is_ending).collect();
    let open = ending.iter().filter(|application| application.awaits().is_some());
    there.seal_applications.extend(open.map(|application| application.id));
    for found in repository.all::<SealRecord>(&seals_of(enterprise.as_str())).await? {
        let seal = found.value;
        let ends = is_of_then(seal.made_at)
            || ending.iter().any(|ending| seal.standing.application == Some(ending.id));
        if ends && !matches!(seal.standing.state, SealState::Revoked { .. }) {
            there.seals.push(RemainingSeal { id: seal.id, kind: seal.kind });
        }
    }
    Ok(())
}

fn add_memberships(memberships: impl IntoIterator<Item = Membership>, there: &mut Inventory) {
    let open = memberships.into_iter().filter(|membership| membership.is_open());
    there.memberships.extend(open.map(|membership| (membership.enterprise, membership.user)));
}
