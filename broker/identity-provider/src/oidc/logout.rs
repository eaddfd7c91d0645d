//! Logout requests (OpenID Connect RP-Initiated Logout 1.0).

use chrono::DateTime;
use openidconnect::core::CoreIdTokenVerifier;
use openidconnect::{ClientId, IssuerUrl, Nonce};

use super::authorization::with_parameters;
use super::claims::SignedIdToken;
use super::key::SigningKey;
use super::parameters::{Malformed, Parameters};
use crate::settings::Settings;

/// What an application asks for, checked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogoutRequest {
    /// The subject that the application means, proved by an ID token of this provider.
    pub subject: Option<String>,
    /// Where the browser goes afterwards: registered for the client of the ID token or of `client_id`.
    pub then: Option<String>,
}

impl LogoutRequest {
    /// Reads the parameters. A hint that is not one of ours, or an address that is not registered, is as good as none.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn parse(text: &[u8], settings: &Settings, key: &SigningKey) -> Result<Self, Malformed> {
        let given = Parameters::parse(text)?;
        let hint = given.get("id_token_hint").and_then(|hint| hinted(hint, &settings.issuer, key));
        let named = given.get("client_id");
        let client = match (&hint, named) {
            (Some(hint), Some(named)) if hint.client_id != named => None,
            (Some(hint), _) => settings.client(&hint.client_id),
            (None, named) => named.and_then(|named| settings.client(named)),
        };
        let then = client.zip(given.get("post_logout_redirect_uri")).and_then(|(client, wanted)| {
            let known = client.post_logout_redirect_uris.iter().find(|known| *known == wanted)?;
            match given.get("state") {
                None => Some(known.clone()),
                Some(state) => with_parameters(known, [("state", state)]).map(String::from),
            }
        });
        Ok(Self { subject: hint.map(|hint| hint.subject), then })
    }
}

/// Whom an ID token of this provider speaks of, and to whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hinted {
    /// `sub`
    pub subject: String,
    /// `aud`
    pub client_id: String,
}

/// Reads a hint: signature and issuer have to be ours, expiry does not matter.
#[must_use]
pub fn hinted(hint: &str, issuer: &str, key: &SigningKey) -> Option<Hinted> {
    let token: SignedIdToken = hint.parse().ok()?;
    let issuer = IssuerUrl::new(issuer.to_owned()).ok()?;
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(String::new()), issuer, key.public().clone())
            .set_allowed_algs([SigningKey::ALGORITHM])
            .require_audience_match(false)
            .set_time_fn(|| DateTime::UNIX_EPOCH);
    let claims = token.claims(&verifier, |_: Option<&Nonce>| Ok(())).ok()?;
    let [audience] = claims.audiences().as_slice() else { return None };
    Some(Hinted { subject: claims.subject().to_string(), client_id: audience.to_string() })
}
