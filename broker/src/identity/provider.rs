//! The client of an OpenID provider: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::ServiceConfig;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreProviderMetadata};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use yinqiao_identity_provider::ProviderError;
use zeroize::Zeroizing;

use super::embedded::{self, Embedded};
use super::settings::IdentitySettings;
use crate::config::Config;

/// How long the provider's metadata and keys are taken for current.
const FRESH: Duration = Duration::from_secs(600);
/// How long an answer of the provider may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Octets of an answer at most.
const MOST_OCTETS: u64 = 1 << 20;

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The settings do not fit.
    #[error("the identity provider's settings do not fit: {0}")]
    Settings(String),
    /// There is none.
    #[error(
        "no identity provider is configured, so nobody can sign in: the operator sets identity.issuer, or for a demonstration \
         identity.embedded = true"
    )]
    NotConfigured,
    /// The embedded provider does not start.
    #[error(transparent)]
    Embedded(ProviderError),
    /// The provider does not answer, or answers what cannot be.
    #[error("the identity provider {issuer} does not answer as it should: {reason}")]
    Unavailable {
        /// Which.
        issuer: String,
        /// Why.
        reason: String,
    },
    /// The provider does not take the code, or what it says of the user does not verify.
    #[error("the identity provider does not confirm this sign-in: {0}; begin again")]
    Refused(String),
}

/// A sign-in that has begun: what the user's browser opens, and what has to come back.
pub struct Begun {
    /// For the browser.
    pub authorization_url: String,
    /// `state`, which comes back beside the code.
    pub state: String,
    /// `nonce`, which comes back in the ID token.
    pub nonce: String,
    /// The PKCE code verifier: a secret.
    pub code_verifier: Zeroizing<String>,
}

/// What the provider says of a user, as it says it.
pub struct Said {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// The members of the UserInfo answer.
    pub members: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Members(serde_json::Map<String, serde_json::Value>);

impl AdditionalClaims for Members {}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider that is trusted.
pub struct IdentityProvider {
    settings: IdentitySettings,
    issuer: String,
    redirect_uri: String,
    secret: Option<Zeroizing<String>>,
    agent: ureq::Agent,
    embedded: Option<Embedded>,
    /// Held while the metadata is fetched, so that it is fetched once.
    metadata: Mutex<Option<(Instant, Arc<CoreProviderMetadata>)>>,
}

impl IdentityProvider {
    /// For these settings; `public_url` is the broker's address. `config.listen` has the port that is listened on.
    ///
    /// # Errors
    /// When a file of the settings cannot be read, or the embedded provider does not start.
    pub fn new(config: &Config, public_url: &str) -> Result<Self, IdentityError> {
        let settings = &config.identity;
        let unreadable = |path: &std::path::Path, reason: &dyn std::fmt::Display| {
            IdentityError::Settings(format!("{} cannot be read: {reason}", path.display()))
        };
        let secret = match &settings.client_secret_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|reason| unreadable(path, &reason))?;
                Some(Zeroizing::new(text.trim().to_owned()))
            }
        };
        let mut tls = TlsConfig::builder();
        if let Some(path) = &settings.trust_file {
            let pem = std::fs::read(path).map_err(|reason| unreadable(path, &reason))?;
            let roots = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(reason) => Some(Err(reason)),
                })
                .collect::<Result<Vec<Certificate<'static>>, _>>()
                .map_err(|reason| unreadable(path, &reason))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&roots));
        }
        let mut agent = ureq::Agent::config_builder()
            .timeout_global(Some(WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(tls.build());
        let redirect_uri =
            settings.redirect_uri.clone().unwrap_or_else(|| format!("{public_url}/app/signed-in"));
        let mut issuer = settings.issuer.clone().unwrap_or_default();
        let mut embedded = None;
        if settings.embedded {
            embedded = Some(Embedded::start(config, public_url, &redirect_uri)?);
            issuer = embedded::issuer(public_url);
            // No proxy of the environment stands between this process and itself.
            agent = agent.proxy(None);
        }
        Ok(Self {
            issuer,
            redirect_uri,
            settings: settings.clone(),
            secret,
            agent: agent.build().into(),
            embedded,
            metadata: Mutex::new(None),
        })
    }

    /// Mounts the embedded provider, where there is one.
    pub fn configure(&self, config: &mut ServiceConfig) {
        if let Some(embedded) = &self.embedded {
            embedded.configure(config);
        }
    }

    /// Where a user gets the levels that are missing.
    pub fn levels_url(&self) -> &str {
        self.settings.levels_url.as_deref().unwrap_or(&self.issuer)
    }

    /// What the provider's claims are called.
    pub fn claim_names(&self) -> &super::settings::ClaimNames {
        &self.settings.claims
    }

    /// Where the provider sends users back to.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// When the provider is out of reach.
    pub async fn begin(&self) -> Result<Begun, IdentityError> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        Ok(Begun {
            authorization_url: url.into(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            code_verifier: Zeroizing::new(verifier.into_secret()),
        })
    }

    /// Exchanges the code, verifies the ID token (signature, issuer, audience, time, nonce), and asks for the claims.
    ///
    /// # Errors
    /// When the provider refuses, what it gives does not verify, or it is out of reach.
    pub async fn finish(&self, code: &str, code_verifier: &str, nonce: &str) -> Result<Said, IdentityError> {
        let client = self.client().await?;
        let refused = |reason: String| IdentityError::Refused(reason);
        let http = |request| self.exchange(request);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|reason| self.unavailable(&reason))?
            .set_pkce_verifier(PkceCodeVerifier::new(code_verifier.to_owned()))
            .request_async(&http)
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::ServerResponse(_) => {
                    refused("the code is not valid (any more)".to_owned())
                }
                other => self.unavailable(&other),
            })?;
        let id_token = tokens.id_token().ok_or_else(|| refused("it gave no ID token".to_owned()))?;
        let claims = id_token
            .claims(&client.id_token_verifier(), &Nonce::new(nonce.to_owned()))
            .map_err(|reason| refused(format!("its ID token does not verify ({reason})")))?;
        let info: UserInfoClaims<Members, CoreGenderClaim> = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .map_err(|reason| self.unavailable(&reason))?
            .request_async(&http)
            .await
            .map_err(|reason| self.unavailable(&reason))?;
        let mut members = info.additional_claims().0.clone();
        let standard = serde_json::to_value(info.standard_claims()).unwrap_or_default();
        if let serde_json::Value::Object(standard) = standard {
            members.extend(standard);
        }
        Ok(Said { issuer: claims.issuer().to_string(), subject: claims.subject().to_string(), members })
    }

    async fn client(&self) -> Result<Client, IdentityError> {
        let metadata = self.metadata().await?;
        let secret = self.secret.as_ref().map(|secret| ClientSecret::new(secret.to_string()));
        let redirect = RedirectUrl::new(self.redirect_uri.clone())
            .map_err(|reason| IdentityError::Settings(format!("redirect_uri: {reason}")))?;
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(CoreClient::from_provider_metadata((*metadata).clone(), id, secret).set_redirect_uri(redirect))
    }

    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, IdentityError> {
        let mut held = self.metadata.lock().await;
        if let Some((since, metadata)) = &*held
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(metadata));
        }
        if self.issuer.is_empty() {
            return Err(IdentityError::NotConfigured);
        }
        let issuer = IssuerUrl::new(self.issuer.clone())
            .map_err(|reason| IdentityError::Settings(format!("issuer: {reason}")))?;
        let http = |request| self.exchange(request);
        match CoreProviderMetadata::discover_async(issuer, &http).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *held = Some((Instant::now(), Arc::clone(&metadata)));
                Ok(metadata)
            }
            // A provider that is down for a while does not make its keys wrong.
            Err(reason) => match &*held {
                Some((_, metadata)) => Ok(Arc::clone(metadata)),
                None => Err(self.unavailable(&reason)),
            },
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ExchangeError> {
        let agent = self.agent.clone();
        let request = match &self.embedded {
            Some(embedded) => embedded.shorten(request),
            None => request,
        };
        let run = move || -> Result<HttpResponse, ureq::Error> {
            let response = agent.run(request)?;
            let (head, mut body) = response.into_parts();
            let body = body.with_config().limit(MOST_OCTETS).read_to_vec()?;
            Ok(HttpResponse::from_parts(head, body))
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| ExchangeError::BrokenOff)?.map_err(Into::into)
    }

    fn unavailable(&self, reason: &dyn std::error::Error) -> IdentityError {
        let mut text = reason.to_string();
        let mut cause = reason.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        IdentityError::Unavailable { issuer: self.issuer.clone(), reason: text }
    }
}

/// Why an HTTP exchange failed.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error(transparent)]
    Http(#[from] ureq::Error),
    #[error("the request was broken off")]
    BrokenOff,
}
