//! What was done, and how much there is.

use std::collections::BTreeMap;

use actix_web::web;

use yinqiao_lifecycle::cascade::Cascade;
use yinqiao_lifecycle::certificate::Status;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::{Order, PaymentState};
use yinqiao_lifecycle::recovery::RecoveryState;
use yinqiao_lifecycle::user::User;
use yinqiao_lifecycle::{Actor, AuditNote, Job};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::{AuditView, Statistics};

use crate::broker::Broker;
use crate::directory::CertificateRecord;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::ApiError;
use crate::lifecycle::recovery::RecoveryRecord;
use crate::records::aggregates::AuditRecord;
use crate::records::companies::active_companies;
use crate::records::seals::{SealApplicationRecord, told};
use crate::records::{Aggregate, Index, IndexPrefix, Repository, Versioned};
use crate::store::StoreError;

/// Records read at once.
const PAGE: usize = 500;

/// What was done, the latest first.
#[utoipa::path(
    get,
    path = "/v1/operator/audit",
    operation_id = "audit",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Notes", body = Page<AuditView>), ForCaller),
    security(("operator" = ["auditor"])),
)]
pub async fn audit(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<AuditView>>, ApiError> {
    notes(&broker, &staff, &IndexPrefix::new(Index::AuditByTime, &[]), &query).await
}

/// What was done to one thing, the latest first.
#[utoipa::path(
    get,
    path = "/v1/operator/audit/{kind}/{subject}",
    operation_id = "audit_of",
    tag = "staff",
    params(
        ("kind" = String, Path, description = "What it is: the subject up to the slash"),
        ("subject" = String, Path, description = "Which: the subject after the slash"),
        PageQuery,
    ),
    responses((status = 200, description = "Notes", body = Page<AuditView>), ForCaller),
    security(("operator" = ["auditor"])),
)]
pub async fn audit_of(
    broker: web::Data<Broker>,
    staff: Staff,
    path: web::Path<(String, String)>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<AuditView>>, ApiError> {
    let subject = format!("{}/{}", path.0, path.1);
    notes(&broker, &staff, &IndexPrefix::new(Index::AuditBySubject, subject.as_bytes()), &query).await
}

async fn notes(
    broker: &Broker,
    staff: &Staff,
    prefix: &IndexPrefix,
    query: &PageQuery,
) -> Result<web::Json<Page<AuditView>>, ApiError> {
    staff.require(Power::ReadAudit)?;
    let show = async |record: AuditRecord| {
        let AuditNote { action, subject, by, at, details } = record.note;
        Ok(AuditView { action, subject, by: name_of(&by), at, details })
    };
    query.read(&broker.repository, prefix, show).await
}

fn name_of(actor: &Actor) -> String {
    match actor {
        Actor::User(user) => format!("user/{}", user.id),
        Actor::Operator { id, .. } => format!("operator/{id}"),
        Actor::System => "system".to_owned(),
        Actor::PaymentProvider => "payment_provider".to_owned(),
    }
}

/// How much there is of what.
#[utoipa::path(
    get,
    path = "/v1/operator/statistics",
    operation_id = "statistics",
    tag = "staff",
    responses((status = 200, description = "Figures", body = Statistics), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn statistics(broker: web::Data<Broker>, staff: Staff) -> Result<web::Json<Statistics>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let repository = &broker.repository;
    let now = repository.clock().now();
    let mut figures = Statistics {
        enterprises: count(repository.all::<Enterprise>(&active_companies()).await?.len()),
        removals_open: count(
            repository.all::<Cascade>(&IndexPrefix::new(Index::CascadeOpen, &[])).await?.len(),
        ),
        ..Statistics::default()
    };
    each::<Order>(repository, |order| {
        one_more(&mut figures.orders, order.value.state_name());
        if let Some(payment) = order.value.payment {
            figures.refunds_due += count(payment.refunds_due().len());
            if matches!(payment.state, PaymentState::Paid(_)) {
                figures.paid_fen = figures.paid_fen.saturating_add(payment.amount.0);
            }
        }
    })
    .await?;
    each::<Job>(repository, |job| {
        let name = job.value.kind.name();
        one_more(&mut figures.jobs, name.split('/').next().unwrap_or_default());
    })
    .await?;
    each::<User>(repository, |_| figures.users += 1).await?;
    each::<CertificateRecord>(repository, |certificate| {
        let state = match certificate.value.status(now) {
            Status::Active => "active",
            Status::Held => "suspended",
            Status::Revoked => "revoked",
            Status::Expired => "expired",
        };
        one_more(&mut figures.certificates, state);
    })
    .await?;
    each::<SealApplicationRecord>(repository, |found| {
        one_more(&mut figures.seal_applications, told(&found.value.application.state).name());
    })
    .await?;
    each::<RecoveryRecord>(repository, |found| {
        let state = found.value.recovery.state;
        let open = matches!(state, RecoveryState::AwaitingConsent { .. } | RecoveryState::Recovering { .. });
        figures.recoveries_open += u64::from(open);
    })
    .await?;
    Ok(web::Json(figures))
}

fn one_more(figures: &mut BTreeMap<String, u64>, name: &str) {
    *figures.entry(name.to_owned()).or_default() += 1;
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Looks at each record of a collection.
async fn each<T: Aggregate>(
    repository: &Repository,
    mut look: impl FnMut(Versioned<T>),
) -> Result<(), StoreError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = repository.scan::<T>(after, PAGE).await?;
        let full = page.len() == PAGE;
        after = page.last().map(|found| found.value.key());
        page.into_iter().for_each(&mut look);
        if !full {
            return Ok(());
        }
    }
}
