//! Pages for people, endpoints for applications, and a JSON API for programs, all below the issuer URL.

mod account;
mod api;
mod authorize;
mod browser;
mod logout;
mod oauth;
mod page;
mod registration;
mod status;

use std::sync::Arc;

use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};

use crate::provider::Provider;
use crate::refusal::Refusal;

/// Octets of a request's body at most.
const MOST_OCTETS: usize = 16 * 1024;

/// Mounts all of it at the path of the issuer URL.
pub(crate) fn configure(provider: &Arc<Provider>, config: &mut ServiceConfig) {
    let headers = DefaultHeaders::new()
        .add(("Cache-Control", "no-store"))
        .add(("Referrer-Policy", "same-origin"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"));
    let scope = web::scope(provider.issuer().path().trim_end_matches('/'))
        .app_data(Data::from(Arc::clone(provider)))
        .app_data(PayloadConfig::new(MOST_OCTETS))
        .wrap(headers)
        .configure(oauth::configure)
        .configure(authorize::configure)
        .configure(registration::configure)
        .configure(account::configure)
        .configure(logout::configure)
        .configure(page::configure)
        .configure(api::configure)
        .default_service(web::to(page::not_found));
    config.service(scope);
}

/// Runs what blocks on a thread for it; as many at once as the provider has slots. The slot is kept until it has run, even
/// when nobody waits for the answer any more.
async fn offload<T: Send + 'static>(
    provider: &Data<Provider>,
    call: impl FnOnce(&Provider) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let ended = |_| Refusal::Internal("the provider is shutting down".to_owned());
    let slot = Arc::clone(provider.slots()).acquire_owned().await.map_err(ended)?;
    let provider = Data::clone(provider);
    web::block(move || {
        let outcome = call(&provider);
        drop(slot);
        outcome
    })
    .await
    .map_err(|error| Refusal::Internal(error.to_string()))?
}
