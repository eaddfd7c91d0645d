//! What is told of a user (OpenID Connect Core 1.0 sections 2 and 5).
//!
//! The ID token says who signed in, when, how and at which level. Name, numbers and enterprise come from the UserInfo endpoint
//! alone: ID tokens come back in URLs (`id_token_hint`), and an ID number has no business there.

use chrono::{DateTime, Utc};
use openidconnect::core::{CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AdditionalClaims, Audience, AuthenticationContextClass, AuthenticationMethodReference,
    EndUserName, EndUserPhoneNumber, EndUserUsername, IdToken, IdTokenClaims, IssuerUrl, LocalizedClaim,
    Nonce, StandardClaims, SubjectIdentifier, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use yinqiao_lifecycle::identity::{AssuranceLevel, CreditCode, IdNumber};
use yinqiao_protocol::Timestamp;

use super::authorization::Scope;
use super::grant::{Access, Grant};
use super::key::SigningKey;
use crate::account::{Account, UserKind};

/// The private claims of the scope `identity`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct IdentityClaims {
    /// `person` or `legal_person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_kind: Option<UserKind>,
    /// `L1` to `L4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance_level: Option<AssuranceLevel>,
    /// 公民身份号码, from L2 on; UserInfo only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<IdNumber>,
    /// 统一社会信用代码, of a legal person; UserInfo only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise_code: Option<CreditCode>,
    /// UserInfo only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise_name: Option<String>,
    /// Seconds since 1970 (a NumericDate, RFC 7519), at L4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_checked_at: Option<i64>,
}

impl AdditionalClaims for IdentityClaims {}

/// The UserInfo answer.
pub type UserInfo = UserInfoClaims<IdentityClaims, CoreGenderClaim>;

/// ID tokens as signed here.
pub type SignedIdToken =
    IdToken<IdentityClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// Signs the ID token for a redeemed code; `until` is when it expires.
///
/// # Errors
/// When it cannot be signed.
pub fn id_token(
    issuer: IssuerUrl,
    grant: &Grant,
    account: &Account,
    access_token: &AccessToken,
    (now, until): (Timestamp, Timestamp),
    key: &SigningKey,
) -> Result<SignedIdToken, String> {
    let level = account.standing.level();
    let mut told = IdentityClaims::default();
    if grant.scopes.contains(&Scope::Identity) {
        told.user_kind = Some(account.kind());
        told.assurance_level = Some(level);
    }
    let claims = IdTokenClaims::new(
        issuer,
        vec![Audience::new(grant.client_id.clone())],
        time(until),
        time(now),
        StandardClaims::new(SubjectIdentifier::new(account.subject.clone())),
        told,
    )
    .set_auth_time(Some(time(grant.auth_time)))
    .set_nonce(grant.nonce.clone().map(Nonce::new))
    .set_auth_context_ref(Some(AuthenticationContextClass::new(format!("{level:?}"))))
    .set_auth_method_refs(Some(vec![AuthenticationMethodReference::new(grant.method.as_str().to_owned())]));
    IdToken::new::<_>(claims, key.pair(), SigningKey::ALGORITHM, Some(access_token), None)
        .map_err(|error| error.to_string())
}

/// What an access token allows to be told.
#[must_use]
pub fn user_info(access: &Access, account: &Account) -> UserInfo {
    let mut standard = StandardClaims::new(SubjectIdentifier::new(account.subject.clone()));
    let mut told = IdentityClaims::default();
    if access.scopes.contains(&Scope::Profile) {
        let name = account
            .standing
            .person()
            .map(|person| LocalizedClaim::from(EndUserName::new(person.name.clone())));
        standard = standard
            .set_name(name)
            .set_preferred_username(Some(EndUserUsername::new(account.user_name.to_string())));
    }
    if access.scopes.contains(&Scope::Phone) {
        standard = standard
            .set_phone_number(Some(EndUserPhoneNumber::new(account.phone.as_str().to_owned())))
            .set_phone_number_verified(Some(true));
    }
    if access.scopes.contains(&Scope::Identity) {
        told = IdentityClaims {
            user_kind: Some(account.kind()),
            assurance_level: Some(account.standing.level()),
            id_number: account.standing.person().map(|person| person.id_number.clone()),
            enterprise_code: account.enterprise().map(|enterprise| enterprise.code.clone()),
            enterprise_name: account.enterprise().map(|enterprise| enterprise.name.clone()),
            face_checked_at: account.standing.face_checked_at().map(Timestamp::seconds),
        };
    }
    UserInfo::new(standard, told)
}

fn time(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.seconds(), 0).unwrap_or_default()
}
