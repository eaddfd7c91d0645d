//! The transfer of one message by HTTP (RFC 9811).
//!
//! What matters most is whether the CA can have seen a request that failed: a mark is set once a connection (with TLS,
//! where the URL says so) stands, and only a failure before that is certain to have done nothing. Every request has its
//! own connection, nothing is repeated, and no redirect is followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, RustlsConnector, TcpConnector, Transport};

const CONTENT_TYPE: &str = "application/pkixcmp";
/// Headers of a reply.
const MOST_HEADER_OCTETS: usize = 16 * 1024;

/// Where messages go.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    /// Roots for https; empty: those of the web's public CAs.
    pub(crate) tls_roots: Vec<Certificate<'static>>,
    /// Octets of a reply's body.
    pub(crate) reply_limit: u64,
}

/// A message was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TransferError {
    /// Whether the server may have received the request.
    pub(crate) sent: bool,
    /// The reply was larger than it may be.
    pub(crate) too_large: bool,
    pub(crate) reason: String,
}

impl Server {
    /// Posts a message; the body of the answer.
    ///
    /// # Errors
    /// When there is no answer of status 200 with CMP's content type in time and size.
    pub(crate) fn post(&self, message: &[u8], limit: Duration) -> Result<Vec<u8>, TransferError> {
        let connected = Arc::new(AtomicBool::new(false));
        let fail = |reason: String| TransferError {
            sent: connected.load(Ordering::SeqCst),
            too_large: false,
            reason: format!("{}: {reason}", self.url),
        };
        let connector = TcpConnector::default()
            .chain(RustlsConnector::default())
            .chain(Mark { connected: Arc::clone(&connected) });
        let agent = Agent::with_parts(self.configuration(limit), connector, DefaultResolver::default());
        let answer =
            agent.post(&self.url).header("connection", "close").content_type(CONTENT_TYPE).send(message);
        let mut answer = answer.map_err(|error| fail(error.to_string()))?;
        let status = answer.status();
        if status != 200 {
            return Err(fail(format!("HTTP status {status}")));
        }
        let content_type = answer.body().mime_type().unwrap_or_default().to_owned();
        if !content_type.eq_ignore_ascii_case(CONTENT_TYPE) {
            return Err(fail(format!("the answer is {content_type:?}, not {CONTENT_TYPE}")));
        }
        answer.body_mut().with_config().limit(self.reply_limit).read_to_vec().map_err(|error| TransferError {
            too_large: matches!(error, ureq::Error::BodyExceedsLimit(_)),
            ..fail(error.to_string())
        })
    }

    /// Reads the roots for https from PEM.
    ///
    /// # Errors
    /// When it holds none, or something else.
    pub(crate) fn read_roots(pem: &str) -> Result<Vec<Certificate<'static>>, String> {
        let mut roots = Vec::new();
        for item in parse_pem(pem.as_bytes()) {
            match item.map_err(|error| error.to_string())? {
                PemItem::Certificate(certificate) => roots.push(certificate),
                _ => return Err("it holds something else than certificates".to_owned()),
            }
        }
        if roots.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(roots) }
    }

    fn configuration(&self, limit: Duration) -> Config {
        let roots = match self.tls_roots.as_slice() {
            [] => RootCerts::WebPki,
            roots => RootCerts::new_with_certs(roots),
        };
        Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MOST_HEADER_OCTETS)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent("yinqiao-cmp")
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
    }
}

/// The last link of connecting: whoever comes here has a connection.
#[derive(Debug)]
struct Mark {
    connected: Arc<AtomicBool>,
}

impl<In: Transport> Connector<In> for Mark {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<In>, ureq::Error> {
        if chained.is_some() {
            self.connected.store(true, Ordering::SeqCst);
        }
        Ok(chained)
    }
}
