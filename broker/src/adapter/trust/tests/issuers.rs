//! A CA below the root: what must be known of its own certificate.

use super::*;

/// A holder of a CA below the scene's root.
struct Below {
    issuing: Certificate,
    holder: Certificate,
}

impl Below {
    /// The root's list is at the address `/delta`, the CA's own at `/list`; it is fresh. `addressed` is what the CA's certificate says
    /// of its status.
    fn new(scene: &Scene, addressed: impl FnOnce(CertificateBuilder, &str) -> CertificateBuilder) -> Self {
        let (ca, now) = (&scene.ca, scene.now.seconds());
        let [key, holders] = [(); 2].map(|()| PrivateKey::generate().unwrap());
        let issuing = builder(Profile::IssuingCa { path_len: None }, "签发", &key, now);
        let issuing = addressed(issuing, &ca.address).sign(&ca.root, &ca.key).unwrap();
        let holder = builder(Profile::Signing, "王小明", &holders, now)
            .crl_distribution_point(&format!("{}/list", ca.address))
            .sign(&issuing, &key)
            .unwrap();
        let list = CertificateRevocationList::build(&issuing, &key, now - 5, now + 600, 1, &[]).unwrap();
        ca.web.lock().unwrap().list = Some(list.der().to_vec());
        let anchors = Anchors::new([ca.root.as_any().clone(), issuing.as_any().clone()]);
        scene.authority.trust().take_anchors(anchors, scene.now);
        Self { issuing, holder }
    }

    fn with_list(scene: &Scene) -> Self {
        Self::new(scene, |builder, address| builder.crl_distribution_point(&format!("{address}/delta")))
    }

    fn with_responder(scene: &Scene) -> Self {
        Self::new(scene, |builder, address| builder.ocsp_responder(&format!("{address}/ocsp")))
    }

    fn without_address(scene: &Scene) -> Self {
        Self::new(scene, |builder, _| builder)
    }
}

/// The root says what it has revoked.
fn publish_of_root(scene: &Scene, revoked: &[&Certificate]) {
    let (ca, now) = (&scene.ca, scene.now.seconds());
    let entry = RevokedEntry { revoked_at: now - 10, reason: RevocationReason::CaCompromise };
    let entries: Vec<_> = revoked.iter().map(|certificate| (*certificate.serial(), entry)).collect();
    let list = CertificateRevocationList::build(&ca.root, &ca.key, now - 5, now + 600, 1, &entries);
    ca.web.lock().unwrap().delta = Some(list.unwrap().der().to_vec());
}

fn unavailable(checked: Result<Checked, TrustError>) {
    let issuer = match checked {
        Err(TrustError::IssuerStatusUnavailable { issuer, .. }) => issuer,
        other => panic!("{other:?}"),
    };
    assert_eq!(issuer, "签发");
}

#[actix_rt::test]
async fn a_ca_whose_list_is_published_and_cannot_be_had_vouches_for_nobody() {
    let scene = Scene::new(json!({ "fetch_by_url": true }));
    unavailable(scene.check(&Below::with_list(&scene).holder).await);

    let scene = Scene::new(json!({ "fetch_by_url": true }));
    let below = Below::with_list(&scene);
    publish_of_root(&scene, &[]);
    assert_eq!(scene.check(&below.holder).await.unwrap().status.status, Status::Good);

    let scene = Scene::new(json!({ "fetch_by_url": true }));
    let below = Below::with_list(&scene);
    publish_of_root(&scene, &[&below.issuing]);
    assert!(matches!(scene.check(&below.holder).await, Err(TrustError::IssuerRevoked { .. })));
}

#[actix_rt::test]
async fn a_ca_whose_list_has_ended_vouches_for_nobody_until_there_is_a_new_one() {
    let scene = Scene::new(json!({ "fetch_by_url": true }));
    let below = Below::with_list(&scene);
    publish_of_root(&scene, &[]);
    scene.check(&below.holder).await.unwrap();
    scene.ca.web.lock().unwrap().delta = None;
    let later = scene.now.plus_seconds(601);
    let rules = &scene.authority.entry().trust;
    let link = (below.issuing.as_any(), scene.ca.root.as_any());
    let checked = scene.authority.check_issuer(&below.holder, link, rules, later).await;
    assert!(matches!(checked, Err(TrustError::IssuerStatusUnavailable { .. })));
}

#[actix_rt::test]
async fn a_responder_speaks_for_a_ca_too() {
    let revoked = RevokedEntry { revoked_at: 1, reason: RevocationReason::CaCompromise };
    for (status, good) in [(CertStatus::Good, true), (CertStatus::Revoked(revoked), false)] {
        let scene = Scene::new(json!({ "fetch_by_url": true }));
        let below = Below::with_responder(&scene);
        scene.ca.web.lock().unwrap().ocsp = Some(status);
        match scene.check(&below.holder).await {
            Ok(_) => assert!(good),
            Err(error) => assert!(!good && matches!(error, TrustError::IssuerRevoked { .. }), "{error}"),
        }
    }
    let scene = Scene::new(json!({ "fetch_by_url": true }));
    let below = Below::with_responder(&scene);
    scene.ca.web.lock().unwrap().ocsp = Some(CertStatus::Unknown);
    unavailable(scene.check(&below.holder).await);
}

#[actix_rt::test]
async fn a_ca_of_which_nobody_publishes_anything_is_refused_where_all_must_be_known() {
    for (trust, good) in [
        (json!({ "fetch_by_url": true }), true),
        (json!({ "fetch_by_url": true, "issuers": "all" }), false),
        (json!({ "fetch_by_url": true, "issuers": "all", "unknown": "accept" }), true),
    ] {
        let scene = Scene::new(trust);
        let checked = scene.check(&Below::without_address(&scene).holder).await;
        match good {
            true => assert_eq!(checked.unwrap().status.status, Status::Good, "the holder's own is known"),
            false => unavailable(checked),
        }
    }
}

#[actix_rt::test]
async fn an_address_that_the_broker_may_not_ask_publishes_nothing() {
    for (issuers, good) in [("published", true), ("all", false)] {
        let scene = Scene::new(json!({ "issuers": issuers }));
        let below = Below::with_list(&scene);
        let der = scene.ca.web.lock().unwrap().list.clone().unwrap();
        let list = Arc::new(AnyRevocationList::from_der(&der).unwrap());
        scene.authority.trust().take_list(crate::adapter::trust::FetchedList { list, fetched_at: scene.now });
        let checked = scene.check(&below.holder).await;
        if good {
            drop(checked.unwrap())
        } else {
            unavailable(checked)
        }
        assert_eq!(scene.ca.asked(), 0);
    }
}
