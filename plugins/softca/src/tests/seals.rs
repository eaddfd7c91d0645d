//! Electronic seals.

use super::*;

#[test]
fn a_seal_is_signed_by_the_maker_and_can_be_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let host = host();
    let ca = host.open(&configuration(folder.path())).unwrap();
    let pair = pair_of(ca.submit("issue", &issue_request(&sm2::PrivateKey::generate().unwrap())).unwrap());
    let request = seal_request(vec![pair.signing_certificate.clone()]);
    let issue = Request::SealIssue(request.clone());
    let Reply::Seal(issued) = ca.submit("seal", &issue).unwrap() else { panic!() };
    let Reply::Seal(again) = ca.submit("seal", &issue).unwrap() else { panic!() };
    assert_eq!(issued, again);
    let seal = SesSeal::from_der(issued.seal.as_bytes()).unwrap();
    seal.verify_maker_signature().unwrap();
    assert!(seal.signers().contains(&certificate(&pair.signing_certificate)));
    let anchors = [certificate(&pair.chain[1])];
    chain::verify(seal.maker(), &[certificate(&pair.chain[0])], &anchors, now() + 1, chain::Usage::Signing)
        .unwrap();

    let status = |id: &str| {
        let Reply::SealState(status) =
            ca.submit("", &Request::SealStatus(SealIdentity { seal_id: id.into() })).unwrap()
        else {
            panic!()
        };
        status.state
    };
    assert_eq!(status(&issued.seal_id), SealState::Valid);
    let revoke = SealRevokeRequest { seal_id: issued.seal_id.clone(), reason: "lost".into() };
    ca.submit("revoke-seal", &Request::SealRevoke(revoke)).unwrap();
    assert_eq!(status(&issued.seal_id), SealState::Revoked);
    assert_eq!(status("../authority"), SealState::Unknown);

    let nobody = Request::SealIssue(SealIssueRequest { signers: Vec::new(), ..request });
    assert_eq!(ca.submit("nobody", &nobody).unwrap_err().class(), Some(ErrorClass::Permanent));
}
