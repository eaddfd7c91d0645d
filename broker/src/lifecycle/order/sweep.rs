//! Orders that wait too long.

use yinqiao_lifecycle::order::Order;

use super::take;
use crate::records::{Index, IndexPrefix, Repository};
use crate::store::StoreError;

/// Orders looked at in one go.
const PAGE: usize = 200;

/// Ends those whose time is over. Gives their number.
///
/// # Errors
/// When the store fails.
pub async fn expire_late(repository: &Repository) -> Result<usize, StoreError> {
    let prefix = IndexPrefix::new(Index::OrderByDeadline, &[]);
    let now = repository.clock().now();
    let mut expired = 0;
    for found in repository.page::<Order>(&prefix, None, PAGE).await?.items {
        if found.value.deadline().is_none_or(|deadline| deadline > now) {
            break;
        }
        let id = found.value.id;
        let ended = repository
            .transact(async |transaction| {
                let Some(found) = transaction.get::<Order>(id.as_bytes()).await? else { return Ok(false) };
                let step = found.value.expire(transaction.now());
                let changed = step.changed;
                take(transaction, &found, step).await?;
                Ok::<_, StoreError>(changed)
            })
            .await?;
        expired += usize::from(ended);
    }
    Ok(expired)
}

#[cfg(test)]
mod tests {
    use yinqiao_lifecycle::money::Fen;
    use yinqiao_lifecycle::offer::{Policy, Quote};
    use yinqiao_lifecycle::order::{Applicant, Reason, Wish};
    use yinqiao_protocol::{OrderId, PaymentId, UserId};

    use super::*;
    use crate::http::problem::ApiError;
    use crate::lifecycle::certificate::fixture::{DAY, Desk, holder};

    const FREE: Fen = Fen::ZERO;

    /// An order for so much: it waits to be paid, or to be downloaded.
    async fn place(desk: &Desk, amount: Fen) -> OrderId {
        let actor = holder(UserId::random());
        let wish = Wish {
            reason: Reason::New,
            platform: "city".into(),
            certificate_authority: "ca".into(),
            product: None,
            days: 365,
            signing_only: false,
        };
        let order = Order::apply(
            OrderId::random(),
            wish,
            Quote { amount, free_by: None },
            &Policy::default(),
            &Applicant { actor: &actor, belongs: false, enterprise: None },
            PaymentId::random(),
            desk.now(),
        );
        let order = order.unwrap().next;
        let stored: Result<(), ApiError> =
            desk.repository.transact(async |transaction| Ok(transaction.put(None, &order)?)).await;
        stored.unwrap();
        order.id
    }

    async fn state(desk: &Desk, order: OrderId) -> &'static str {
        desk.repository.get::<Order>(order.as_bytes()).await.unwrap().unwrap().value.state_name()
    }

    #[actix_rt::test]
    async fn orders_end_when_their_own_time_is_over_and_not_before() {
        let desk = Desk::new();
        let policy = Policy::default();
        let (unpaid, ready) = (place(&desk, Fen(20_000)).await, place(&desk, FREE).await);
        desk.pass(policy.payment_days * DAY - 1);
        assert_eq!(expire_late(&desk.repository).await.unwrap(), 0);
        assert_eq!((state(&desk, unpaid).await, state(&desk, ready).await), ("awaiting_payment", "ready"));
        desk.pass(1);
        assert_eq!(expire_late(&desk.repository).await.unwrap(), 1);
        assert_eq!((state(&desk, unpaid).await, state(&desk, ready).await), ("expired", "ready"));
        desk.pass((policy.download_days - policy.payment_days) * DAY);
        assert_eq!(expire_late(&desk.repository).await.unwrap(), 1);
        assert_eq!(state(&desk, ready).await, "expired");
        assert_eq!(expire_late(&desk.repository).await.unwrap(), 0);
    }

    #[actix_rt::test]
    async fn more_late_orders_than_one_go_takes_end_in_the_next() {
        let desk = Desk::new();
        for _ in 0..=PAGE {
            place(&desk, FREE).await;
        }
        desk.pass(Policy::default().download_days * DAY);
        assert_eq!(expire_late(&desk.repository).await.unwrap(), PAGE);
        assert_eq!(expire_late(&desk.repository).await.unwrap(), 1);
    }
}
