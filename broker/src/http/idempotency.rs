//! `Idempotency-Key`: a bid system that lost the answer to an opening request sends it again and gets the same sessions,
//! instead of orphans that nobody scans and that would look like absent bidders.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::Serialize;

use yinqiao_protocol::statement::digest_of_parts;
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId, Sm3Hex};

use super::problem::{ApiError, Kind};
use crate::broker::Broker;

/// The header.
pub const HEADER: &str = "Idempotency-Key";
/// Characters of a key at most.
pub const LONGEST: usize = 128;

/// The key of a request, where it has one.
pub struct IdempotencyKey(Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match sent(request) {
            Sent::Nothing => Ok(Self(None)),
            Sent::Key(key) => Ok(Self(Some(key.to_owned()))),
            Sent::NoKey => Err(ApiError::new(
                Kind::MalformedRequest,
                "Idempotency-Key has 1 to 128 visible ASCII characters: a new UUID for each new request is a good one",
            )),
        })
    }
}

/// What a request has in the header.
pub enum Sent<'r> {
    /// It has none.
    Nothing,
    /// Something that is no key.
    NoKey,
    /// A key.
    Key(&'r str),
}

/// The key of a request.
pub fn sent(request: &HttpRequest) -> Sent<'_> {
    let Some(value) = request.headers().get(HEADER) else { return Sent::Nothing };
    let text = value.to_str().unwrap_or_default();
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits { Sent::Key(text) } else { Sent::NoKey }
}

/// What the things that a request opens are called: by chance, or by its key, so that the same key names the same ones.
pub struct Names {
    key: Option<KeyedNames>,
}

struct KeyedNames {
    relying_party: RelyingPartyId,
    key: String,
    request_sm3: Sm3Hex,
}

impl IdempotencyKey {
    /// Names for what `request` opens.
    ///
    /// # Errors
    /// When the request cannot be written as JSON.
    pub fn names(self, relying_party: &RelyingPartyId, request: &impl Serialize) -> Result<Names, ApiError> {
        let Some(key) = self.0 else { return Ok(Names { key: None }) };
        let bytes = serde_json::to_vec(request).map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?;
        let request_sm3 = digest_of_parts(&[&bytes]);
        Ok(Names { key: Some(KeyedNames { relying_party: relying_party.clone(), key, request_sm3 }) })
    }
}

impl Names {
    /// The name of the session at `index`. With a key it follows from the broker's own secret: nobody can guess it.
    pub fn session(&self, broker: &Broker, index: usize) -> SessionId {
        self.sixteen(broker, b"session", index).map_or_else(SessionId::random, SessionId::from_bytes)
    }

    /// The name of the opening.
    pub fn opening(&self, broker: &Broker) -> OpeningId {
        self.sixteen(broker, b"opening", 0).map_or_else(OpeningId::random, OpeningId::from_bytes)
    }

    /// Digest of the request, where it has a key.
    pub fn request_sm3(&self) -> Option<Sm3Hex> {
        self.key.as_ref().map(|keyed| keyed.request_sm3)
    }

    fn sixteen(&self, broker: &Broker, what: &[u8], index: usize) -> Option<[u8; 16]> {
        let keyed = self.key.as_ref()?;
        let index = (index as u64).to_be_bytes();
        let digest = broker.derive(&[
            what,
            keyed.relying_party.as_str().as_bytes(),
            b"/",
            keyed.key.as_bytes(),
            &index,
        ]);
        digest.as_bytes().first_chunk().copied()
    }
}

/// The same key came with another request.
pub fn reused() -> ApiError {
    ApiError::new(
        Kind::IdempotencyKeyReused,
        "this Idempotency-Key was used for another request: use a new key for each new request",
    )
}
