//! Which identity provider is trusted, and how its claims are called.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::gateway;

/// `[identity]`. Without `issuer` nobody signs in: certificates then come by the operator's codes alone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// The provider's issuer URL (OpenID Connect Discovery 1.0 section 4), `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What the provider calls this broker.
    pub client_id: String,
    /// A file with the client secret, for a provider that wants one beside PKCE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Where the provider sends the user back to, as registered there. Default: `/app/signed-in` at the broker's public
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where a user gets the levels that are missing; shown to the user. Default: the issuer URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels_url: Option<String>,
    /// PEM with the roots for the provider's TLS certificate, where it is none of the web's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_file: Option<PathBuf>,
    /// What the provider calls the claims.
    pub claims: ClaimNames,
}

/// `[identity.claims]`: names of members in the provider's UserInfo answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// The person's name.
    pub name: String,
    /// `person` or `legal_person`.
    pub user_kind: String,
    /// 公民身份号码
    pub id_number: String,
    /// The telephone number.
    pub phone_number: String,
    /// 统一社会信用代码 of a legal person's company.
    pub enterprise_code: String,
    /// That company's name.
    pub enterprise_name: String,
    /// `L1` to `L4`.
    pub assurance_level: String,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: "yinqiao".to_owned(),
            client_secret_file: None,
            redirect_uri: None,
            scopes: ["profile", "phone", "identity"].map(str::to_owned).to_vec(),
            levels_url: None,
            trust_file: None,
            claims: ClaimNames::default(),
        }
    }
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            name: "name".to_owned(),
            user_kind: "user_kind".to_owned(),
            id_number: "id_number".to_owned(),
            phone_number: "phone_number".to_owned(),
            enterprise_code: "enterprise_code".to_owned(),
            enterprise_name: "enterprise_name".to_owned(),
            assurance_level: "assurance_level".to_owned(),
        }
    }
}

impl IdentitySettings {
    /// Checks the values.
    ///
    /// # Errors
    /// What to change.
    pub fn check(&self) -> Result<(), String> {
        let allowed = |url: &str| gateway::is_protected(url) || gateway::is_on_this_machine(url, "localhost");
        for (key, url) in [("issuer", &self.issuer), ("redirect_uri", &self.redirect_uri)] {
            if let Some(url) = url
                && !allowed(url)
            {
                return Err(format!("identity.{key} is \"{url}\": it must begin with https://"));
            }
        }
        if self.client_id.is_empty() {
            return Err("identity.client_id is empty: give the name that the provider knows this broker by"
                .to_owned());
        }
        Ok(())
    }
}
