//! Who calls: a user at a phone that is signed in, or staff of the trading centre.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::actor::UserActor;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::{AssuranceLevel, CreditCode};
use yinqiao_lifecycle::operator::{Operator, Power};
use yinqiao_lifecycle::user::{DeviceSession, User};
use yinqiao_protocol::dpop::{self, Proof};
use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{Token, UserId};

use crate::broker::Broker;
use crate::http::authentication::Bearer;
use crate::http::problem::{ApiError, Kind};
use crate::records::companies::operators_by_token;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// The phone whose key the request's DPoP proof is made with; it need not be signed in.
pub struct ProvenDevice(pub [u8; 65]);

/// A user at a phone that is signed in.
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// At which phone.
    pub session: DeviceSession,
    /// The company that this user leads now. The provider may still name the user's former one.
    leads: Option<CreditCode>,
}

impl SignedIn {
    /// As one who acts: for a company only while leading it.
    pub fn actor(&self) -> Actor {
        Actor::User(UserActor { enterprise: self.leads.clone(), ..self.user.actor() })
    }

    /// Refuses who does not lead the company: whoever leads another is told that there is none, the others that it is not for
    /// them.
    ///
    /// # Errors
    /// `not-found`, `not-allowed`
    pub fn must_lead(&self, company: &CreditCode) -> Result<(), ApiError> {
        if self.leads.as_ref() == Some(company) {
            Ok(())
        } else if self.user.kind == HolderKind::LegalPerson {
            Err(ApiError::new(Kind::NotFound, "you lead no such company"))
        } else {
            Err(ApiError::new(Kind::NotAllowed, "only a company's legal person may do this"))
        }
    }

    /// Whose requests these are, for idempotency keys.
    pub fn caller(&self) -> String {
        format!("user/{}", self.user.id)
    }

    /// Who.
    pub fn id(&self) -> UserId {
        self.user.id
    }
}

/// A member of the trading centre's staff.
pub struct Staff(pub Operator);

impl Staff {
    /// As one who acts.
    pub fn actor(&self) -> Actor {
        self.0.actor()
    }

    /// Whose requests these are, for idempotency keys.
    pub fn caller(&self) -> String {
        format!("operator/{}", self.0.id)
    }

    /// Refuses who does not have the power.
    ///
    /// # Errors
    /// `not-allowed`
    pub fn require(&self, power: Power) -> Result<(), ApiError> {
        if self.0.role.may(power) {
            return Ok(());
        }
        Err(ApiError::new(Kind::NotAllowed, "your role may not do this: the powers of staff are separate"))
    }
}

/// A signed-in user whom the identity provider knows well enough for certificates.
pub struct Verified(pub SignedIn);

impl FromRequest for ProvenDevice {
    type Error = ApiError;
    type Future = Answer<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(prove(&request, None).await?.device_key)) })
    }
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = Answer<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = access_token(&request)?;
            let proof = prove(&request, Some(token.clone())).await?;
            let broker = broker(&request)?;
            let (user, session) = broker.admit(&token, &proof.device_key).await?;
            let leads = led_by(&broker, &user).await?;
            Ok(Self { user, session, leads })
        })
    }
}

impl FromRequest for Verified {
    type Error = ApiError;
    type Future = Answer<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let signed_in = signed_in.await?;
            match signed_in.user.require_level(AssuranceLevel::FOR_CERTIFICATES) {
                Ok(()) => Ok(Self(signed_in)),
                Err(refusal) => {
                    let url = broker(&request)?.identity.levels_url().to_owned();
                    let missing: Vec<_> = refusal.missing.iter().map(|level| format!("{level:?}")).collect();
                    let text = format!("{refusal}: complete them at {url}, then sign in again");
                    Err(ApiError::new(Kind::AssuranceTooLow, text)
                        .with("missing_levels", missing.into())
                        .with("levels_url", url.into()))
                }
            }
        })
    }
}

async fn led_by(broker: &Broker, user: &User) -> Result<Option<CreditCode>, ApiError> {
    let Some(company) = &user.enterprise else { return Ok(None) };
    let found = broker.repository.get::<Enterprise>(company.code.as_str().as_bytes()).await?;
    let leads = found.is_some_and(|found| found.value.legal_person == user.id);
    Ok(leads.then(|| company.code.clone()))
}

impl FromRequest for Staff {
    type Error = ApiError;
    type Future = Answer<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bearer = Bearer::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Bearer(token) = bearer.await?;
            let broker = broker(&request)?;
            let prefix = operators_by_token(&token.digest());
            let page = broker.repository.page::<Operator>(&prefix, None, 1).await?;
            let found = page.items.into_iter().next().ok_or_else(|| {
                ApiError::new(
                    Kind::Unauthorized,
                    "the token is nobody's: check it, or have a security officer make a new one",
                )
            })?;
            Ok(Self(found.value))
        })
    }
}

fn broker(request: &HttpRequest) -> Result<web::Data<Broker>, ApiError> {
    let broker = request.app_data::<web::Data<Broker>>().cloned();
    broker.ok_or_else(|| ApiError::new(Kind::Internal, "the broker is not set up"))
}

/// The token in `Authorization: DPoP` (RFC 9449 section 7.1).
fn access_token(request: &HttpRequest) -> Result<Token, ApiError> {
    let missing = || {
        ApiError::new(
            Kind::Unauthorized,
            "send the header \"Authorization: DPoP …\" with the access token, and a DPoP proof beside it",
        )
    };
    let text = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = text.and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case(dpop::SCHEME) {
        return Err(missing());
    }
    Token::parse(token.trim()).ok_or_else(missing)
}

async fn prove(request: &HttpRequest, access_token: Option<Token>) -> Result<Proof, ApiError> {
    let broker = broker(request)?;
    let mut headers = request.headers().get_all(dpop::HEADER);
    let proof = match (headers.next().and_then(|value| value.to_str().ok()), headers.next()) {
        (Some(proof), None) => proof.to_owned(),
        _ => {
            let text = "send one DPoP header with a proof of the phone's key for this request (RFC 9449)";
            return Err(ApiError::new(Kind::Unauthorized, text));
        }
    };
    let (method, url) = (request.method().to_string(), format!("{}{}", broker.public_url, request.path()));
    let now = broker.repository.clock().now();
    let check = move || {
        let request = dpop::Request { method: &method, url: &url, access_token: access_token.as_ref() };
        dpop::check(&proof, request, now)
    };
    let unproven = |text: String| ApiError::new(Kind::Unauthorized, text);
    let proof = broker.pool.run(check).await?.map_err(|error| unproven(error.to_string()))?;
    if broker.seen_proofs.is_new(&proof, now) {
        Ok(proof)
    } else {
        Err(unproven("the DPoP proof was used before: make a new one for each request".to_owned()))
    }
}
