//! The OpenAPI 3.1 document.

use actix_web::HttpResponse;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What the document is made of.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Yinqiao: the life of certificates, staff, companies and seals",
        description = "Errors are problem details (RFC 9457). Each POST of somebody who is signed in carries an \
                       Idempotency-Key. A sign-in may be begun as often as one likes: nothing follows from one that is not \
                       ended. The others have a key in their body: a session is opened once for each sign-in, tokens are renewed once for each renewal token, and a payment is known by its \
                       reference; sent again, they are answered alike. No token is stored for that. Where two people may \
                       edit, answers carry an ETag and changes an If-Match. The names behind a security scheme are those \
                       who may call.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    paths(document),
    modifiers(&Security),
    servers((url = "/", description = "This broker")),
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = |description: &str| {
            let mut http = Http::new(HttpAuthScheme::Bearer);
            http.description = Some(description.to_owned());
            SecurityScheme::Http(http)
        };
        let schemes = [
            ("device_session", "A user's access token, with a DPoP proof of the phone's key (RFC 9449)"),
            ("operator", "A token of the trading centre's staff, from `yinqiao staff add`"),
        ];
        for (name, description) in schemes {
            components.add_security_scheme(name, bearer(description));
        }
    }
}

/// All parts as one.
fn whole() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let parts = [
        super::account::Document::openapi(),
        super::certificate::Document::openapi(),
        super::enterprise::Document::openapi(),
        super::order::Document::openapi(),
        super::staff::Document::openapi(),
        super::recovery::Document::openapi(),
        super::seal::Document::openapi(),
        crate::http::enrolments::Document::openapi(),
    ];
    for part in parts {
        document.merge(part);
    }
    document
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "openapi",
    tag = "broker",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
)]
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().json(whole())
}
