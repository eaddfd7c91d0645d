//! Each request has an id, in its answer's header, in problem documents and in the log.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use tracing::debug;
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that this task serves.
pub fn current() -> Option<String> {
    CURRENT.try_with(String::clone).ok()
}

/// Gives the request its id.
///
/// # Errors
/// Passes on those of the service.
pub async fn assign(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = Uuid::new_v4().simple().to_string();
    let method = request.method().clone();
    // The path alone: queries are never logged.
    let path = request.path().to_owned();
    let result = CURRENT.scope(id.clone(), next.call(request)).await;
    result.map(|mut response| {
        debug!(request = %id, %method, %path, status = response.status().as_u16(), "request");
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
        }
        response
    })
}
