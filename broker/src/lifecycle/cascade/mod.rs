//! Removals with everything that follows from them: a stored list of steps that a job goes on with until nothing is left.

mod drive;
mod inventory;
mod step;

pub(crate) use drive::drive;
pub(crate) use inventory::inventory;

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::cascade::{Cascade, CascadeKind};
use yinqiao_protocol::CascadeId;

use crate::records::Transaction;
use crate::store::StoreError;

/// Begins a removal together with the change that asks for it. What there is to remove is read beside the transaction: what
/// comes in at the same time is found when the removal looks again, at its end.
///
/// # Errors
/// When the store fails.
pub async fn start(
    transaction: &mut Transaction<'_>,
    id: CascadeId,
    kind: CascadeKind,
    by: &Actor,
) -> Result<Cascade, StoreError> {
    let there = inventory(transaction.repository(), &kind, transaction.now()).await?;
    let step = Cascade::start(id, kind, &there, by, transaction.now());
    transaction.take(None, step)
}
