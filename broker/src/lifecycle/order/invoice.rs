//! Having an invoice made.

use yinqiao_lifecycle::JobKind;
use yinqiao_lifecycle::order::{InvoiceState, Order};
use yinqiao_protocol::{OrderId, Sm3Hex};

use super::{change, no_such_order};
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::invoice::{InvoiceError, InvoiceFile, Made};
use crate::lifecycle::job::Attempt;

/// The job: asks the issuer, and keeps the invoice's file.
///
/// # Errors
/// When the issuer is out of reach.
pub(crate) async fn invoice(broker: &Broker, id: OrderId) -> Result<Attempt, ApiError> {
    let found = broker.repository.get::<Order>(id.as_bytes()).await?.ok_or_else(no_such_order)?;
    let asked = found.value.invoice.as_ref().filter(|invoice| invoice.state == InvoiceState::Requested);
    let outcome = match asked {
        Some(asked) => Some(broker.invoices.make(&found.value, asked).await),
        None => None,
    };
    let made = match outcome {
        Some(Err(InvoiceError::Unavailable(reason))) => {
            return Err(ApiError::new(Kind::GatewayUnavailable, reason));
        }
        Some(Err(InvoiceError::Refused(reason))) => Some(Err(reason)),
        Some(Ok(made)) => Some(Ok(made)),
        None => None,
    };
    broker
        .repository
        .transact(async |transaction| {
            transaction.finish(&JobKind::Invoice(id));
            match &made {
                Some(Ok(Made { number, file })) => {
                    let stored = InvoiceFile::new(file);
                    let sm3 = stored.sm3;
                    if transaction.get::<InvoiceFile>(sm3.as_bytes()).await?.is_none() {
                        transaction.put(None, &stored)?;
                    }
                    change(transaction, id, |order, now| order.invoice_issued(number, sm3, now)).await?;
                }
                Some(Err(reason)) => {
                    change(transaction, id, |order, now| order.invoice_failed(reason, now)).await?;
                }
                None => transaction.rest_on(&found),
            }
            Ok(Attempt::Finished)
        })
        .await
}

/// The file of an order's invoice.
///
/// # Errors
/// When there is none.
pub(crate) async fn invoice_file(broker: &Broker, order: &Order) -> Result<Vec<u8>, ApiError> {
    let none = || ApiError::new(Kind::NotFound, "the order has no invoice (yet)");
    let sm3: Sm3Hex = match order.invoice.as_ref().map(|invoice| &invoice.state) {
        Some(InvoiceState::Issued { file_sm3, .. }) => *file_sm3,
        _ => return Err(none()),
    };
    let stored = broker.repository.get::<InvoiceFile>(sm3.as_bytes()).await?.ok_or_else(none)?;
    Ok(stored.value.bytes.0)
}
