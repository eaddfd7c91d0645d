//! Finding persons, companies and orders by what somebody at the counter or on the telephone can name.

use std::str::FromStr;

use actix_web::web;

use yinqiao_lifecycle::AuditNote;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::{IdNumber, Malformed, PhoneNumber};
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::Order;
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::problem::Problem;
use yinqiao_protocol::staff::{SearchRequest, SearchResult};

use crate::broker::Broker;
use crate::http::lifecycle::account::account_of;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::enterprise::view_of;
use crate::http::lifecycle::order::view;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::{ApiError, Kind};
use crate::records::companies::{orders_by_payment, orders_by_reference};
use crate::records::users::{users_by_id_number, users_by_phone_number};
use crate::records::{Index, IndexPrefix};

/// Things found at most.
const MOST: usize = 200;
/// Characters of a name at most.
const LONGEST_NAME: usize = 200;

/// What is searched for, and where it is found.
enum Search {
    User(IndexPrefix),
    /// By a number that is somebody's own: who searches for it is noted.
    UserByNumber(&'static str, IndexPrefix),
    Enterprise(IndexPrefix),
    Order(IndexPrefix),
}

/// Finds persons, companies or orders by one of: a person's ID number, telephone number or name, a company's name, a payment, a
/// payment's reference. Names are found by their beginning, however they are spaced and in whatever width their letters are.
///
/// It is a POST so that no number or name stands in an address. It changes nothing, and therefore has no Idempotency-Key: sent
/// again it searches again. That somebody searched by an ID number or a telephone number is noted, without the number.
#[utoipa::path(
    post,
    path = "/v1/operator/search",
    operation_id = "staff_search",
    tag = "staff",
    request_body = SearchRequest,
    responses(
        (status = 200, description = "What was found; nothing is no error", body = SearchResult),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A value breaks a rule", body = Problem, content_type = "application/problem+json"),
        ForCaller,
    ),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn search(
    broker: web::Data<Broker>,
    staff: Staff,
    request: web::Json<SearchRequest>,
) -> Result<web::Json<SearchResult>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let mut result = SearchResult::default();
    let repository = &broker.repository;
    match Search::of(&request)? {
        Search::User(prefix) => users(&broker, &prefix, &mut result).await?,
        Search::UserByNumber(by, prefix) => {
            users(&broker, &prefix, &mut result).await?;
            note(&broker, &staff, by, result.users.len()).await?;
        }
        Search::Enterprise(prefix) => {
            let page = repository.page::<Enterprise>(&prefix, None, MOST).await?;
            result.more = page.next.is_some();
            for found in page.items {
                result.enterprises.push(view_of(repository, &found.value, true).await?);
            }
        }
        Search::Order(prefix) => {
            let page = repository.page::<Order>(&prefix, None, MOST).await?;
            result.more = page.next.is_some();
            for found in page.items {
                result.orders.push(view(&broker, &found.value).await?);
            }
        }
    }
    Ok(web::Json(result))
}

impl Search {
    fn of(request: &SearchRequest) -> Result<Self, ApiError> {
        let SearchRequest { id_number, phone_number, name, enterprise_name, payment, payment_reference } =
            request;
        let mut searches = Vec::new();
        if let Some(text) = id_number {
            let number: IdNumber = parsed("id_number", text)?;
            searches.push(Self::UserByNumber("id_number", users_by_id_number(&number)));
        }
        if let Some(text) = phone_number {
            let number: PhoneNumber = parsed("phone_number", text)?;
            searches.push(Self::UserByNumber("phone_number", users_by_phone_number(&number)));
        }
        if let Some(text) = name {
            searches.push(Self::User(IndexPrefix::beginning(Index::UserByName, beginning("name", text)?)));
        }
        if let Some(text) = enterprise_name {
            let text = beginning("enterprise_name", text)?;
            searches.push(Self::Enterprise(IndexPrefix::beginning(Index::EnterpriseByName, text)));
        }
        if let Some(payment) = payment {
            searches.push(Self::Order(orders_by_payment(*payment)));
        }
        if let Some(reference) = payment_reference {
            searches.push(Self::Order(orders_by_reference(reference)));
        }
        match (searches.pop(), searches.is_empty()) {
            (Some(search), true) => Ok(search),
            _ => Err(invalid(
                "search for exactly one of id_number, phone_number, name, enterprise_name, payment and payment_reference",
            )),
        }
    }
}

fn parsed<T: FromStr<Err = Malformed>>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: Malformed| invalid(format!("{what}: {error}")))
}

fn beginning<'t>(what: &str, text: &'t str) -> Result<&'t str, ApiError> {
    let says_something = text.chars().any(|letter| !letter.is_whitespace() && !letter.is_control());
    if says_something && text.chars().count() <= LONGEST_NAME {
        Ok(text)
    } else {
        Err(invalid(format!("{what} has 1 to {LONGEST_NAME} characters that are no white space")))
    }
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new(Kind::InvalidRequest, text)
}

async fn users(broker: &Broker, prefix: &IndexPrefix, result: &mut SearchResult) -> Result<(), ApiError> {
    let page = broker.repository.page::<User>(prefix, None, MOST).await?;
    result.more = page.next.is_some();
    result.users = page.items.iter().map(|found| account_of(broker, &found.value)).collect();
    Ok(())
}

async fn note(broker: &Broker, staff: &Staff, by: &str, found: usize) -> Result<(), ApiError> {
    broker
        .repository
        .transact(async |transaction| {
            let note = AuditNote::new("user.search", staff.caller(), &staff.actor(), transaction.now());
            transaction.note(note.with("by", by).with("found", found.to_string()));
            Ok(())
        })
        .await
}
