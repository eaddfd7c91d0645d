//! Lists to take out as a file.

use std::fmt::Write as _;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpResponse, web};
use futures_util::stream;

use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::{Order, PaymentState};

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::ApiError;
use crate::records::{Cursor, Index, IndexPrefix, Repository, Versioned};
use crate::store::StoreError;

/// Orders read and sent at once.
const PAGE: usize = 500;
/// The first line.
const HEADER: &str = "order,state,applied_at,applicant,enterprise,platform,certificate_authority,days,amount_yuan,payment,\
                      reference,refunds_due\r\n";

/// How far the file is.
enum Place {
    Beginning,
    After(Cursor),
    End,
}

/// All orders as CSV (RFC 4180), the newest first. `refunds_due` has the references of what has to be given back, with spaces
/// between them. A file that cannot be read to its end breaks off: its length is not told beforehand.
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
    let parts = stream::try_unfold((broker.repository.clone(), Place::Beginning), next_part);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"orders.csv\"")))
        .streaming(Box::pin(parts)))
}

type Part = (web::Bytes, (Repository, Place));

async fn next_part((repository, place): (Repository, Place)) -> Result<Option<Part>, StoreError> {
    let (mut csv, after) = match place {
        Place::Beginning => (HEADER.to_owned(), None),
        Place::After(cursor) => (String::new(), Some(cursor)),
        Place::End => return Ok(None),
    };
    let page =
        repository.page::<Order>(&IndexPrefix::new(Index::OrderByTime, &[]), after.as_ref(), PAGE).await?;
    for Versioned { value: order, .. } in &page.items {
        let line = fields(order).map(|field| quoted(&field)).join(",");
        // Writing to a text cannot fail.
        let _ = write!(csv, "{line}\r\n");
    }
    let place = page.next.map_or(Place::End, Place::After);
    Ok(Some((csv.into(), (repository, place))))
}

fn fields(order: &Order) -> [String; 12] {
    let payment = order.payment.as_ref();
    let reference = match payment.map(|payment| &payment.state) {
        Some(
            PaymentState::Paid(paid) | PaymentState::RefundDue(paid) | PaymentState::Refunded { paid, .. },
        ) => paid.reference.as_str(),
        _ => "",
    };
    [
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
        payment.map(|payment| payment.refunds_due().join(" ")).unwrap_or_default(),
    ]
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
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use futures_util::TryStreamExt;

    use yinqiao_lifecycle::Actor;
    use yinqiao_lifecycle::actor::UserActor;
    use yinqiao_lifecycle::identity::AssuranceLevel;
    use yinqiao_lifecycle::money::Fen;
    use yinqiao_lifecycle::offer::{Policy, Quote};
    use yinqiao_lifecycle::order::{Applicant, Reason, Wish};
    use yinqiao_protocol::holder::HolderKind;
    use yinqiao_protocol::{OrderId, PaymentId, Timestamp, UserId};

    use super::*;
    use crate::clock::Clock;
    use crate::store::conformance::Heard;
    use crate::store::sled::SledStore;

    fn order(at: Timestamp) -> Order {
        let wish = Wish {
            reason: Reason::New,
            platform: "city".into(),
            certificate_authority: "softca".into(),
            product: None,
            days: 365,
            signing_only: false,
        };
        let id = UserId::from_bytes([1; 16]);
        let user = UserActor { id, kind: HolderKind::Person, enterprise: None, level: AssuranceLevel::L4 };
        let applicant = Applicant { actor: &Actor::User(user), belongs: false, enterprise: None };
        let quote = Quote { amount: Fen(100), free_by: None };
        let policy = Policy::default();
        let applied =
            Order::apply(OrderId::random(), wish, quote, &policy, &applicant, PaymentId::random(), at);
        applied.unwrap().next
    }

    #[tokio::test]
    async fn a_long_list_is_sent_in_parts_with_each_order_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
        let now = Timestamp::from_millis(1_800_000_000_000);
        let repository = Repository::new(Arc::new(store), Clock::simulated(now));
        // All of one moment: only the cursor tells them apart.
        let orders: Vec<_> = (0..=2 * PAGE).map(|_| order(now)).collect();
        let stored = repository.transact::<_, StoreError, _>(async |transaction| {
            orders.iter().try_for_each(|order| transaction.put(None, order))
        });
        stored.await.unwrap();
        let parts = stream::try_unfold((repository, Place::Beginning), next_part);
        let parts: Vec<web::Bytes> = parts.try_collect().await.unwrap();
        assert_eq!(parts.len(), 3);
        let csv = String::from_utf8(parts.concat()).unwrap();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!((lines.len(), format!("{}\r\n", lines[0])), (orders.len() + 1, HEADER.to_owned()));
        let sent: BTreeSet<_> = lines[1..].iter().filter_map(|line| line.split(',').next()).collect();
        let ids: Vec<_> = orders.iter().map(|order| order.id.to_string()).collect();
        assert_eq!(sent, ids.iter().map(String::as_str).collect());
    }

    #[test]
    fn a_field_of_csv_keeps_its_line_and_is_no_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b \"c\""), "\"a,b \"\"c\"\"\"");
        assert_eq!(quoted("=SUM(A1)"), "'=SUM(A1)");
    }
}
