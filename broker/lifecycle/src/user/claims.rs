//! What an identity provider says of a person, checked.

use yinqiao_protocol::holder::HolderKind;

use super::StandsFor;
use crate::identity::{AssuranceLevel, CreditCode, IdNumber, Malformed, PhoneNumber};

/// Characters of a name at most.
const LONGEST_NAME: usize = 64;
/// Characters of a company's name at most.
const LONGEST_COMPANY: usize = 128;

/// What is known of who signs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// Personal or legal-person user.
    pub kind: HolderKind,
    /// The person's name, from level L2 on.
    pub name: Option<String>,
    /// From level L2 on.
    pub id_number: Option<IdNumber>,
    /// Where the provider has confirmed one.
    pub phone: Option<PhoneNumber>,
    /// The level.
    pub level: AssuranceLevel,
    /// The company of a legal-person user.
    pub enterprise: Option<StandsFor>,
}

/// A claim that cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what the identity provider says does not fit: {claim}: {rule}")]
pub struct ClaimError {
    /// What it is about.
    pub claim: &'static str,
    /// What it should be.
    pub rule: &'static str,
}

impl Claims {
    /// Reads claims as texts. `member` gives what the provider says under one of the names `user_kind`, `name`,
    /// `id_number`, `phone_number`, `enterprise_code`, `enterprise_name`, `assurance_level`.
    ///
    /// # Errors
    /// Which claim is missing or cannot be.
    pub fn read(
        issuer: &str,
        subject: &str,
        member: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ClaimError> {
        let kind = match member("user_kind").as_deref() {
            Some("person") => HolderKind::Person,
            Some("legal_person") => HolderKind::LegalPerson,
            _ => return Err(ClaimError { claim: "user_kind", rule: "person or legal_person" }),
        };
        let level = match member("assurance_level").as_deref() {
            Some("L1") => AssuranceLevel::L1,
            Some("L2") => AssuranceLevel::L2,
            Some("L3") => AssuranceLevel::L3,
            Some("L4") => AssuranceLevel::L4,
            _ => return Err(ClaimError { claim: "assurance_level", rule: "L1, L2, L3 or L4" }),
        };
        let name = member("name")
            .map(|name| {
                showable("name", name, LONGEST_NAME, "1 to 64 characters, none of them a control character")
            })
            .transpose()?;
        let claims = Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            kind,
            name,
            id_number: parsed("id_number", member("id_number"))?,
            phone: parsed("phone_number", member("phone_number"))?,
            level,
            enterprise: match kind {
                HolderKind::Person => None,
                HolderKind::LegalPerson => Some(company(&member)?),
            },
        };
        if level >= AssuranceLevel::L2 && (claims.name.is_none() || claims.id_number.is_none()) {
            return Err(ClaimError { claim: "name and id_number", rule: "both are there from level L2 on" });
        }
        Ok(claims)
    }
}

fn company(member: &impl Fn(&'static str) -> Option<String>) -> Result<StandsFor, ClaimError> {
    let code: Option<CreditCode> = parsed("enterprise_code", member("enterprise_code"))?;
    let missing = |claim| ClaimError { claim, rule: "a legal-person user has the company's" };
    Ok(StandsFor {
        code: code.ok_or_else(|| missing("enterprise_code"))?,
        name: showable(
            "enterprise_name",
            member("enterprise_name").ok_or_else(|| missing("enterprise_name"))?,
            LONGEST_COMPANY,
            "1 to 128 characters, none of them a control character",
        )?,
    })
}

fn parsed<T: std::str::FromStr<Err = Malformed>>(
    claim: &'static str,
    text: Option<String>,
) -> Result<Option<T>, ClaimError> {
    text.map(|text| text.parse().map_err(|Malformed(rule)| ClaimError { claim, rule })).transpose()
}

fn showable(
    claim: &'static str,
    text: String,
    longest: usize,
    rule: &'static str,
) -> Result<String, ClaimError> {
    let count = text.chars().count();
    if (1..=longest).contains(&count) && !text.chars().any(char::is_control) && text.trim() == text {
        Ok(text)
    } else {
        Err(ClaimError { claim, rule })
    }
}
