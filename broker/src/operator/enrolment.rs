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

/// What an operator asks for.
pub(super) struct NewEnrolment {
    /// Whom the certificates will name.
    pub(super) holder: Holder,
    /// The adapter that issues; where none is named, the routes say which.
    pub(super) certificate_authority: Option<String>,
    /// What the CA calls the product.
    pub(super) product: Option<String>,
    /// Whether the CA may issue a signing certificate alone.
    pub(super) signing_only: bool,
    /// Days that the certificates will be valid.
    pub(super) validity_days: u32,
    /// Hours that the code is good for.
    pub(super) code_hours: u32,
}

/// Prepares a phone's enrolment.
pub(super) async fn add(broker: &Broker, new: NewEnrolment) -> Result<Value, ApiError> {
    check(&new)?;
    let NewEnrolment { holder, product, signing_only, validity_days, code_hours, .. } = new;
    let (certificate_authority, fallback) = match new.certificate_authority {
        Some(name) => (broker.authorities.get(&name)?.name().to_owned(), Vec::new()),
        None => routed(broker, &holder, product.as_deref())?,
    };
    let record = EnrolmentRecord {
        product,
        signing_only,
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

fn check(new: &NewEnrolment) -> Result<(), ApiError> {
    let NewEnrolment { holder, product, validity_days, code_hours, .. } = new;
    if product.as_deref().is_some_and(|product| !is_showable(product, 100)) {
        return Err(invalid("a product's name has 1 to 100 characters and no control characters"));
    }
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
    if !(1..=3650).contains(validity_days) || !(1..=720).contains(code_hours) {
        return Err(invalid("certificates are valid for 1 to 3,650 days, codes for 1 to 720 hours"));
    }
    Ok(())
}

/// The CA that issues by the catalogue as it is now, and those that do where that one is out of reach.
fn routed(
    broker: &Broker,
    holder: &Holder,
    product: Option<&str>,
) -> Result<(String, Vec<String>), ApiError> {
    let unreadable = |error: CatalogueError| ApiError::new(Kind::Internal, error.to_string());
    let catalogue = Catalogue::read(&broker.site).map_err(unreadable)?;
    let mut enabled = Vec::new();
    for authority in broker.authorities.all() {
        enabled
            .push(AdapterHealth { name: authority.entry().name.clone(), healthy: authority.takes_calls() });
    }
    let enterprise = holder.enterprise.as_ref().map(|company| company.unified_social_credit_code.as_str());
    let request = Request { holder: holder.kind, enterprise, product };
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
