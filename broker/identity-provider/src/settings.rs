//! Settings of a provider.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::account::HashCost;
use crate::sms::CodeLimits;
use crate::throttle::Rate;

/// Everything that a deployment says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The issuer URL (Discovery 1.0 section 3), `https://…` or, on this machine only, `http://127.0.0.1…`; its path is where
    /// the provider is mounted. No slash at its end.
    pub issuer: String,
    /// The applications that users may sign in to.
    pub clients: Vec<Client>,
    /// Limits of tries and lives.
    #[serde(default)]
    pub limits: Limits,
    /// The cost of hashing a new password.
    #[serde(default)]
    pub hash_cost: HashCost,
}

/// A registered application.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// What users see.
    pub name: String,
    /// Where it has users sent back to, compared character by character. `https://…`, loopback `http://…`, or a scheme of an
    /// app's own with a dot in it (RFC 8252 section 7.1).
    pub redirect_uris: Vec<String>,
    /// Where it has users sent to after sign-out, compared likewise.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// The SHA-256 digest of its secret in hexadecimal; none for a public client, which has PKCE alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_sha256: Option<String>,
}

/// Limits of tries and lives.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Characters of a new password. NIST SP 800-63B-4: 15 where the password alone signs in; never under 8.
    pub shortest_password: usize,
    /// Wrong passwords for one user name.
    pub wrong_passwords: Rate,
    /// Wrong passwords and wrong codes from one address.
    pub wrong_per_address: Rate,
    /// New accounts from one address.
    pub registrations_per_address: Rate,
    /// Checks of name or face for one account: registers ask for money.
    pub checks: Rate,
    /// Codes by short message.
    pub codes: CodeLimits,
    /// Seconds that a session lives.
    pub session_life: u32,
    /// Seconds that an authorization code lives; 60 at most (RFC 9700).
    pub grant_life: u32,
    /// Seconds that access tokens and ID tokens live.
    pub token_life: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shortest_password: 15,
            wrong_passwords: Rate::new(10, 900),
            wrong_per_address: Rate::new(100, 900),
            registrations_per_address: Rate::new(60, 3600),
            checks: Rate::new(10, 3600),
            codes: CodeLimits::default(),
            session_life: 3600,
            grant_life: 60,
            token_life: 300,
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct SettingsError {
    /// Which.
    pub key: String,
    /// What is wrong, and what to write.
    pub reason: String,
}

impl Settings {
    /// With one client and the default limits.
    #[must_use]
    pub fn new(issuer: impl Into<String>, client: Client) -> Self {
        Self {
            issuer: issuer.into(),
            clients: vec![client],
            limits: Limits::default(),
            hash_cost: HashCost::default(),
        }
    }

    /// Checks all of it; gives the issuer as a URL.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn check(&self) -> Result<Url, SettingsError> {
        let refuse = |key: String, reason: &str| Err(SettingsError { key, reason: reason.to_owned() });
        let issuer = Url::parse(&self.issuer).ok().filter(|url| {
            is_web(url)
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && !self.issuer.ends_with('/')
        });
        let Some(issuer) = issuer else {
            return refuse(
                "issuer".to_owned(),
                "it must be https://…, or http:// with a loopback address, without query, fragment, and slash at its end",
            );
        };
        for (index, client) in self.clients.iter().enumerate() {
            if client.id.is_empty() || self.clients.iter().filter(|other| other.id == client.id).count() > 1 {
                return refuse(format!("clients[{index}].id"), "each client has an id of its own");
            }
            if client.redirect_uris.is_empty() {
                return refuse(format!("clients[{index}].redirect_uris"), "give at least one");
            }
            if !client
                .redirect_uris
                .iter()
                .chain(&client.post_logout_redirect_uris)
                .all(|uri| is_redirect(uri))
            {
                return refuse(
                    format!("clients[{index}].redirect_uris"),
                    "each must be https://…, http:// with a loopback address, or a scheme with a dot in it, without fragment",
                );
            }
            let digest = client.secret_sha256.as_ref().map(hex::decode);
            if digest.is_some_and(|digest| digest.map(|digest| digest.len()) != Ok(32)) {
                return refuse(
                    format!("clients[{index}].secret_sha256"),
                    "it must be 64 hexadecimal digits, the SHA-256 digest of the secret",
                );
            }
        }
        if self.limits.shortest_password < 8 || self.limits.shortest_password > 64 {
            return refuse("limits.shortest_password".to_owned(), "8 to 64");
        }
        if !(1..=60).contains(&self.limits.grant_life) {
            return refuse("limits.grant_life".to_owned(), "1 to 60 seconds");
        }
        if !self.hash_cost.is_possible() {
            return refuse("hash_cost".to_owned(), "8 to 1048576 KiB of memory and 1 to 100 passes");
        }
        Ok(issuer)
    }

    /// The client of this id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }
}

fn is_web(url: &Url) -> bool {
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

fn is_redirect(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.fragment().is_none() && (is_web(&url) || url.scheme().contains('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(
            "http://127.0.0.1:8080/identity",
            Client {
                id: "yinqiao".to_owned(),
                name: "印桥".to_owned(),
                redirect_uris: vec!["http://127.0.0.1:8080/app/signed-in".to_owned()],
                post_logout_redirect_uris: Vec::new(),
                secret_sha256: None,
            },
        )
    }

    #[test]
    fn the_settings_of_a_demonstration_are_accepted() {
        assert_eq!(settings().check().unwrap().path(), "/identity");
    }

    #[test]
    fn an_issuer_without_tls_off_this_machine_is_refused() {
        for issuer in
            ["http://example.com/id", "https://a.example/id/", "https://a.example/?x", "identity", ""]
        {
            let settings = Settings { issuer: issuer.to_owned(), ..settings() };
            assert_eq!(settings.check().unwrap_err().key, "issuer", "{issuer}");
        }
    }

    #[test]
    fn a_redirect_uri_without_tls_or_with_a_fragment_is_refused() {
        for uri in ["http://example.com/", "https://a.example/#x", "javascript:alert(1)", "/signed-in"] {
            let mut settings = settings();
            settings.clients[0].redirect_uris = vec![uri.to_owned()];
            assert_eq!(settings.check().unwrap_err().key, "clients[0].redirect_uris", "{uri}");
        }
    }

    #[test]
    fn a_code_that_lives_longer_than_a_minute_is_refused() {
        let mut settings = settings();
        settings.limits.grant_life = 61;
        assert_eq!(settings.check().unwrap_err().key, "limits.grant_life");
    }
}
