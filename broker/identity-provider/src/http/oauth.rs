//! Endpoints that applications call: discovery, keys, tokens, UserInfo.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::{offload, page};
use crate::oidc::{TokenError, TokenRequest};
use crate::provider::{Provider, Tokens};

/// How long applications may keep discovery and keys.
const FRESH: (&str, &str) = ("Cache-Control", "public, max-age=300");

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .route("/.well-known/openid-configuration", web::get().to(metadata))
        .route("/jwks", web::get().to(keys))
        .route("/token", web::post().to(token))
        .service(web::resource("/userinfo").route(web::get().to(user_info)).route(web::post().to(user_info)));
}

/// Discovery 1.0 section 4.
async fn metadata(provider: Data<Provider>) -> HttpResponse {
    match provider.endpoints().metadata() {
        Ok(metadata) => HttpResponse::Ok().insert_header(FRESH).json(metadata),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// RFC 7517 section 5.
async fn keys(provider: Data<Provider>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(FRESH)
        .content_type("application/jwk-set+json")
        .body(serde_json::to_string(provider.key().public()).unwrap_or_default())
}

/// Core section 3.1.3, RFC 6749 sections 5.1 and 5.2.
async fn token(provider: Data<Provider>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match tokens(&provider, &request, &body).await {
        Ok(tokens) => HttpResponse::Ok().insert_header(("Pragma", "no-cache")).json(json!({
            "access_token": tokens.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": tokens.expires_in,
            "id_token": tokens.id_token.to_string(),
            "scope": tokens.scope,
        })),
        Err(error) => {
            let mut response = match error {
                TokenError::InvalidClient { .. } => HttpResponse::Unauthorized(),
                TokenError::ServerError => HttpResponse::InternalServerError(),
                _ => HttpResponse::BadRequest(),
            };
            if let TokenError::InvalidClient { by_header: true } = error {
                response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"token\""));
            }
            response.json(json!({"error": error.code(), "error_description": error.to_string()}))
        }
    }
}

async fn tokens(provider: &Data<Provider>, request: &HttpRequest, body: &[u8]) -> Result<Tokens, TokenError> {
    if !page::is_form(request) {
        return Err(TokenError::InvalidRequest("the body must be application/x-www-form-urlencoded"));
    }
    let authorization = match request.headers().get(header::AUTHORIZATION).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => return Err(TokenError::InvalidClient { by_header: true }),
    };
    let request = TokenRequest::parse(body, authorization, provider.settings())?;
    offload(provider, move |provider| Ok(provider.redeem(&request)))
        .await
        .unwrap_or(Err(TokenError::ServerError))
}

/// Core section 5.3, RFC 6750.
async fn user_info(provider: Data<Provider>, request: HttpRequest) -> HttpResponse {
    let Some(token) = bearer(&request) else {
        return challenge("Bearer realm=\"userinfo\"");
    };
    match offload(&provider, move |provider| Ok(provider.user_info(&token))).await {
        Ok(Some(info)) => HttpResponse::Ok().json(info),
        Ok(None) => challenge("Bearer realm=\"userinfo\", error=\"invalid_token\""),
        Err(_) => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn challenge(scheme: &'static str) -> HttpResponse {
    HttpResponse::Unauthorized().insert_header((header::WWW_AUTHENTICATE, scheme)).finish()
}

/// The token of an Authorization header of the scheme Bearer.
pub(super) fn bearer(request: &HttpRequest) -> Option<zeroize::Zeroizing<String>> {
    let text = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned().into())
}
