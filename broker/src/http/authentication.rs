//! Who asks: relying parties by API key, phones by claim token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use yinqiao_protocol::Token;

use super::problem::{ApiError, Kind};
use crate::broker::Broker;
use crate::directory::{DirectoryError, RelyingPartyRecord};

/// The relying party whose API key the request carries.
pub struct RelyingParty(pub Arc<RelyingPartyRecord>);

impl FromRequest for RelyingParty {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = bearer(request);
        let broker = request.app_data::<web::Data<Broker>>().cloned();
        Box::pin(async move {
            let key = key?;
            let broker = broker.ok_or_else(|| ApiError::new(Kind::Internal, "the broker is not set up"))?;
            match broker.directory.relying_party_of(&key).await {
                Ok(record) => Ok(Self(record)),
                Err(DirectoryError::NotFound(_)) => Err(ApiError::new(
                    Kind::Unauthorized,
                    "the API key is nobody's: check it, or have the operator make a new one with `yinqiao rp key`",
                )),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// The token in `Authorization: Bearer`.
pub struct Bearer(pub Token);

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(bearer(request).map(Self))
    }
}

/// Whether the request names a bearer token at all.
pub fn has_bearer(request: &HttpRequest) -> bool {
    request.headers().contains_key(header::AUTHORIZATION)
}

fn bearer(request: &HttpRequest) -> Result<Token, ApiError> {
    let missing = || {
        ApiError::new(
            Kind::Unauthorized,
            "send the header \"Authorization: Bearer …\" with your key or token",
        )
    };
    let value = request.headers().get(header::AUTHORIZATION).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Token::parse(token.trim()).ok_or_else(missing)
}
