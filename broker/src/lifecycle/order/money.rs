//! Giving money back.

use yinqiao_lifecycle::JobKind;
use yinqiao_lifecycle::order::Order;
use yinqiao_protocol::OrderId;

use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::job::Attempt;

/// The job: asks the payment provider to give back what is due, each payment by its reference. The provider says by its own
/// word when it is done. Where no provider takes such requests, an operator gives it back and confirms it.
///
/// # Errors
/// When the provider does not take the request.
pub(crate) async fn refund(broker: &Broker, id: OrderId) -> Result<Attempt, ApiError> {
    let found = broker.repository.get::<Order>(id.as_bytes()).await?;
    if let Some(found) = &found
        && let Some(payment) = &found.value.payment
    {
        for reference in payment.refunds_due() {
            broker
                .payments
                .ask_refund(payment.id, reference, payment.amount)
                .await
                .map_err(|error| ApiError::new(Kind::GatewayUnavailable, error.to_string()))?;
        }
    }
    broker
        .repository
        .transact(async |transaction| {
            if let Some(found) = &found {
                transaction.rest_on(found);
            }
            transaction.finish(&JobKind::Refund(id));
            Ok(Attempt::Finished)
        })
        .await
}
