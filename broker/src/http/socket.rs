//! The websocket's door.

use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

use super::authentication::{RelyingParty, has_bearer};
use super::problem::ApiError;
use crate::broker::Broker;
use crate::socket;

/// `GET /v1/socket`: with an API key for all sessions of the relying party; without, the first message must bring a
/// session's token. Neither ever stands in the URL.
pub async fn upgrade(
    broker: web::Data<Broker>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let relying_party = if has_bearer(&request) {
        let RelyingParty(record) = RelyingParty::extract(&request).await?;
        Some(record.name.id.clone())
    } else {
        None
    };
    socket::start(broker.into_inner(), relying_party, &request, body).map_err(|error| {
        let detail = format!("this is a websocket: connect with an upgrade request ({error})");
        ApiError::new(super::problem::Kind::MalformedRequest, detail).into()
    })
}
