//! Which identity provider is trusted, and how its claims are called.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use yinqiao_identity_provider::Limits;

use crate::gateway;

/// `[identity]`. Without `issuer` and `embedded` nobody signs in: certificates then come by the operator's codes alone.
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
    /// Runs a provider inside the broker, at `/identity` of the public address, which has to be `https://…` or this machine's.
    /// For demonstrations only: it confirms everybody. Beside it only `client_id`, `redirect_uri` and `limits` are set.
    pub embedded: bool,
    /// What the embedded provider lets users try, and how often.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Limits,
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
            embedded: false,
            limits: Limits::default(),
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
        if self.embedded { self.check_embedded() } else { self.check_without_embedded() }
    }

    /// The embedded provider has an issuer URL, names and trust of its own.
    fn check_embedded(&self) -> Result<(), String> {
        let default = Self::default();
        let others = [
            ("issuer", self.issuer.is_some()),
            ("client_secret_file", self.client_secret_file.is_some()),
            ("scopes", self.scopes != default.scopes),
            ("levels_url", self.levels_url.is_some()),
            ("trust_file", self.trust_file.is_some()),
            ("claims", self.claims != default.claims),
        ];
        match others.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => Err(format!(
                "identity.embedded and identity.{key} are both set: take out identity.{key} for the embedded provider, \
                 or identity.embedded for another one"
            )),
            None => Ok(()),
        }
    }

    fn check_without_embedded(&self) -> Result<(), String> {
        if is_default(&self.limits) {
            return Ok(());
        }
        Err("identity.limits are the embedded provider's: set identity.embedded = true too, or take them out"
            .to_owned())
    }
}

fn is_default(limits: &Limits) -> bool {
    *limits == Limits::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        toml::from_str::<IdentitySettings>(text).unwrap().check()
    }

    #[test]
    fn the_embedded_provider_may_have_limits_a_client_id_and_a_redirect_uri() {
        check("embedded = true").unwrap();
        check("embedded = true\nclient_id = \"phone\"\nredirect_uri = \"https://a.example/back\"").unwrap();
        check("embedded = true\nlimits.codes.resend = { tries = 3, within = 60 }").unwrap();
    }

    #[test]
    fn the_embedded_provider_beside_what_belongs_to_another_one_is_refused_in_one_line() {
        for other in [
            "issuer = \"https://id.example.cn\"",
            "client_secret_file = \"secret\"",
            "scopes = []",
            "levels_url = \"https://id.example.cn/levels\"",
            "trust_file = \"roots.pem\"",
            "claims.name = \"full_name\"",
        ] {
            let refusal = check(&format!("embedded = true\n{other}")).unwrap_err();
            let key = other.split([' ', '.']).next().unwrap();
            assert!(refusal.contains(&format!("identity.{key}")) && !refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn limits_without_the_embedded_provider_are_refused() {
        let refusal = check("limits.session_life = 60").unwrap_err();
        assert!(refusal.contains("identity.embedded = true"), "{refusal}");
    }
}
