//! The identity provider inside the broker: for demonstrations and tests, where there is no other.
//!
//! To users, and to the broker's own client, it is a provider like any other, with an issuer URL below the broker's public
//! address. Only the way there is shorter: the client does not go out through the proxy that speaks TLS, but straight to the
//! address that this process listens on. Nothing is asked before the first user signs in, when the broker serves already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use openidconnect::HttpRequest;
use tracing::warn;
use yinqiao_identity_provider::{Client, Provider, Settings};

use super::provider::IdentityError;
use crate::config::Config;

/// Where it is mounted, below the broker's address.
const PATH: &str = "/identity";
/// Where its accounts are, in the data directory.
const DIRECTORY: &str = "identity";

/// The provider, and the way to it.
pub(super) struct Embedded {
    provider: Arc<Provider>,
    /// Its URL on this machine.
    nearby: String,
}

impl Embedded {
    /// With the broker as its only application.
    ///
    /// # Errors
    /// [`IdentityError::Settings`] when users cannot reach it safely at `public_url`; [`IdentityError::Embedded`] when it does
    /// not start.
    pub fn start(config: &Config, public_url: &str, redirect_uri: &str) -> Result<Self, IdentityError> {
        let issuer = issuer(public_url);
        let broker = Client {
            id: config.identity.client_id.clone(),
            name: "印桥".to_owned(),
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            // Nothing would be safer by a secret that stays in one process: PKCE ties a code to its sign-in.
            secret_sha256: None,
        };
        let settings = Settings { limits: config.identity.limits, ..Settings::new(&issuer, broker) };
        settings.check().map_err(|error| {
            let key = match error.key.as_str() {
                "issuer" => "public_url beside identity.embedded".to_owned(),
                key if key.starts_with("clients") => "identity.redirect_uri".to_owned(),
                key => format!("identity.{key}"),
            };
            IdentityError::Settings(format!("{key}: {}", error.reason))
        })?;
        let directory = config.data_directory.join(DIRECTORY);
        let provider = Provider::for_demonstration(settings, &directory).map_err(IdentityError::Embedded)?;
        warn!(
            issuer,
            directory = %directory.display(),
            "FOR DEMONSTRATIONS ONLY: the embedded identity provider confirms every name and face, shows codes to whoever \
             asks in place of sending them, and keeps ID numbers in clear; set identity.issuer before real users come"
        );
        Ok(Self { provider: Arc::new(provider), nearby: format!("http://{}{PATH}", nearby(config.listen)) })
    }

    /// Mounts its pages, endpoints and JSON API.
    pub fn configure(&self, config: &mut ServiceConfig) {
        self.provider.configure(config);
    }

    /// The same request, by the short way.
    pub fn shorten(&self, mut request: HttpRequest) -> HttpRequest {
        let url = request.uri().to_string();
        let rest = url.strip_prefix(&self.provider.settings().issuer);
        if let Some(Ok(shorter)) = rest.map(|rest| format!("{}{rest}", self.nearby).parse()) {
            *request.uri_mut() = shorter;
        }
        request
    }
}

/// The issuer URL of a broker at this address.
pub(super) fn issuer(public_url: &str) -> String {
    format!("{public_url}{PATH}")
}

/// Where a process reaches itself when it listens there.
fn nearby(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentitySettings;

    fn start(public_url: &str, listen: &str) -> Result<Embedded, IdentityError> {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: listen.parse().unwrap(),
            data_directory: folder.path().to_owned(),
            identity: IdentitySettings { embedded: true, ..IdentitySettings::default() },
            ..Config::default()
        };
        Embedded::start(&config, public_url, &format!("{public_url}/app/signed-in"))
    }

    #[test]
    fn behind_a_proxy_the_broker_reaches_its_provider_at_the_address_that_it_listens_on() {
        let ways = [
            ("0.0.0.0:8420", "http://127.0.0.1:8420/identity/token?x=1"),
            ("[::]:8420", "http://[::1]:8420/identity/token?x=1"),
            ("192.0.2.1:80", "http://192.0.2.1/identity/token?x=1"),
        ];
        for (listen, expected) in ways {
            let embedded = start("https://sign.example.cn", listen).unwrap();
            let request = HttpRequest::new(Vec::new());
            let (mut parts, body) = request.into_parts();
            parts.uri = "https://sign.example.cn/identity/token?x=1".parse().unwrap();
            let shorter = embedded.shorten(HttpRequest::from_parts(parts, body));
            assert_eq!(shorter.uri().to_string().replace(":80/", "/"), expected);
        }
    }

    #[test]
    fn at_an_address_where_passwords_could_be_read_on_the_way_it_does_not_start() {
        for url in ["http://sign.example.cn", "http://192.0.2.1:8420", "http://0.0.0.0:8420"] {
            let refusal = start(url, "0.0.0.0:8420").err().unwrap().to_string();
            assert!(refusal.contains("public_url") && !refusal.contains('\n'), "{refusal}");
        }
    }
}
