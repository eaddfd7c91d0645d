//! Codes for applications, and what they get for them.

use openidconnect::{AccessToken, IssuerUrl};
use tracing::{info, warn};
use url::Url;
use yinqiao_protocol::Timestamp;

use super::{Provider, Visitor};
use crate::oidc::{
    AuthorizationRequest, Grant, Prompt, Redemption, SignedIdToken, TokenError, TokenRequest, UserInfo,
    id_token, user_info,
};
use crate::refusal::Refusal;
use crate::token::Token;

/// The token endpoint's answer.
pub struct Tokens {
    /// For the UserInfo endpoint.
    pub access_token: Token,
    /// Signed.
    pub id_token: SignedIdToken,
    /// Seconds that both live.
    pub expires_in: u32,
    /// What may be told, divided by spaces.
    pub scope: String,
}

impl Provider {
    /// Whether a visitor has to prove again who they are before this request is answered.
    #[must_use]
    pub fn needs_sign_in(&self, visitor: &Visitor, request: &AuthorizationRequest) -> bool {
        let since = visitor.auth_time.millis_until(self.services.clock.now());
        request.prompt == Prompt::Always
            || request.max_age.is_some_and(|seconds| since > u64::from(seconds) * 1000)
    }

    /// Gives a code for `visitor`: where their browser goes with it.
    ///
    /// # Errors
    /// [`Refusal::Internal`]
    pub fn authorize(&self, visitor: &Visitor, request: &AuthorizationRequest) -> Result<Url, Refusal> {
        let code = Token::random()?;
        let now = self.services.clock.now();
        let grant = Grant {
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            scopes: request.scopes.clone(),
            subject: visitor.account.subject.clone(),
            auth_time: visitor.auth_time,
            method: visitor.method,
        };
        let url = request
            .answer(code.expose(), &self.settings.issuer)
            .ok_or_else(|| Refusal::Internal("a registered redirect URI is no URL".to_owned()))?;
        let until = now.plus_seconds(self.settings.limits.grant_life);
        self.passing().grants.issue(code.digest(), grant, until, now);
        info!(event = "code_issued", subject = visitor.account.subject, client = request.client_id);
        Ok(url)
    }

    /// Takes a code and gives tokens.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn redeem(&self, request: &TokenRequest) -> Result<Tokens, TokenError> {
        let now = self.services.clock.now();
        let expires_in = self.settings.limits.token_life;
        let until = now.plus_seconds(expires_in);
        let access_token = Token::random().map_err(|_| TokenError::ServerError)?;
        let redemption = Redemption {
            code: &request.code,
            client_id: &request.client_id,
            redirect_uri: request.redirect_uri.as_deref(),
            verifier: &request.verifier,
            access: access_token.digest(),
            access_until: until,
        };
        let redeemed = self.passing().grants.redeem(&redemption, now);
        let grant = redeemed.inspect_err(|error| {
            warn!(event = "code_refused", client = request.client_id, reason = %error);
        })?;
        let id_token = self.signed(&grant, &access_token, now, until)?;
        let scope: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
        Ok(Tokens { access_token, id_token, expires_in, scope: scope.join(" ") })
    }

    /// What the bearer of this access token may know.
    #[must_use]
    pub fn user_info(&self, access_token: &str) -> Option<UserInfo> {
        let now = self.services.clock.now();
        let access = self.passing().grants.access(access_token, now).cloned()?;
        let account = self.account(&access.subject).ok()?;
        Some(user_info(&access, &account))
    }

    fn signed(
        &self,
        grant: &Grant,
        access_token: &Token,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<SignedIdToken, TokenError> {
        let failed = |reason: String| {
            warn!(event = "id_token_not_signed", reason);
            TokenError::ServerError
        };
        let account = self.account(&grant.subject).map_err(|error| failed(error.to_string()))?;
        let issuer =
            IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| failed(error.to_string()))?;
        let access_token = AccessToken::new(access_token.expose().to_owned());
        id_token(issuer, grant, &account, &access_token, (now, until), &self.key).map_err(failed)
    }
}
