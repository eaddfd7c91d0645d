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
