//! The job that goes on with a removal.

use std::time::Duration;

use yinqiao_lifecycle::JobKind;
use yinqiao_lifecycle::cascade::{Cascade, Next, What};
use yinqiao_protocol::CascadeId;

use super::inventory::inventory;
use super::step;
use crate::http::problem::ApiError;
use crate::lifecycle::job::Attempt;
use crate::records::Repository;

/// Goes on until nothing is left, or everything that is left has to wait.
///
/// # Errors
/// When the store fails.
pub(crate) async fn drive(repository: &Repository, id: CascadeId) -> Result<Attempt, ApiError> {
    loop {
        let now = repository.clock().now();
        let Some(found) = repository.get::<Cascade>(id.as_bytes()).await? else {
            return finish(repository, id).await;
        };
        match found.value.next(now) {
            Next::Run(steps) => {
                for what in steps {
                    let outcome = step::take(repository, &what).await;
                    note(repository, id, &what, outcome).await?;
                }
            }
            Next::Wait(until) => {
                let pause = Duration::from_millis(now.millis_until(until));
                return Ok(Attempt::Again(pause));
            }
            Next::TakeInventory => {
                let there = inventory(repository, &found.value.kind, found.value.started_at).await?;
                let replan = |cascade: &Cascade, now| cascade.replan(&there, now);
                repository.decide::<_, _, ApiError>(id.as_bytes(), replan).await?;
            }
            Next::Finished => return finish(repository, id).await,
        }
    }
}

async fn note(
    repository: &Repository,
    id: CascadeId,
    what: &What,
    outcome: Result<(), ApiError>,
) -> Result<(), ApiError> {
    let reason = outcome.err().map(|error| error.problem().detail);
    let written = |cascade: &Cascade, now| match &reason {
        None => cascade.step_done(what, now),
        Some(reason) => cascade.step_failed(what, reason, now),
    };
    repository.decide(id.as_bytes(), written).await.map(drop)
}

async fn finish(repository: &Repository, id: CascadeId) -> Result<Attempt, ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<Cascade>(id.as_bytes()).await? {
                transaction.rest_on(&found);
            }
            transaction.finish(&JobKind::Cascade(id));
            Ok(Attempt::Finished)
        })
        .await
}
