//! The job that goes on with a removal.

use std::time::Duration;

use yinqiao_lifecycle::JobKind;
use yinqiao_lifecycle::Step;
use yinqiao_lifecycle::cascade::{Cascade, CascadeRefusal, Next, What};
use yinqiao_protocol::{CascadeId, Timestamp};

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
                let there = inventory(repository, &found.value.kind).await?;
                change(repository, id, |cascade, now| cascade.replan(&there, now)).await?;
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
    change(repository, id, |cascade, now| match &reason {
        None => cascade.step_done(what, now),
        Some(reason) => cascade.step_failed(what, reason, now),
    })
    .await
}

async fn change(
    repository: &Repository,
    id: CascadeId,
    decide: impl Fn(&Cascade, Timestamp) -> Result<Step<Cascade>, CascadeRefusal>,
) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<Cascade>(id.as_bytes()).await? {
                let step = decide(&found.value, transaction.now())?;
                transaction.take(Some(&found), step)?;
            }
            Ok(())
        })
        .await
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
