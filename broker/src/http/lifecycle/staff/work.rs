//! What the broker still has to do, and having it tried again.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use yinqiao_lifecycle::cascade::Cascade;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::{AuditNote, Job};
use yinqiao_protocol::CascadeId;
use yinqiao_protocol::enterprise::CascadeView;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::JobView;

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::enterprise::cascade_view;
use crate::http::lifecycle::page::{PageQuery, sent};
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix};

/// Which removals.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RemovalQuery {
    /// Only those that are not finished, the oldest first.
    #[serde(default)]
    open: bool,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(max_length = 700, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Items at most, 1 to 200; 50 where it is left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// Removals with their open steps: the newest first, or those that are not finished.
#[utoipa::path(
    get,
    path = "/v1/operator/removals",
    operation_id = "staff_removals",
    tag = "staff",
    params(RemovalQuery),
    responses((status = 200, description = "Removals", body = Page<CascadeView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn removals(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<RemovalQuery>,
) -> Result<web::Json<Page<CascadeView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let RemovalQuery { open, cursor, limit } = query.into_inner();
    let index = if open { Index::CascadeOpen } else { Index::CascadeByTime };
    let show = async |cascade: Cascade| Ok(cascade_view(&cascade));
    PageQuery::new(cursor, limit).read(&broker.repository, &IndexPrefix::new(index, &[]), show).await
}

/// A removal.
#[utoipa::path(
    get,
    path = "/v1/operator/removals/{cascade}",
    operation_id = "staff_removal",
    tag = "staff",
    params(("cascade" = CascadeId, Path, description = "The removal")),
    responses((status = 200, description = "How far it is", body = CascadeView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn removal(
    broker: web::Data<Broker>,
    staff: Staff,
    cascade: web::Path<CascadeId>,
) -> Result<web::Json<CascadeView>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<Cascade>(cascade.as_bytes()).await?.ok_or_else(no_such_removal)?;
    Ok(web::Json(cascade_view(&found.value)))
}

/// Has the open steps of a removal tried at once.
#[utoipa::path(
    post,
    path = "/v1/operator/removals/{cascade}/retry",
    operation_id = "retry_removal",
    tag = "staff",
    params(
        ("cascade" = CascadeId, Path, description = "The removal"),
        Post,
    ),
    responses((status = 200, description = "It is tried again", body = CascadeView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn retry_removal(
    broker: web::Data<Broker>,
    staff: Staff,
    cascade: web::Path<CascadeId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::Retry)?;
    post.run(&broker.repository, &staff.caller(), &(), async |transaction| {
        let found = transaction.get::<Cascade>(cascade.as_bytes()).await?.ok_or_else(no_such_removal)?;
        let step = found.value.retry(&staff.actor(), transaction.now())?;
        let next = transaction.take(Some(&found), step)?;
        Ok(Answer::ok(cascade_view(&next)))
    })
    .await
}

fn no_such_removal() -> ApiError {
    ApiError::new(Kind::NotFound, "there is no such removal")
}

/// Work that waits: at CAs, with payments, messages and invoices, by the jobs' names.
#[utoipa::path(
    get,
    path = "/v1/operator/jobs",
    operation_id = "staff_jobs",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Jobs", body = Page<JobView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn jobs(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<JobView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let (after, limit) = query.parse()?;
    let page = broker.repository.page_of_all::<Job>(after.as_ref(), limit).await?;
    Ok(web::Json(sent(page.map(|found| view(found.value)))))
}

/// Has a job tried at once.
#[utoipa::path(
    post,
    path = "/v1/operator/jobs/{kind}/{subject}/retry",
    operation_id = "retry_job",
    tag = "staff",
    params(
        ("kind" = String, Path, description = "What is done: the job's name up to the slash"),
        ("subject" = String, Path, description = "To what: the job's name after the slash"),
        Post,
    ),
    responses((status = 200, description = "It is tried again", body = JobView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn retry_job(
    broker: web::Data<Broker>,
    staff: Staff,
    path: web::Path<(String, String)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::Retry)?;
    let name = format!("{}/{}", path.0, path.1);
    post.run(&broker.repository, &staff.caller(), &(), async |transaction| {
        let found = transaction.get::<Job>(name.as_bytes()).await?;
        let found = found.ok_or_else(|| ApiError::new(Kind::NotFound, "no such job waits (any more)"))?;
        let now = transaction.now();
        transaction.job(Job { due: now, ..found.value.clone() });
        transaction.note(AuditNote::new("job.retry", format!("job/{name}"), &staff.actor(), now));
        Ok(Answer::ok(view(Job { due: now, ..found.value })))
    })
    .await
}

fn view(job: Job) -> JobView {
    JobView {
        job: job.kind.name(),
        due: job.due,
        attempts: job.attempts,
        last_error: job.last_error,
        since: job.since,
    }
}
