//! Which CA a request goes to: rules of the catalogue, the first that fits decides. Pure.

use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::holder::HolderKind;

use crate::adapter::catalogue::AdapterName;

/// Where the administrative division (GB/T 2260) stands in a unified social credit code: characters 3 to 8 (GB 32100-2015
/// clause 4.1).
const REGION: std::ops::Range<usize> = 2..8;

/// A rule: `[[route]]` in the catalogue's file. It fits a request that meets each condition it names; without conditions
/// it fits all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "RouteKeys", into = "RouteKeys")]
pub struct Route {
    written: RouteKeys,
}

/// The keys of a rule.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RouteKeys {
    /// Unified social credit codes (统一社会信用代码) of the companies that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enterprises: Vec<String>,
    /// Administrative divisions (GB/T 2260) that it is for, as the company's credit code has them: 2 digits for a province,
    /// 4 for a city, 6 for a county.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Products of the CA or certificate policies that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// The kind of user that it is for: `"person"` or `"legal_person"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<HolderKind>,
    /// Names of adapters, the one to ask first comes first.
    pub adapters: Vec<AdapterName>,
}

/// A rule that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// It leads nowhere.
    #[error("a route names at least one adapter, and each once")]
    Adapters,
    /// A credit code that is none.
    #[error("\"{0}\" in enterprises is no unified social credit code")]
    Enterprise(String),
    /// A region that is none.
    #[error("\"{0}\" in regions is no administrative division: give 2, 4 or 6 digits of GB/T 2260")]
    Region(String),
    /// A product without a name.
    #[error("a name in products is empty")]
    Product,
}

impl TryFrom<RouteKeys> for Route {
    type Error = RouteError;

    fn try_from(written: RouteKeys) -> Result<Self, RouteError> {
        let adapters = &written.adapters;
        let twice = (1..adapters.len()).any(|i| adapters[..i].contains(&adapters[i]));
        if adapters.is_empty() || twice {
            return Err(RouteError::Adapters);
        }
        if let Some(code) = written.enterprises.iter().find(|code| code.parse::<CreditCode>().is_err()) {
            return Err(RouteError::Enterprise(code.clone()));
        }
        let region = |text: &String| {
            matches!(text.len(), 2 | 4 | 6) && text.bytes().all(|digit| digit.is_ascii_digit())
        };
        if let Some(text) = written.regions.iter().find(|text| !region(text)) {
            return Err(RouteError::Region(text.clone()));
        }
        if written.products.iter().any(String::is_empty) {
            return Err(RouteError::Product);
        }
        Ok(Self { written })
    }
}

impl From<Route> for RouteKeys {
    fn from(route: Route) -> Self {
        route.written
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// For whom.
    pub holder: HolderKind,
    /// The credit code of the company that they act for.
    pub enterprise: Option<&'a str>,
    /// Product of the CA or certificate policy.
    pub product: Option<&'a str>,
}

/// How an enabled adapter is.
#[derive(Clone, Debug)]
pub struct AdapterHealth {
    /// Which.
    pub name: AdapterName,
    /// Whether it takes calls now: its worker runs and its circuit breaker is closed.
    pub healthy: bool,
}

impl Route {
    /// The adapters that it leads to, in order.
    pub fn adapters(&self) -> &[AdapterName] {
        &self.written.adapters
    }

    /// The same without an adapter; `None` where it led to that one alone.
    #[must_use]
    pub fn without(&self, name: &AdapterName) -> Option<Self> {
        let mut route = self.clone();
        route.written.adapters.retain(|adapter| adapter != name);
        (!route.written.adapters.is_empty()).then_some(route)
    }

    /// What it says.
    pub fn keys(&self) -> &RouteKeys {
        &self.written
    }

    /// Whether it fits.
    pub fn fits(&self, request: &Request<'_>) -> bool {
        let rule = &self.written;
        let enterprise = rule.enterprises.is_empty()
            || request.enterprise.is_some_and(|code| rule.enterprises.iter().any(|known| known == code));
        let division = request.enterprise.and_then(|code| code.get(REGION));
        let region = rule.regions.is_empty()
            || division
                .is_some_and(|division| rule.regions.iter().any(|region| division.starts_with(region)));
        let product = rule.products.is_empty()
            || request.product.is_some_and(|product| rule.products.iter().any(|known| known == product));
        enterprise && region && product && rule.holder.is_none_or(|kind| kind == request.holder)
    }
}

/// The adapters to ask for `request`, in order: those of the first rule that fits, or all where none does; each once.
/// `enabled` has all enabled adapters in the catalogue's order. Those that are not healthy come last, in order too: what is
/// known of their health may be old, and a call that is refused has done nothing. Disabled ones are left out, so the
/// result is empty where a rule leads to disabled ones only: the rule is the operator's word, and another CA is not.
pub fn route(routes: &[Route], request: &Request<'_>, enabled: &[AdapterHealth]) -> Vec<AdapterName> {
    let candidates: Vec<&AdapterHealth> = match routes.iter().find(|route| route.fits(request)) {
        Some(route) => route
            .adapters()
            .iter()
            .filter_map(|name| enabled.iter().find(|adapter| adapter.name == *name))
            .collect(),
        None => enabled.iter().collect(),
    };
    let (healthy, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|adapter| adapter.healthy);
    healthy.into_iter().chain(others).map(|adapter| adapter.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FUJIAN: &str = "91350100M000100Y43";

    fn rule(toml: &str) -> Route {
        toml::from_str(toml).unwrap()
    }

    fn health(names: &[(&str, bool)]) -> Vec<AdapterHealth> {
        names
            .iter()
            .map(|(name, healthy)| AdapterHealth { name: name.parse().unwrap(), healthy: *healthy })
            .collect()
    }

    fn names(routes: &[Route], request: Request<'_>, enabled: &[AdapterHealth]) -> Vec<String> {
        route(routes, &request, enabled).into_iter().map(String::from).collect()
    }

    fn person<'a>() -> Request<'a> {
        Request { holder: HolderKind::Person, enterprise: None, product: None }
    }

    fn company(code: &str) -> Request<'_> {
        Request { holder: HolderKind::LegalPerson, enterprise: Some(code), product: None }
    }

    #[test]
    fn without_a_rule_the_catalogues_order_decides() {
        let enabled = health(&[("b", true), ("a", true)]);
        assert_eq!(names(&[], person(), &enabled), ["b", "a"]);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let routes = [
            rule("regions = ['3502']\nadapters = ['xiamen']"),
            rule("regions = ['35']\nadapters = ['fujian']"),
            rule("adapters = ['any']"),
        ];
        let enabled = health(&[("any", true), ("fujian", true), ("xiamen", true)]);
        assert_eq!(names(&routes, company(FUJIAN), &enabled), ["fujian"]);
        assert_eq!(names(&routes, person(), &enabled), ["any"]);
    }

    #[test]
    fn a_rule_fits_only_where_each_of_its_conditions_is_met() {
        let route = rule(&format!(
            "enterprises = ['{FUJIAN}']\nproducts = ['1.2.156']\nholder = 'legal_person'\nadapters = ['a']"
        ));
        let fitting = Request { product: Some("1.2.156"), ..company(FUJIAN) };
        assert!(route.fits(&fitting));
        assert!(!route.fits(&Request { product: None, ..fitting }));
        assert!(!route.fits(&Request { enterprise: None, ..fitting }));
        assert!(!route.fits(&Request { holder: HolderKind::Person, ..fitting }));
    }

    #[test]
    fn a_rule_that_leads_to_disabled_adapters_sends_nothing_elsewhere() {
        let routes = [rule("adapters = ['gone']")];
        assert!(names(&routes, person(), &health(&[("other", true)])).is_empty());
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused_with_what_is_wrong() {
        for (text, part) in [
            ("adapters = []", "at least one"),
            ("adapters = ['a', 'a']", "each once"),
            ("adapters = ['a']\nregions = ['350']", "350"),
            ("adapters = ['a']\nregions = ['3x']", "3x"),
            ("adapters = ['a']\nenterprises = ['91350100M000100Y44']", "Y44"),
            ("adapters = ['a']\nproducts = ['']", "products"),
            ("adapters = ['a']\nregion = ['35']", "region"),
        ] {
            let error = toml::from_str::<Route>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    prop_compose! {
        fn any_rule()(
            regions in prop::collection::vec("[0-9]{2}|[0-9]{4}|[0-9]{6}", 0..3),
            holder in prop::option::of(prop_oneof![Just(HolderKind::Person), Just(HolderKind::LegalPerson)]),
            adapters in prop::sample::subsequence(vec!["a", "b", "c", "d"], 1..=4).prop_shuffle(),
        ) -> Route {
            let adapters = adapters.iter().map(|name| name.parse().unwrap()).collect();
            let written = RouteKeys { enterprises: vec![], regions, products: vec![], holder, adapters };
            written.try_into().unwrap()
        }
    }

    proptest! {
        #[test]
        fn the_answer_is_the_first_fitting_rules_enabled_adapters_healthy_ones_first(
            routes in prop::collection::vec(any_rule(), 0..5),
            enabled in prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4).prop_shuffle(),
            healthy in prop::collection::vec(any::<bool>(), 4),
            region in "[0-9]{6}",
            company in any::<bool>(),
        ) {
            let enabled: Vec<(&str, bool)> = enabled.into_iter().zip(healthy).collect();
            let code = format!("91{region}M000100Y43");
            let request = if company { super::tests::company(&code) } else { person() };
            let answer = names(&routes, request, &health(&enabled));
            let first = routes.iter().find(|route| route.fits(&request));
            let expected: Vec<&str> = match first {
                Some(route) => route.adapters().iter().map(AdapterName::as_str).collect(),
                None => enabled.iter().map(|(name, _)| *name).collect(),
            };
            let is = |name: &str, healthy: bool| enabled.contains(&(name, healthy));
            let expected: Vec<&str> = expected.iter().filter(|name| is(name, true))
                .chain(expected.iter().filter(|name| is(name, false))).copied().collect();
            prop_assert_eq!(answer, expected);
        }

        #[test]
        fn a_longer_region_fits_no_more_than_a_shorter_one(region in "[0-9]{6}", other in "[0-9]{6}") {
            let code = format!("91{other}M000100Y43");
            let fits = |length: usize| {
                rule(&format!("regions = ['{}']\nadapters = ['a']", &region[..length])).fits(&company(&code))
            };
            prop_assert!(fits(2) || !fits(4));
            prop_assert!(fits(4) || !fits(6));
            prop_assert_eq!(fits(6), region == other);
        }
    }
}
