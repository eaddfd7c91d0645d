//! What certificates are offered, and what they cost: the configuration's part of an order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::holder::HolderKind;

use crate::identity::CreditCode;
use crate::money::Fen;

#[cfg(test)]
mod tests;

/// The longest time that a certificate is offered for: five years.
const LONGEST_TERM_DAYS: u32 = 1825;

/// `[lifecycle]`: offers, who is free of charge, and who has to agree.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Catalogue {
    /// What can be ordered. Without any, an order names one of the running CAs, is valid for a year and free.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offer: Vec<Offer>,
    /// Who pays nothing: the first rule that fits is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub free: Vec<FreeRule>,
    /// Who has to agree, and how long things wait.
    pub policy: Policy,
}

/// A certificate for a trading platform.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The trading platform, `a-z`, `0-9` and `-`.
    pub platform: String,
    /// What people call the platform.
    pub platform_name: String,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// What the CA calls the product, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// For whom; all where it is empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<Kind>,
    /// Whether the CA issues a signing certificate only: then nothing can be encrypted for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signing_only: bool,
    /// For how long, and for how much.
    pub term: Vec<Term>,
}

/// A holder's kind, as offers name it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 个人用户
    Person,
    /// 法人用户
    LegalPerson,
}

impl From<HolderKind> for Kind {
    fn from(kind: HolderKind) -> Self {
        match kind {
            HolderKind::Person => Self::Person,
            HolderKind::LegalPerson => Self::LegalPerson,
        }
    }
}

/// How long a certificate is valid, and what that costs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Days, 1 to 1,825.
    pub days: u32,
    /// In 分.
    pub fee: Fen,
}

/// Who pays nothing. What is left out fits everybody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FreeRule {
    /// Its name, which stands in the order.
    pub name: String,
    /// Only these kinds of holders.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<Kind>,
    /// Only these companies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enterprises: Vec<CreditCode>,
    /// Only companies registered in regions whose digits begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Only these platforms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Only the first so many certificates of a company (or of a person without one), those issued before included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// Only orders until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Who has to agree, and how long things wait.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether an operator approves what a legal person orders for the company.
    pub operator_approves_legal_persons: bool,
    /// Whether an operator approves what a person without a company orders.
    pub operator_approves_persons: bool,
    /// Days that an order waits for approval.
    pub approval_days: u32,
    /// Days that an order waits for its payment.
    pub payment_days: u32,
    /// Days that an order waits to be downloaded.
    pub download_days: u32,
    /// Days before its end from which a certificate can be renewed.
    pub renewal_days: u32,
    /// Days after its end until which it still can be: afterwards it takes a new order.
    pub late_renewal_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            operator_approves_legal_persons: false,
            operator_approves_persons: false,
            approval_days: 30,
            payment_days: 7,
            download_days: 30,
            renewal_days: 90,
            late_renewal_days: 30,
        }
    }
}

/// What is known of an order when its price is fixed.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who orders.
    pub kind: HolderKind,
    /// For which company.
    pub enterprise: Option<&'a CreditCode>,
    /// Certificates that the company, or the person without one, has had before.
    pub certificates_before: u32,
    /// When.
    pub now: Timestamp,
}

/// What an order costs, fixed when it is made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Quote {
    /// To be paid.
    pub amount: Fen,
    /// The rule by which nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_by: Option<String>,
}

impl Policy {
    fn check(&self) -> Result<(), &'static str> {
        let waits = [self.approval_days, self.payment_days, self.download_days];
        if waits.iter().any(|days| !(1..=365).contains(days)) {
            return Err("approval_days, payment_days and download_days are 1 to 365");
        }
        if self.renewal_days > LONGEST_TERM_DAYS {
            return Err("renewal_days is 1825 at most");
        }
        if self.late_renewal_days > 365 {
            return Err("late_renewal_days is 365 at most");
        }
        Ok(())
    }
}

impl Catalogue {
    /// Checks the whole.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        for (at, offer) in self.offer.iter().enumerate() {
            offer.check().map_err(|text| format!("{}: {text}", offer.place()))?;
            let before = self.offer.iter().take(at);
            for other in before.filter(|other| other.platform == offer.platform) {
                if (&other.certificate_authority, &other.product)
                    == (&offer.certificate_authority, &offer.product)
                {
                    return Err(format!("{}: it is there twice", offer.place()));
                }
                if other.platform_name != offer.platform_name {
                    return Err(format!(
                        "{}: platform_name is {:?} here and {:?} before: give a platform one name",
                        offer.place(),
                        offer.platform_name,
                        other.platform_name
                    ));
                }
            }
        }
        for (at, rule) in self.free.iter().enumerate() {
            rule.check().map_err(|text| format!("lifecycle.free {:?}: {text}", rule.name))?;
            if self.free.iter().take(at).any(|other| other.name == rule.name) {
                return Err(format!("lifecycle.free {:?}: another rule has that name", rule.name));
            }
        }
        self.policy.check().map_err(|text| format!("lifecycle.policy: {text}"))
    }

    /// What an order costs.
    #[must_use]
    pub fn quote(&self, offer: &Offer, fee: Fen, facts: Facts<'_>) -> Quote {
        let rule = self.free.iter().find(|rule| rule.fits(offer, facts));
        match rule {
            _ if fee.is_zero() => Quote { amount: Fen::ZERO, free_by: None },
            Some(rule) => Quote { amount: Fen::ZERO, free_by: Some(rule.name.clone()) },
            None => Quote { amount: fee, free_by: None },
        }
    }
}

impl Offer {
    fn place(&self) -> String {
        format!("lifecycle.offer of {:?} at {:?}", self.platform, self.certificate_authority)
    }

    fn check(&self) -> Result<(), &'static str> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&self.platform.len()) || !self.platform.bytes().all(fits) {
            return Err("platform has 1 to 32 characters of a-z, 0-9 and '-'");
        }
        if self.platform_name.trim().is_empty() || self.certificate_authority.is_empty() {
            return Err("it needs a platform_name for people, and certificate_authority names an adapter");
        }
        if self.product.as_ref().is_some_and(String::is_empty) {
            return Err("product is empty: leave it out where the CA has one only");
        }
        if self.term.is_empty() || self.term.iter().any(|term| !(1..=LONGEST_TERM_DAYS).contains(&term.days))
        {
            return Err("it needs terms of 1 to 1825 days");
        }
        let days: BTreeSet<_> = self.term.iter().map(|term| term.days).collect();
        if days.len() < self.term.len() { Err("a term is there twice") } else { Ok(()) }
    }

    /// Whether it is for holders of this kind.
    #[must_use]
    pub fn is_for(&self, kind: HolderKind) -> bool {
        self.holders.is_empty() || self.holders.contains(&kind.into())
    }

    /// What so many days cost; none where they are not offered.
    #[must_use]
    pub fn fee(&self, days: u32) -> Option<Fen> {
        self.term.iter().find(|term| term.days == days).map(|term| term.fee)
    }
}

impl FreeRule {
    fn check(&self) -> Result<(), &'static str> {
        if self.name.trim().is_empty() {
            return Err("a rule has a name, which stands in the orders that it makes free");
        }
        let digits = |region: &String| {
            (1..=6).contains(&region.len()) && region.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !self.regions.iter().all(digits) {
            return Err("regions have 1 to 6 digits each; leave them out where every region is meant");
        }
        if self.first == Some(0) {
            return Err("first = 0 makes nothing free: give a number from 1 on, or leave the rule out");
        }
        Ok(())
    }

    fn fits(&self, offer: &Offer, facts: Facts<'_>) -> bool {
        let in_region =
            |code: &CreditCode| self.regions.iter().any(|region| code.region().starts_with(region));
        (self.holders.is_empty() || self.holders.contains(&facts.kind.into()))
            && (self.enterprises.is_empty()
                || facts.enterprise.is_some_and(|code| self.enterprises.contains(code)))
            && (self.regions.is_empty() || facts.enterprise.is_some_and(in_region))
            && (self.platforms.is_empty() || self.platforms.contains(&offer.platform))
            && self.first.is_none_or(|first| facts.certificates_before < first)
            && self.until.is_none_or(|until| facts.now < until)
    }
}
