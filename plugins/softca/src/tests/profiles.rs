//! Profiles: what the operator's configuration makes of a request.

use super::*;

fn profiles(directory: &Path) -> Value {
    configured(
        directory,
        json!({
            "ocsp_url": "http://ocsp.example",
            "profiles": [
                {
                    "name": "tool",
                    "holders": ["enterprise"],
                    "certificates": "signing",
                    "validity_days": 30,
                    "longest_validity_days": 60,
                    "policies": ["1.2.156.10197.9.1", "1.2.156.10197.9.2"],
                    "extended_key_usages": ["clientAuth", "1.3.6.1.4.1.311.20.2.2"],
                    "crl_url": "http://other.example/ca.crl",
                    "issuer_url": "http://ca.example/ca.cer",
                    "subject": [
                        {"attribute": "O", "value": "{organization}"},
                        {"attribute": "CN", "value": "{name} tool"},
                    ],
                },
                {"name": "person", "holders": ["person"], "identity_code": false},
            ],
        }),
    )
}

fn enterprise() -> Holder {
    Holder {
        kind: HolderKind::Enterprise,
        name: "测试公司".into(),
        identity_code: None,
        organization: None,
        unified_social_credit_code: Some("91350100M000100Y43".into()),
    }
}

fn request(key: &sm2::PrivateKey, holder: Holder, product: &str, days: Option<u32>) -> Request {
    let validity = days.map(|days| Validity { not_before_ms: None, days: Some(days) });
    Request::Issue(IssueRequest { csr: csr(key), holder, validity, product: Some(product.into()) })
}

#[test]
fn a_profile_decides_names_extensions_validity_and_whether_there_is_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&profiles(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let pair = pair_of(ca.submit("one", &request(&key, enterprise(), "tool", None)).unwrap());
    assert!(pair.encryption_certificate.is_none() && pair.enveloped_key.is_none());
    let signing = certificate(&pair.signing_certificate);
    assert_eq!(signing.subject().to_string(), "CN=测试公司 tool,O=测试公司");
    assert_eq!(signing.not_after() - signing.not_before() + 1, 30 * 86_400);
    assert_eq!(signing.crl_distribution_points().unwrap(), ["http://other.example/ca.crl"]);
    let access = signing.authority_info_access().unwrap();
    assert_eq!(access.ocsp, ["http://ocsp.example"]);
    assert_eq!(access.ca_issuers, ["http://ca.example/ca.cer"]);
    let policies: Vec<String> = signing.certificate_policies().iter().map(ToString::to_string).collect();
    assert_eq!(policies, ["1.2.156.10197.9.1", "1.2.156.10197.9.2"]);
    let purposes: Vec<String> =
        signing.extended_key_usage().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(purposes, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"]);
    let [issuing, root] = [certificate(&pair.chain[0]), certificate(&pair.chain[1])];
    chain::verify(&signing, &[issuing], &[root], now() + 1, chain::Usage::Signing).unwrap();

    // Alone, it is held, revoked and followed without a partner.
    let ours = serial(&pair.signing_certificate);
    let again = RenewRequest { serial: ours.clone(), csr: csr(&key), validity: None };
    let renewed = pair_of(ca.submit("renew", &Request::Renew(again)).unwrap());
    assert!(renewed.encryption_certificate.is_none());
    let Reply::States(states) = ca.submit("revoke", &revoke(&ours, RevocationReason::Superseded)).unwrap()
    else {
        panic!()
    };
    assert_eq!(states.certificates.len(), 1);
}

#[test]
fn a_request_that_a_profile_is_not_for_is_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&profiles(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    for (number, (holder, product, days, word)) in [
        (person(), "tool", None, "not for such a holder"),
        (enterprise(), "person", None, "not for such a holder"),
        (enterprise(), "tool", Some(61), "1 to 60"),
        (enterprise(), "tools", None, "pair, tool, person"),
    ]
    .into_iter()
    .enumerate()
    {
        let error = ca.submit(&format!("k{number}"), &request(&key, holder, product, days)).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent));
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(ca.list(&ListQuery::default()).unwrap().certificates.is_empty());
}

#[test]
fn an_identity_code_stays_out_where_the_profile_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&profiles(folder.path())).unwrap();
    let key = sm2::PrivateKey::generate().unwrap();
    let pair = pair_of(ca.submit("one", &request(&key, person(), "person", None)).unwrap());
    assert!(certificate(&pair.signing_certificate).identity_code().unwrap().is_none());
    assert!(pair.encryption_certificate.is_some());
}

#[test]
fn certificates_of_a_profile_that_is_gone_are_not_renewed_but_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let key = sm2::PrivateKey::generate().unwrap();
    let ours = {
        let ca = host.open(&profiles(folder.path())).unwrap();
        serial(
            &pair_of(ca.submit("one", &request(&key, person(), "person", None)).unwrap()).signing_certificate,
        )
    };
    let ca = host.open(&configuration(folder.path())).unwrap();
    let again = RenewRequest { serial: ours.clone(), csr: csr(&key), validity: None };
    let error = ca.submit("renew", &Request::Renew(again)).unwrap_err();
    assert!(error.to_string().contains("person"), "{error}");
    ca.submit("revoke", &revoke(&ours, RevocationReason::Superseded)).unwrap();
}

#[test]
fn the_description_needs_no_configuration_and_names_the_profile_that_is_always_there() {
    let description = host().describe().unwrap();
    assert_eq!(
        description.products.iter().map(|product| product.name.as_str()).collect::<Vec<_>>(),
        ["pair"]
    );
    assert_eq!(description.configuration["properties"]["profiles"]["type"], "array");
}
