//! An operator names a holder, and the catalogue's routes the CAs that may issue.

use serde_json::{Value, json};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::holder::{Holder, HolderKind};
use yinqiao_protocol::task::is_showable;

use crate::adapter::catalogue::{Catalogue, CatalogueError};
use crate::adapter::routing::{AdapterHealth, Request, route};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{EnrolmentRecord, EnrolmentState};
use crate::http::problem::{ApiError, Kind};

/// Prepares a phone's enrolment.
pub(super) async fn add(
    broker: &Broker,
    holder: Holder,
    certificate_authority: Option<String>,
    validity_days: u32,
    code_hours: u32,
) -> Result<Value, ApiError> {
    check(&holder, validity_days, code_hours)?;
    let (certificate_authority, fallback) = match certificate_authority {
        Some(name) => (broker.authorities.get(&name)?.name().to_owned(), Vec::new()),
        None => routed(broker, &holder)?,
    };
    let record = EnrolmentRecord {
        product: None,
        order: None,
        user: None,
        holder: holder.clone(),
        certificate_authority,
        fallback,
        validity_days,
        expires_at: clock::now().plus_seconds(code_hours * 3600),
        state: EnrolmentState::Open,
    };
    let code = broker.directory.add_enrolment(&record).await?;
    Ok(json!({ "holder": holder.id, "code": code.expose(), "code_expires_at": record.expires_at }))
}

fn check(holder: &Holder, validity_days: u32, code_hours: u32) -> Result<(), ApiError> {
    if !is_showable(&holder.name, 60) {
        return Err(invalid("a name has 1 to 60 characters and no control characters"));
    }
    match &holder.enterprise {
        None if holder.kind == HolderKind::LegalPerson => {
            return Err(invalid(
                "a legal-person user acts for a company: give its name and unified social credit code",
            ));
        }
        Some(enterprise) if !is_showable(&enterprise.name, 100) => {
            return Err(invalid("a company's name has 1 to 100 characters and no control characters"));
        }
        Some(enterprise) if enterprise.unified_social_credit_code.parse::<CreditCode>().is_err() => {
            return Err(invalid(
                "the unified social credit code is wrong: it has 18 characters, and the last one follows from the others (GB 32100)",
            ));
        }
        _ => {}
    }
    if !(1..=3650).contains(&validity_days) || !(1..=720).contains(&code_hours) {
        return Err(invalid("certificates are valid for 1 to 3,650 days, codes for 1 to 720 hours"));
    }
    Ok(())
}

/// The CA that issues by the catalogue as it is now, and those that do where that one is out of reach.
fn routed(broker: &Broker, holder: &Holder) -> Result<(String, Vec<String>), ApiError> {
    let unreadable = |error: CatalogueError| ApiError::new(Kind::Internal, error.to_string());
    let catalogue = Catalogue::read(&broker.site).map_err(unreadable)?;
    let mut enabled = Vec::new();
    for authority in broker.authorities.all() {
        enabled
            .push(AdapterHealth { name: authority.entry().name.clone(), healthy: authority.takes_calls() });
    }
    let enterprise = holder.enterprise.as_ref().map(|company| company.unified_social_credit_code.as_str());
    let request = Request { holder: holder.kind, enterprise, product: None };
    let mut names = route(&catalogue.routes, &request, &enabled).into_iter().map(String::from);
    match names.next() {
        Some(first) => Ok((first, names.collect())),
        None if enabled.is_empty() => Err(invalid("no adapter is configured and enabled")),
        None => Err(invalid(
            "the route that fits this holder leads to disabled adapters only: enable one, or name another with --adapter",
        )),
    }
}

fn invalid(text: &str) -> ApiError {
    ApiError::new(Kind::InvalidRequest, text)
}
