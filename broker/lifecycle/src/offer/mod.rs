//! What certificates are offered, and what they cost: the configuration's part of an order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::holder::HolderKind;

use crate::identity::CreditCode;
use crate::money::Fen;

#[cfg(test)]
mod tests;

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

impl Catalogue {
    /// Checks the whole.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        for (at, offer) in self.offer.iter().enumerate() {
            let name = format!("lifecycle.offer of {} at {}", offer.platform, offer.certificate_authority);
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if offer.platform.is_empty() || offer.platform.len() > 32 || !offer.platform.bytes().all(fits) {
                return Err(format!("{name}: platform has 1 to 32 characters of a-z, 0-9 and '-'"));
            }
            if offer.term.is_empty() || offer.term.iter().any(|term| !(1..=1825).contains(&term.days)) {
                return Err(format!("{name}: it needs terms of 1 to 1825 days"));
            }
            let same = |other: &Offer| {
                (&other.platform, &other.certificate_authority, &other.product)
                    == (&offer.platform, &offer.certificate_authority, &offer.product)
            };
            if self.offer.iter().take(at).any(same) {
                return Err(format!("{name}: it is there twice"));
            }
            let mut days: Vec<_> = offer.term.iter().map(|term| term.days).collect();
            days.sort_unstable();
            if days.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(format!("{name}: a term is there twice"));
            }
        }
        for rule in &self.free {
            let digits = |region: &String| region.len() <= 6 && region.bytes().all(|b| b.is_ascii_digit());
            if rule.name.is_empty() || !rule.regions.iter().all(digits) {
                return Err("lifecycle.free: a rule has a name, and regions of up to 6 digits".to_owned());
            }
        }
        let policy = &self.policy;
        let waits = [policy.approval_days, policy.payment_days, policy.download_days];
        if waits.contains(&0) || waits.iter().any(|days| *days > 365) {
            return Err("lifecycle.policy: what waits, waits 1 to 365 days".to_owned());
        }
        Ok(())
    }

    /// The offer that an order names.
    #[must_use]
    pub fn find(&self, platform: &str, authority: &str, product: Option<&str>) -> Option<&Offer> {
        self.offer.iter().find(|offer| {
            offer.platform == platform
                && offer.certificate_authority == authority
                && offer.product.as_deref() == product
        })
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
