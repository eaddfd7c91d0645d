//! Making an order.

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::offer::Facts;
use yinqiao_lifecycle::order::{Applicant, Approver, Order, Wish};
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::holder::masked_name;
use yinqiao_protocol::{OrderId, PaymentId};

use super::offers;
use crate::broker::Broker;
use crate::directory::CertificateRecord;
use crate::http::problem::{ApiError, Kind};
use crate::message::{self, Notice};
use crate::records::companies::{membership_key, orders_of};
use crate::records::{Index, IndexPrefix, Transaction};

/// What is ordered, with names for what is new.
pub(crate) struct NewOrder {
    /// Of the order.
    pub id: OrderId,
    /// Of its payment.
    pub payment: PaymentId,
    /// For which company.
    pub enterprise: Option<CreditCode>,
    /// What.
    pub wish: Wish,
}

/// Makes it.
///
/// # Errors
/// When it is not offered, or not to this person.
pub(crate) async fn place(
    broker: &Broker,
    transaction: &mut Transaction<'_>,
    user: &User,
    new: &NewOrder,
) -> Result<Order, ApiError> {
    let invalid = |text: String| ApiError::new(Kind::InvalidRequest, text);
    let wish = &new.wish;
    let offer = offers(broker)
        .into_iter()
        .find(|offer| {
            (&offer.platform, &offer.certificate_authority, &offer.product)
                == (&wish.platform, &wish.certificate_authority, &wish.product)
        })
        .filter(|offer| offer.is_for(user.kind))
        .ok_or_else(|| invalid("this is not offered to you: GET /v1/offers lists what is".to_owned()))?;
    let fee = offer.fee(wish.days).ok_or_else(|| {
        let days: Vec<_> = offer.term.iter().map(|term| term.days.to_string()).collect();
        invalid(format!("this certificate is offered for {} days", days.join(", ")))
    })?;
    replaced(broker, transaction, user, new).await?;
    let actor = Actor::User(user.actor());
    let applicant = Applicant {
        actor: &actor,
        belongs: belongs(transaction, user, new.enterprise.as_ref()).await?,
        enterprise: new.enterprise.clone(),
    };
    let facts = Facts {
        kind: user.kind,
        enterprise: new.enterprise.as_ref(),
        certificates_before: certificates_before(transaction, user, new.enterprise.as_ref()).await?,
        now: transaction.now(),
    };
    let quote = broker.offers.quote(&offer, fee, facts);
    let wish = Wish { signing_only: offer.signing_only, ..wish.clone() };
    let step =
        Order::apply(new.id, wish, quote, &broker.offers.policy, &applicant, new.payment, transaction.now())?;
    if step.next.approver == Approver::LegalPerson
        && let Some(code) = &new.enterprise
        && let Some(company) = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?
    {
        let to = message::to_user(transaction.repository(), company.value.legal_person).await?;
        let applicant = masked_name(user.name.as_deref().unwrap_or_default());
        message::write(transaction, to, Notice::OrderWaits { applicant })?;
    }
    Ok(transaction.take(None, step)?)
}

/// Whether the person belongs to the company, or leads it. The order rests on that.
async fn belongs(
    transaction: &mut Transaction<'_>,
    user: &User,
    enterprise: Option<&CreditCode>,
) -> Result<bool, ApiError> {
    let Some(code) = enterprise else { return Ok(false) };
    let Some(company) = transaction.get::<Enterprise>(code.as_str().as_bytes()).await? else {
        return Ok(false);
    };
    company.value.require_active()?;
    transaction.rest_on(&company);
    if company.value.is_led_by(&Actor::User(user.actor())) {
        return Ok(true);
    }
    let membership = transaction.get::<Membership>(&membership_key(code, user.id)).await?;
    let Some(membership) = membership.filter(|found| found.value.is_active()) else { return Ok(false) };
    transaction.rest_on(&membership);
    Ok(true)
}

/// Certificates that the company, or the person without one, has had.
async fn certificates_before(
    transaction: &Transaction<'_>,
    user: &User,
    enterprise: Option<&CreditCode>,
) -> Result<u32, ApiError> {
    let prefix = match enterprise {
        Some(code) => IndexPrefix::new(Index::CertificateByEnterprise, code.as_str().as_bytes()),
        None => IndexPrefix::new(Index::CertificateByUser, user.id.as_bytes()),
    };
    let found = transaction.repository().all::<CertificateRecord>(&prefix).await?;
    let own = found.into_iter().filter(|found| found.value.facts.enterprise.as_ref() == enterprise);
    Ok(u32::try_from(own.count()).unwrap_or(u32::MAX))
}

/// Whether the certificate that is to be replaced is the person's and can be.
async fn replaced(
    broker: &Broker,
    transaction: &mut Transaction<'_>,
    user: &User,
    new: &NewOrder,
) -> Result<(), ApiError> {
    let reason = &new.wish.reason;
    let Some(sm3) = reason.in_place_of() else { return Ok(()) };
    let found = transaction.get::<CertificateRecord>(sm3.as_bytes()).await?;
    let own = |record: &CertificateRecord| {
        record.facts.user == Some(user.id) && record.facts.enterprise == new.enterprise
    };
    let found = found.filter(|found| own(&found.value)).ok_or_else(|| {
        ApiError::new(Kind::NotFound, "you have no such certificate for this company to be replaced")
    })?;
    let record = &found.value;
    let orders = transaction.repository().all::<Order>(&orders_of(user.id)).await?;
    let orders = orders.iter().map(|found| &found.value);
    let of = (&record.facts, &record.standing);
    reason.may_replace(of, orders, &broker.offers.policy, transaction.now())?;
    // The certificate gets a new version: of two orders in its place at once, one sees the other.
    transaction.put(Some(&found), record)?;
    Ok(())
}
