//! What was done, how much there is, and lists to take out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::cascade::Cascade;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::{Order, PaymentState};
use yinqiao_lifecycle::user::User;
use yinqiao_lifecycle::{Actor, AuditNote, Job};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::{AuditView, Statistics};

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::ApiError;
use crate::records::aggregates::AuditRecord;
use crate::records::companies::active_companies;
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
    let (mut orders, mut paid_fen) = (BTreeMap::new(), 0_u64);
    each::<Order>(repository, |order| {
        *orders.entry(order.value.state_name().to_owned()).or_default() += 1;
        if let Some(payment) = order.value.payment
            && matches!(payment.state, PaymentState::Paid(_))
        {
            paid_fen = paid_fen.saturating_add(payment.amount.0);
        }
    })
    .await?;
    let mut jobs = BTreeMap::new();
    each::<Job>(repository, |job| {
        let name = job.value.kind.name();
        let kind = name.split('/').next().unwrap_or_default().to_owned();
        *jobs.entry(kind).or_default() += 1;
    })
    .await?;
    let mut users = 0;
    each::<User>(repository, |_| users += 1).await?;
    let open = IndexPrefix::new(Index::CascadeOpen, &[]);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(web::Json(Statistics {
        users,
        enterprises: count(repository.all::<Enterprise>(&active_companies()).await?.len()),
        orders,
        paid_fen,
        jobs,
        removals_open: count(repository.all::<Cascade>(&open).await?.len()),
    }))
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

/// All orders as CSV (RFC 4180), the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/orders.csv",
    operation_id = "orders_csv",
    tag = "staff",
    responses((status = 200, description = "CSV, UTF-8", content_type = "text/csv", body = String), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn orders_csv(broker: web::Data<Broker>, staff: Staff) -> Result<HttpResponse, ApiError> {
    staff.require(Power::Export)?;
    let orders = broker.repository.all::<Order>(&IndexPrefix::new(Index::OrderByTime, &[])).await?;
    let mut csv = String::from(
        "order,state,applied_at,applicant,enterprise,platform,certificate_authority,days,amount_yuan,payment,reference\r\n",
    );
    for Versioned { value: order, .. } in orders {
        let payment = order.payment.as_ref();
        let reference = match payment.map(|payment| &payment.state) {
            Some(
                PaymentState::Paid(paid)
                | PaymentState::RefundDue(paid)
                | PaymentState::Refunded { paid, .. },
            ) => paid.reference.as_str(),
            _ => "",
        };
        let fields = [
            order.id.to_string(),
            order.state_name().to_owned(),
            order.applied_at.to_string(),
            order.applicant.to_string(),
            order.enterprise.as_ref().map(ToString::to_string).unwrap_or_default(),
            order.wish.platform.clone(),
            order.wish.certificate_authority.clone(),
            order.wish.days.to_string(),
            order.quote.amount.to_string(),
            payment.map(|payment| payment.state_name()).unwrap_or_default().to_owned(),
            reference.to_owned(),
        ];
        let line: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
        // Writing to a text cannot fail.
        let _ = write!(csv, "{}\r\n", line.join(","));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"orders.csv\"")))
        .body(csv))
}

/// A field of CSV. One that a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(field: &str) -> String {
    let safe = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if safe.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_of_csv_keeps_its_line_and_is_no_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b \"c\""), "\"a,b \"\"c\"\"\"");
        assert_eq!(quoted("=SUM(A1)"), "'=SUM(A1)");
    }
}
