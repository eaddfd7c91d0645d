//! Token requests (OpenID Connect Core 1.0 section 3.1.3, RFC 6749 section 4.1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::parameters::Parameters;
use crate::settings::{Client, Settings};
use crate::token::TokenDigest;

/// Why there is no token; the codes of RFC 6749 section 5.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The request does not fit.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The client is not known or does not prove who it is.
    #[error("the client is not registered, or its authentication failed")]
    InvalidClient {
        /// It tried with the Authorization header, so that the answer is to name the scheme.
        by_header: bool,
    },
    /// The code is not good (any more).
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// Something else than a code.
    #[error("grant_type must be authorization_code")]
    UnsupportedGrantType,
    /// The provider fails.
    #[error("the provider cannot do this now: begin again")]
    ServerError,
}

impl TokenError {
    /// `error`
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::ServerError => "server_error",
        }
    }
}

/// A token request of a client that proved who it is as far as it can.
pub struct TokenRequest {
    /// The client.
    pub client_id: String,
    /// The code.
    pub code: Zeroizing<String>,
    /// What it says was the address.
    pub redirect_uri: Option<String>,
    /// `code_verifier`
    pub verifier: Zeroizing<String>,
}

impl TokenRequest {
    /// Reads a request's form and its Authorization header.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn parse(form: &[u8], header: Option<&str>, settings: &Settings) -> Result<Self, TokenError> {
        let given = Parameters::parse(form)
            .map_err(|_| TokenError::InvalidRequest("the form cannot be read, or has a parameter twice"))?;
        let client = ClientAuthentication::of(&given, header)?.check(settings)?;
        match given.get("grant_type") {
            Some("authorization_code") => {}
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => return Err(TokenError::InvalidRequest("grant_type is missing")),
        }
        let needed = |name, missing| given.get(name).ok_or(TokenError::InvalidRequest(missing));
        Ok(Self {
            client_id: client.id.clone(),
            code: needed("code", "code is missing")?.to_owned().into(),
            redirect_uri: given.get("redirect_uri").map(str::to_owned),
            verifier: needed("code_verifier", "code_verifier is missing (RFC 7636)")?.to_owned().into(),
        })
    }
}

/// How a client says who it is: `none`, `client_secret_post` or `client_secret_basic`.
pub struct ClientAuthentication {
    id: String,
    secret: Option<Zeroizing<String>>,
    by_header: bool,
}

impl ClientAuthentication {
    /// Reads it.
    ///
    /// # Errors
    /// [`TokenError`] when it is missing, unreadable, or there two ways at once.
    pub fn of(given: &Parameters, header: Option<&str>) -> Result<Self, TokenError> {
        let by_form = given.get("client_id");
        let Some(header) = header else {
            let id = by_form.ok_or(TokenError::InvalidRequest("client_id is missing"))?.to_owned();
            let secret = given.get("client_secret").map(|secret| secret.to_owned().into());
            return Ok(Self { id, secret, by_header: false });
        };
        if given.get("client_secret").is_some() {
            return Err(TokenError::InvalidRequest("the client authenticates in two ways at once"));
        }
        let (id, secret) = basic(header).ok_or(TokenError::InvalidClient { by_header: true })?;
        if by_form.is_some_and(|other| other != id) {
            return Err(TokenError::InvalidRequest("client_id is not the one of the Authorization header"));
        }
        Ok(Self { id, secret: Some(secret), by_header: true })
    }

    /// The client, if it has proved who it is.
    ///
    /// # Errors
    /// [`TokenError::InvalidClient`]
    pub fn check<'a>(&self, settings: &'a Settings) -> Result<&'a Client, TokenError> {
        let refused = TokenError::InvalidClient { by_header: self.by_header };
        let client = settings.client(&self.id).ok_or(refused)?;
        let fits = match (&client.secret_sha256, &self.secret) {
            (None, None) => true,
            (Some(digest), Some(secret)) => {
                let digest = hex::decode(digest).map_err(|_| refused)?;
                bool::from(TokenDigest::of(secret).as_bytes()[..].ct_eq(&digest))
            }
            _ => false,
        };
        if fits { Ok(client) } else { Err(refused) }
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded, then joined by a colon, then in base64.
fn basic(header: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?.into()))
}

fn form_decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let client = |id: &str, secret: Option<&str>| Client {
            id: id.to_owned(),
            name: id.to_owned(),
            redirect_uris: vec!["https://bid.example/".to_owned()],
            post_logout_redirect_uris: Vec::new(),
            secret_sha256: secret.map(|secret| hex::encode(TokenDigest::of(secret).as_bytes())),
        };
        let mut settings = Settings::new("https://id.example", client("public", None));
        settings.clients.push(client("secret", Some("p:w d")));
        settings
    }

    fn parsed(form: &str, header: Option<&str>) -> Result<String, &'static str> {
        let form = format!("grant_type=authorization_code&code=c&code_verifier=v&{form}");
        TokenRequest::parse(form.as_bytes(), header, &settings())
            .map(|request| request.client_id)
            .map_err(TokenError::code)
    }

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn a_public_client_names_itself_and_one_with_a_secret_gives_it_in_one_way() {
        assert_eq!(parsed("client_id=public", None).as_deref(), Ok("public"));
        assert_eq!(parsed("client_id=secret&client_secret=p:w+d", None).as_deref(), Ok("secret"));
        assert_eq!(parsed("", Some(&header("secret:p%3Aw+d"))).as_deref(), Ok("secret"));
    }

    #[test]
    fn a_client_that_does_not_prove_who_it_is_gets_nothing() {
        let cases = [
            ("client_id=secret", None, "invalid_client"),
            ("client_id=secret&client_secret=other", None, "invalid_client"),
            ("client_id=public&client_secret=x", None, "invalid_client"),
            ("client_id=unknown", None, "invalid_client"),
            ("", None, "invalid_request"),
            ("", Some(header("secret:other")), "invalid_client"),
            ("", Some("Bearer x".to_owned()), "invalid_client"),
            ("client_secret=x", Some(header("secret:p%3Aw+d")), "invalid_request"),
            ("client_id=public", Some(header("secret:p%3Aw+d")), "invalid_request"),
        ];
        for (form, header, expected) in cases {
            assert_eq!(parsed(form, header.as_deref()), Err(expected), "{form} {header:?}");
        }
    }

    #[test]
    fn requests_without_what_they_need_are_refused() {
        let code = |form: &str| {
            TokenRequest::parse(form.as_bytes(), None, &settings()).map(|_| ()).map_err(TokenError::code)
        };
        assert_eq!(code("client_id=public"), Err("invalid_request"));
        assert_eq!(code("client_id=public&grant_type=password"), Err("unsupported_grant_type"));
        assert_eq!(code("client_id=public&grant_type=authorization_code&code=c"), Err("invalid_request"));
    }
}
