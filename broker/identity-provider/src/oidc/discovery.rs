//! What applications learn by themselves (OpenID Connect Discovery 1.0).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, AuthenticationContextClass, IssuerUrl, JsonWebKeySetUrl,
    LanguageTag, ProviderMetadata, ResponseTypes, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;
use yinqiao_lifecycle::identity::AssuranceLevel;

use super::authorization::Scope;
use super::key::SigningKey;

/// Members of other standards than Discovery 1.0.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FurtherMetadata {
    /// RFC 8414: `S256`.
    pub code_challenge_methods_supported: Vec<String>,
    /// RP-Initiated Logout 1.0.
    pub end_session_endpoint: Url,
    /// RFC 9207.
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for FurtherMetadata {}

/// The discovery document.
pub type Metadata = ProviderMetadata<
    FurtherMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Where what is served, below the issuer URL.
#[derive(Clone, Debug)]
pub struct Endpoints {
    issuer: String,
}

impl Endpoints {
    /// Below `issuer`, which has no slash at its end.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned() }
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The document.
    ///
    /// # Errors
    /// When the issuer is no URL.
    pub fn metadata(&self) -> Result<Metadata, url::ParseError> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let further = FurtherMetadata {
            code_challenge_methods_supported: names(&["S256"]),
            end_session_endpoint: Url::parse(&self.at("/logout"))?,
            authorization_response_iss_parameter_supported: true,
        };
        let claims = [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "at_hash",
            "name",
            "preferred_username",
            "phone_number",
            "phone_number_verified",
            "user_kind",
            "id_number",
            "enterprise_code",
            "enterprise_name",
            "assurance_level",
            "face_checked_at",
        ];
        let levels = AssuranceLevel::ALL.map(|level| AuthenticationContextClass::new(format!("{level:?}")));
        Ok(Metadata::new(
            IssuerUrl::new(self.issuer.clone())?,
            AuthUrl::new(self.at("/authorize"))?,
            JsonWebKeySetUrl::new(self.at("/jwks"))?,
            vec![ResponseTypes::new(vec![CoreResponseType::Code])],
            vec![CoreSubjectIdentifierType::Public],
            vec![SigningKey::ALGORITHM],
            further,
        )
        .set_token_endpoint(Some(TokenUrl::new(self.at("/token"))?))
        .set_userinfo_endpoint(Some(UserInfoUrl::new(self.at("/userinfo"))?))
        .set_scopes_supported(Some(
            Scope::ALL.map(|scope| openidconnect::Scope::new(scope.as_str().to_owned())).to_vec(),
        ))
        .set_response_modes_supported(Some(vec![CoreResponseMode::Query]))
        .set_grant_types_supported(Some(vec![CoreGrantType::AuthorizationCode]))
        .set_acr_values_supported(Some(levels.to_vec()))
        .set_token_endpoint_auth_methods_supported(Some(vec![
            CoreClientAuthMethod::None,
            CoreClientAuthMethod::ClientSecretBasic,
            CoreClientAuthMethod::ClientSecretPost,
        ]))
        .set_claim_types_supported(Some(vec![CoreClaimType::Normal]))
        .set_claims_supported(Some(claims.map(|name| CoreClaimName::new(name.to_owned())).to_vec()))
        .set_ui_locales_supported(Some(vec![LanguageTag::new("zh-CN".to_owned())]))
        .set_claims_parameter_supported(Some(false))
        .set_request_parameter_supported(Some(false))
        .set_request_uri_parameter_supported(Some(false)))
    }
}
