use super::*;

const CODE: &str = "91350100M000100Y43";

fn offer() -> Offer {
    Offer {
        platform: "city".into(),
        platform_name: "市公共资源交易中心".into(),
        certificate_authority: "softca".into(),
        product: None,
        holders: BTreeSet::new(),
        signing_only: false,
        term: vec![Term { days: 365, fee: Fen(20_000) }, Term { days: 30, fee: Fen::ZERO }],
    }
}

fn rule() -> FreeRule {
    FreeRule {
        name: "rule".into(),
        holders: BTreeSet::new(),
        enterprises: Vec::new(),
        regions: Vec::new(),
        platforms: Vec::new(),
        first: None,
        until: None,
    }
}

fn free(rules: Vec<FreeRule>, kind: HolderKind, enterprise: Option<&str>, before: u32) -> Option<String> {
    let catalogue = Catalogue { offer: vec![offer()], free: rules, policy: Policy::default() };
    catalogue.check().unwrap();
    let enterprise: Option<CreditCode> = enterprise.map(|code| code.parse().unwrap());
    let facts = Facts {
        kind,
        enterprise: enterprise.as_ref(),
        certificates_before: before,
        now: Timestamp::from_millis(1_800_000_000_000),
    };
    let quote = catalogue.quote(&offer(), Fen(20_000), facts);
    assert_eq!(quote.amount.is_zero(), quote.free_by.is_some());
    quote.free_by
}

#[test]
fn the_first_rule_that_fits_makes_an_order_free() {
    let (person, legal) = (HolderKind::Person, HolderKind::LegalPerson);
    assert_eq!(free(vec![], person, None, 0), None);
    let first = FreeRule { first: Some(2), ..rule() };
    assert_eq!(free(vec![first.clone()], person, Some(CODE), 1).as_deref(), Some("rule"));
    assert_eq!(free(vec![first.clone()], person, Some(CODE), 2), None);
    let region = FreeRule { regions: vec!["3501".into()], name: "region".into(), ..rule() };
    assert_eq!(free(vec![first, region.clone()], person, Some(CODE), 2).as_deref(), Some("region"));
    assert_eq!(free(vec![region], person, None, 0), None);
    let legal_only = FreeRule { holders: BTreeSet::from([Kind::LegalPerson]), ..rule() };
    assert_eq!(free(vec![legal_only.clone()], person, Some(CODE), 0), None);
    assert!(free(vec![legal_only], legal, Some(CODE), 0).is_some());
    let over = FreeRule { until: Some(Timestamp::from_millis(1_700_000_000_000)), ..rule() };
    assert_eq!(free(vec![over], person, None, 0), None);
}

#[test]
fn a_catalogue_is_checked_whole() {
    let with = |change: &dyn Fn(&mut Catalogue)| {
        let mut catalogue = Catalogue { offer: vec![offer()], ..Catalogue::default() };
        change(&mut catalogue);
        catalogue.check()
    };
    assert!(with(&|_| {}).is_ok());
    assert!(with(&|catalogue| catalogue.offer.push(offer())).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].term.clear()).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].term[0].days = 30).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].platform = "City".into()).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].platform_name = " ".into()).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].certificate_authority.clear()).is_err());
    assert!(with(&|catalogue| catalogue.offer[0].product = Some(String::new())).is_err());
    assert!(with(&|catalogue| catalogue.policy.payment_days = 0).is_err());
    assert!(with(&|catalogue| catalogue.policy.renewal_days = 1826).is_err());
    assert!(with(&|catalogue| catalogue.policy.late_renewal_days = 366).is_err());
    let other = |name: &str| Offer { product: Some("p".into()), platform_name: name.into(), ..offer() };
    assert!(with(&|catalogue| catalogue.offer.push(other("市公共资源交易中心"))).is_ok());
    let two_names = with(&|catalogue| catalogue.offer.push(other("省中心"))).unwrap_err();
    assert!(two_names.contains("city") && two_names.contains("省中心"), "{two_names}");
    // An empty prefix would make every company free of charge.
    assert!(
        with(&|catalogue| catalogue.free.push(FreeRule { regions: vec![String::new()], ..rule() })).is_err()
    );
    assert!(with(&|catalogue| catalogue.free.push(FreeRule { first: Some(0), ..rule() })).is_err());
    assert!(with(&|catalogue| catalogue.free.extend([rule(), rule()])).is_err());
    assert!(
        with(&|catalogue| catalogue.free.push(FreeRule { regions: vec!["35x".into()], ..rule() })).is_err()
    );
}
