//! Signing in and out.

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::AssuranceLevel;
use yinqiao_lifecycle::user::{Claims, DeviceSession, SessionRefusal, Tokens, User};
use yinqiao_protocol::account::{SessionRequest, SignInRequest};
use yinqiao_protocol::{DeviceSessionId, SignInId, Sm3Hex, Token, UserId};

use super::provider::{IdentityError, Said};
use super::sign_in::{Opened, SIGN_IN_SECONDS, SignIn};
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix, Transaction, Versioned};

/// Characters of a phone's name at most.
const LONGEST_DEVICE_NAME: usize = 64;

/// A session with its tokens, which are stored as digests only.
pub struct SignedInPhone {
    /// The session.
    pub session: DeviceSession,
    /// Its user.
    pub user: User,
    /// For requests.
    pub access_token: Token,
    /// For the next tokens.
    pub renewal_token: Token,
}

impl Broker {
    /// Begins a sign-in for a phone: gives it, and what the user's browser opens.
    ///
    /// # Errors
    /// When the key is none, or the provider is out of reach.
    pub async fn begin_sign_in(&self, request: &SignInRequest) -> Result<(SignIn, String), ApiError> {
        yinqiao_gm::sm2::PublicKey::from_sec1(request.device_key.as_slice())
            .map_err(|error| ApiError::new(Kind::InvalidRequest, format!("device_key: {error}")))?;
        let begun = self.identity.begin().await?;
        let state = Token::parse(&begun.state)
            .ok_or_else(|| ApiError::new(Kind::Internal, "the state of a sign-in is no token"))?;
        let sign_in = SignIn {
            id: SignInId::random(),
            device_key: request.device_key.clone(),
            state_sm3: state.digest(),
            nonce: begun.nonce,
            code_verifier: begun.code_verifier.to_string(),
            expires_at: self.repository.clock().now().plus_seconds(SIGN_IN_SECONDS),
            opened: None,
        };
        self.repository
            .transact(async |transaction| Ok::<_, ApiError>(transaction.put(None, &sign_in)?))
            .await?;
        Ok((sign_in, begun.authorization_url))
    }

    /// Ends a sign-in with what the provider sent back: opens a session for the phone that proves `device_key`.
    ///
    /// # Errors
    /// When it is another's, over, or the provider does not confirm it.
    pub async fn finish_sign_in(
        &self,
        request: &SessionRequest,
        device_key: &[u8],
    ) -> Result<SignedInPhone, ApiError> {
        let name = &request.device_name;
        if !yinqiao_protocol::task::is_showable(name, LONGEST_DEVICE_NAME) {
            let text = "device_name has 1 to 64 characters and no control characters";
            return Err(ApiError::new(Kind::InvalidRequest, text));
        }
        let found = self.repository.get::<SignIn>(request.sign_in.as_bytes()).await?;
        let sign_in = found
            .map(|found| found.value)
            .filter(|sign_in| sign_in.device_key.as_slice() == device_key)
            .filter(|sign_in| request.state.matches(&sign_in.state_sm3))
            .ok_or_else(|| over("no such sign-in of this phone"))?;
        let code_sm3 = request.code.digest();
        if let Some(opened) = &sign_in.opened {
            return self.opened_before(opened, &code_sm3).await;
        }
        if sign_in.expires_at <= self.repository.clock().now() {
            return Err(over("the sign-in took too long"));
        }
        let said =
            self.identity.finish(request.code.expose(), &sign_in.code_verifier, &sign_in.nonce).await?;
        let claims = self.claims(&said)?;
        let session = self.open_session(&sign_in, code_sm3, &claims, name).await?;
        self.with_tokens(session).await
    }

    async fn open_session(
        &self,
        sign_in: &SignIn,
        code_sm3: Sm3Hex,
        claims: &Claims,
        device_name: &str,
    ) -> Result<DeviceSession, ApiError> {
        let (new_user, id) = (self.user_id(claims), DeviceSessionId::random());
        self.repository
            .transact(async |transaction| {
                let now = transaction.now();
                let found = transaction.get::<SignIn>(sign_in.id.as_bytes()).await?;
                let found = found.ok_or_else(|| over("the sign-in is over"))?;
                if let Some(opened) = &found.value.opened {
                    // The same request ran beside this one.
                    let session = transaction.get::<DeviceSession>(opened.session.as_bytes()).await?;
                    return session.map(|found| found.value).ok_or_else(|| over("the session is over"));
                }
                let user = user_of(transaction, claims, new_user).await?;
                register_company(transaction, &user).await?;
                let tokens = self.tokens(id, 1);
                let device = (device_name, sign_in.device_key.clone());
                let session = DeviceSession::begin(id, &user, device, tokens, now);
                let session = transaction.take(None, session)?;
                let mut used = found.value.clone();
                used.opened = Some(Opened { code_sm3, session: id });
                used.code_verifier = String::new();
                transaction.put(Some(&found), &used)?;
                Ok(session)
            })
            .await
    }

    async fn opened_before(&self, opened: &Opened, code_sm3: &Sm3Hex) -> Result<SignedInPhone, ApiError> {
        if opened.code_sm3 != *code_sm3 {
            return Err(over("the sign-in was finished with another code"));
        }
        let session = self.repository.get::<DeviceSession>(opened.session.as_bytes()).await?;
        let session = session.map(|found| found.value).filter(|session| session.generation == 1);
        self.with_tokens(session.ok_or_else(|| over("the session went on since then"))?).await
    }

    /// Gets a phone its next tokens. A used-up renewal token ends the session.
    ///
    /// # Errors
    /// See [`SessionRefusal`].
    pub async fn renew_session(
        &self,
        renewal: &Token,
        device_key: &[u8],
        id: DeviceSessionId,
    ) -> Result<SignedInPhone, ApiError> {
        let renewed = self
            .repository
            .transact(async |transaction| {
                let (found, user) = session_and_user(transaction, id).await?;
                let now = transaction.now();
                let next = self.tokens(id, found.value.generation.saturating_add(1));
                match found.value.renew(&user, device_key, &renewal.digest(), next, now) {
                    Ok(step) => Ok(Ok(transaction.take(Some(&found), step)?)),
                    Err(SessionRefusal::Reused) => {
                        let ended = found.value.end(&Actor::User(user.actor()), "renewal token reused", now);
                        transaction.take(Some(&found), ended)?;
                        Ok(Err(SessionRefusal::Reused))
                    }
                    Err(refusal) => Ok(Err(refusal)),
                }
            })
            .await
            .and_then(|outcome: Result<DeviceSession, SessionRefusal>| outcome.map_err(ApiError::from))?;
        self.with_tokens(renewed).await
    }

    /// The session and the user of an access token, which phone may use it, and whether it does.
    ///
    /// # Errors
    /// When the token is nobody's or not good now.
    pub async fn admit(&self, token: &Token, device_key: &[u8]) -> Result<(User, DeviceSession), ApiError> {
        let prefix = IndexPrefix::new(Index::DeviceSessionByToken, token.digest().as_bytes());
        let page = self.repository.page::<DeviceSession>(&prefix, None, 1).await?;
        let session = page.items.into_iter().next().ok_or(SessionRefusal::AccessTokenEnded)?.value;
        let user = self.repository.get::<User>(session.user.as_bytes()).await?;
        let user = user.ok_or(SessionRefusal::Ended)?.value;
        session.admit(&user, device_key, self.repository.clock().now())?;
        Ok((user, session))
    }

    async fn with_tokens(&self, session: DeviceSession) -> Result<SignedInPhone, ApiError> {
        let user = self.repository.get::<User>(session.user.as_bytes()).await?;
        let user = user.ok_or(SessionRefusal::Ended)?.value;
        let access_token = self.access_token(session.id, session.generation);
        let renewal_token = self.renewal_token(session.id, session.generation);
        Ok(SignedInPhone { session, user, access_token, renewal_token })
    }

    /// Tokens follow from session and generation under the broker's own key, so that a repeated request gets the same ones
    /// though only their digests are stored.
    fn tokens(&self, session: DeviceSessionId, generation: u32) -> Tokens {
        Tokens {
            access_sm3: self.access_token(session, generation).digest(),
            renewal_sm3: self.renewal_token(session, generation).digest(),
        }
    }

    fn access_token(&self, session: DeviceSessionId, generation: u32) -> Token {
        let parts: [&[u8]; 3] = [b"access token", session.as_bytes(), &generation.to_be_bytes()];
        Token::from_bytes(self.derive(&parts).as_bytes())
    }

    fn renewal_token(&self, session: DeviceSessionId, generation: u32) -> Token {
        let parts: [&[u8]; 3] = [b"renewal token", session.as_bytes(), &generation.to_be_bytes()];
        Token::from_bytes(self.derive(&parts).as_bytes())
    }

    /// A user's id follows from what the provider calls the person, so that two first sign-ins at once are one user's.
    fn user_id(&self, claims: &Claims) -> UserId {
        let parts = [b"user".as_slice(), claims.issuer.as_bytes(), b"\0", claims.subject.as_bytes()];
        let digest = self.derive(&parts);
        UserId::from_bytes(digest.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    fn claims(&self, said: &Said) -> Result<Claims, ApiError> {
        let names = self.identity.claim_names();
        let member = |claim: &'static str| {
            let name = match claim {
                "user_kind" => &names.user_kind,
                "name" => &names.name,
                "id_number" => &names.id_number,
                "phone_number" => &names.phone_number,
                "enterprise_code" => &names.enterprise_code,
                "enterprise_name" => &names.enterprise_name,
                _ => &names.assurance_level,
            };
            said.members.get(name)?.as_str().map(str::to_owned)
        };
        Claims::read(&said.issuer, &said.subject, member)
            .map_err(|error| ApiError::new(Kind::IdentityNotConfirmed, error.to_string()))
    }
}

/// The user of these claims, registered at the first sign-in.
async fn user_of(transaction: &mut Transaction<'_>, claims: &Claims, id: UserId) -> Result<User, ApiError> {
    match transaction.get::<User>(id.as_bytes()).await? {
        Some(found) => {
            let step = found
                .value
                .sign_in(claims, transaction.now())
                .map_err(|refusal| ApiError::new(Kind::IdentityNotConfirmed, refusal.to_string()))?;
            Ok(transaction.take(Some(&found), step)?)
        }
        None => {
            let step = User::register(id, claims, transaction.now());
            Ok(transaction.take(None, step)?)
        }
    }
}

/// Registers the company of a legal-person user, once the provider has confirmed the person: below that anybody could name
/// any company. Where another person leads it, this one may ask for a change.
async fn register_company(transaction: &mut Transaction<'_>, user: &User) -> Result<(), ApiError> {
    let confirmed = user.require_level(AssuranceLevel::FOR_CERTIFICATES).is_ok();
    let Some(company) = user.enterprise.as_ref().filter(|_| confirmed) else { return Ok(()) };
    let found = transaction.get::<Enterprise>(company.code.as_str().as_bytes()).await?;
    let before = found.as_ref().map(|found| &found.value);
    if let Ok(step) = Enterprise::register(before, &user.actor(), &company.name, transaction.now()) {
        transaction.take(found.as_ref(), step)?;
    }
    Ok(())
}

/// A session and its user, as they are now.
async fn session_and_user(
    transaction: &Transaction<'_>,
    id: DeviceSessionId,
) -> Result<(Versioned<DeviceSession>, User), ApiError> {
    let found = transaction.get::<DeviceSession>(id.as_bytes()).await?.ok_or(SessionRefusal::Ended)?;
    let user = transaction.get::<User>(found.value.user.as_bytes()).await?.ok_or(SessionRefusal::Ended)?;
    Ok((found, user.value))
}

fn over(what: &str) -> ApiError {
    ApiError::new(Kind::IdentityNotConfirmed, format!("{what}: begin a new sign-in"))
}

impl From<SessionRefusal> for ApiError {
    fn from(refusal: SessionRefusal) -> Self {
        Self::new(Kind::Unauthorized, refusal.to_string())
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        let kind = match &error {
            IdentityError::Settings(_) | IdentityError::Embedded(_) => Kind::Internal,
            IdentityError::Unavailable { .. } | IdentityError::NotConfigured => {
                Kind::IdentityProviderUnavailable
            }
            IdentityError::Refused(_) => Kind::IdentityNotConfirmed,
        };
        Self::new(kind, error.to_string())
    }
}
