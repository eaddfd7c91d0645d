//! Authorization requests (OpenID Connect Core 1.0 section 3.1.2, RFC 6749 section 4.1, RFC 7636).

use std::collections::BTreeSet;

use url::Url;

use super::parameters::Parameters;
use crate::settings::{Client, Settings};

/// What an application asks for, checked: the client is registered, the address is one of its own, PKCE is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: String,
    /// Its name, for people.
    pub client_name: String,
    /// Where the answer goes: one of the client's own, character by character.
    pub redirect_uri: String,
    /// The known ones of those asked for; `openid` is among them.
    pub scopes: BTreeSet<Scope>,
    /// Comes back as it is.
    pub state: Option<String>,
    /// Goes into the ID token as it is.
    pub nonce: Option<String>,
    /// `code_challenge`, by S256.
    pub challenge: String,
    /// Whether the user is to be bothered.
    pub prompt: Prompt,
    /// Seconds that may have passed since the user proved who they are.
    pub max_age: Option<u32>,
    /// The request as it came, to be carried through forms and read again after them.
    pub query: String,
}

/// `prompt`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prompt {
    /// Ask who is there only if nobody is signed in.
    IfNeeded,
    /// `none`: show nothing.
    Never,
    /// `login`, `consent`, `select_account`: have the user sign in again, knowing for what.
    Always,
}

/// `scope`
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// Who it is.
    OpenId,
    /// Their name.
    Profile,
    /// Their telephone number.
    Phone,
    /// User kind, ID number, enterprise, level.
    Identity,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OpenId, Self::Profile, Self::Phone, Self::Identity];

    /// As requests have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Phone => "phone",
            Self::Identity => "identity",
        }
    }
}

/// Why there is no code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RequestError {
    /// Client or address is not registered, or the request cannot be read: nobody is sent anywhere (RFC 6749 section 4.1.2.1).
    Stay(String),
    /// The application hears of it.
    Tell {
        /// Where.
        redirect_uri: String,
        /// `state`
        state: Option<String>,
        /// The code of RFC 6749 section 4.1.2.1 or OpenID Connect Core section 3.1.2.6.
        error: &'static str,
        /// For its developer.
        description: &'static str,
    },
}

impl AuthorizationRequest {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// [`RequestError`]
    pub fn parse(query: &str, settings: &Settings) -> Result<Self, RequestError> {
        let given =
            Parameters::parse(query.as_bytes()).map_err(|error| RequestError::Stay(error.to_string()))?;
        let stay = |reason: &str| RequestError::Stay(reason.to_owned());
        let client = given
            .get("client_id")
            .and_then(|id| settings.client(id))
            .ok_or_else(|| stay("client_id is missing or not registered here"))?;
        let redirect_uri = given
            .get("redirect_uri")
            .filter(|uri| client.redirect_uris.iter().any(|known| known == uri))
            .ok_or_else(|| {
                stay("redirect_uri is missing or not one that is registered for this application")
            })?;
        let state = given.get("state").map(str::to_owned);
        Self::read(&given, client, redirect_uri, query).map_err(|(error, description)| RequestError::Tell {
            redirect_uri: redirect_uri.to_owned(),
            state,
            error,
            description,
        })
    }

    fn read(
        given: &Parameters,
        client: &Client,
        redirect_uri: &str,
        query: &str,
    ) -> Result<Self, (&'static str, &'static str)> {
        if given.get("request").is_some() {
            return Err(("request_not_supported", "request objects are not supported"));
        }
        if given.get("request_uri").is_some() {
            return Err(("request_uri_not_supported", "request objects are not supported"));
        }
        match given.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
            None => return Err(("invalid_request", "response_type is missing")),
        }
        if given.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(("invalid_request", "response_mode must be query"));
        }
        let scopes: BTreeSet<Scope> = given
            .text("scope")
            .split(' ')
            .filter_map(|name| Scope::ALL.into_iter().find(|scope| scope.as_str() == name))
            .collect();
        if !scopes.contains(&Scope::OpenId) {
            return Err(("invalid_scope", "scope must contain openid"));
        }
        if given.get("code_challenge_method") != Some("S256") {
            return Err(("invalid_request", "code_challenge_method must be S256 (RFC 7636)"));
        }
        let challenge = given.text("code_challenge");
        if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
            return Err((
                "invalid_request",
                "code_challenge must be a SHA-256 digest in base64url (RFC 7636)",
            ));
        }
        Ok(Self {
            client_id: client.id.clone(),
            client_name: client.name.clone(),
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            state: given.get("state").map(str::to_owned),
            nonce: given.get("nonce").map(str::to_owned),
            challenge: challenge.to_owned(),
            prompt: prompt(given.text("prompt"))?,
            max_age: match given.get("max_age").map(str::parse) {
                None => None,
                Some(Ok(seconds)) => Some(seconds),
                Some(Err(_)) => return Err(("invalid_request", "max_age must be a number of seconds")),
            },
            query: query.to_owned(),
        })
    }

    /// The error, for the application.
    #[must_use]
    pub fn tell(&self, error: &'static str, description: &'static str) -> RequestError {
        RequestError::Tell {
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            error,
            description,
        }
    }

    /// Where the user's browser goes with the code. `iss` stands against mix-up (RFC 9207).
    #[must_use]
    pub fn answer(&self, code: &str, issuer: &str) -> Option<Url> {
        let state = self.state.as_deref().map(|state| ("state", state));
        with_parameters(&self.redirect_uri, [("code", code), ("iss", issuer)].into_iter().chain(state))
    }
}

impl RequestError {
    /// Where the user's browser goes with the error; `None` when it stays.
    #[must_use]
    pub fn answer(&self, issuer: &str) -> Option<Url> {
        let Self::Tell { redirect_uri, state, error, description } = self else { return None };
        let state = state.as_deref().map(|state| ("state", state));
        let told = [("error", *error), ("error_description", *description), ("iss", issuer)];
        with_parameters(redirect_uri, told.into_iter().chain(state))
    }
}

/// `uri` with parameters added to those that it has.
pub fn with_parameters<'a>(uri: &str, added: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Url> {
    let mut url = Url::parse(uri).ok()?;
    url.query_pairs_mut().extend_pairs(added);
    Some(url)
}

fn prompt(text: &str) -> Result<Prompt, (&'static str, &'static str)> {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => Ok(Prompt::IfNeeded),
        ["none"] => Ok(Prompt::Never),
        words if words.iter().all(|word| ["login", "consent", "select_account"].contains(word)) => {
            Ok(Prompt::Always)
        }
        _ => Err(("invalid_request", "prompt must be none, or some of login, consent, select_account")),
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "https://bid.example/back?lang=zh";

    fn settings() -> Settings {
        Settings::new(
            "https://id.example",
            Client {
                id: "app".to_owned(),
                name: "App".to_owned(),
                redirect_uris: vec![HOME.to_owned()],
                post_logout_redirect_uris: Vec::new(),
                secret_sha256: None,
            },
        )
    }

    /// The smallest request, with parameters changed, added or (with an empty value) removed.
    fn parsed(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, RequestError> {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let mut parameters = vec![
            ("client_id", "app"),
            ("redirect_uri", HOME),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s t"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        parameters.extend(changes);
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        AuthorizationRequest::parse(&query, &settings())
    }

    #[test]
    fn the_answer_keeps_the_query_of_the_redirect_uri_and_names_the_issuer() {
        let request = parsed(&[("scope", "openid identity unknown")]).unwrap();
        assert_eq!(request.scopes, [Scope::OpenId, Scope::Identity].into());
        assert_eq!(
            request.answer("c", "https://id.example").unwrap().as_str(),
            "https://bid.example/back?lang=zh&code=c&iss=https%3A%2F%2Fid.example&state=s+t"
        );
    }

    #[test]
    fn nobody_is_sent_to_an_address_that_is_not_registered_exactly() {
        let others =
            ["https://bid.example/back", "https://bid.example/back?lang=zh&x", "https://evil.example/", ""];
        for uri in others {
            assert!(matches!(parsed(&[("redirect_uri", uri)]), Err(RequestError::Stay(_))), "{uri}");
        }
        assert!(matches!(parsed(&[("client_id", "other")]), Err(RequestError::Stay(_))));
    }

    #[test]
    fn each_other_fault_is_told_to_the_application_by_the_code_of_its_standard() {
        let faults = [
            (("response_type", "token"), "unsupported_response_type"),
            (("response_type", ""), "invalid_request"),
            (("response_mode", "fragment"), "invalid_request"),
            (("scope", "profile"), "invalid_scope"),
            (("code_challenge", ""), "invalid_request"),
            (("code_challenge", "short"), "invalid_request"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("code_challenge_method", ""), "invalid_request"),
            (("request", "x"), "request_not_supported"),
            (("request_uri", "x"), "request_uri_not_supported"),
            (("prompt", "none login"), "invalid_request"),
            (("max_age", "-1"), "invalid_request"),
        ];
        for (change, expected) in faults {
            match parsed(&[change]) {
                Err(RequestError::Tell { error, state, .. }) => {
                    assert_eq!((error, state.as_deref()), (expected, Some("s t")), "{change:?}");
                }
                other => panic!("{change:?}: {other:?}"),
            }
        }
    }
}
