//! The running broker: listens, serves, and stops in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::Actor;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tracing::{info, warn};

use crate::broker::{Broker, StartError};
use crate::config::Config;
use crate::http;
use crate::lifecycle::job::JobSupervisor;
use crate::lifecycle::supervisor::LifecycleSupervisor;
use crate::metrics;
use crate::operator::control;

/// A peer that takes no bytes for this long is cut off by the kernel: the way to be rid of a client that stopped reading.
const PEER_TAKES_WITHIN: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted: at an opening hundreds come in one second.
const BACKLOG: u32 = 4096;

/// Why the broker does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: io::Error,
    },
    /// The operators' socket cannot be made.
    #[error("cannot make the operators' socket {path}: {reason}")]
    Control {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Serving failed.
    #[error("serving failed: {0}")]
    Serve(io::Error),
}

/// Serves until a signal comes. `ready` hears the address once requests are taken.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(config: Config, ready: impl FnOnce(&str)) -> Result<(), ServeError> {
    let listen_error = |reason| ServeError::Listen { address: config.listen, reason };
    let listener = std::net::TcpListener::bind(config.listen).map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    // Bound above so that a taken port is told before anything is started; the backlog is set by listening again.
    rustix::net::listen(&listener, i32::try_from(BACKLOG).unwrap_or(i32::MAX))
        .map_err(|e| listen_error(e.into()))?;
    // The parts that reach this process over its own port need the one that is taken.
    let config = Config { listen: address, ..config };
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    if config.public_url.is_none() && address.ip().is_unspecified() {
        warn!(%address, "no phone can reach this address, and it stands in every code: set public_url");
    }
    let broker = web::Data::new(Broker::start(&config, public_url.clone()).await?);
    LifecycleSupervisor::new(broker.clone()).start();
    JobSupervisor::new(broker.clone()).start();
    let metrics = match config.metrics_listen {
        Some(address) => {
            let server =
                metrics::serve(&broker, address).map_err(|reason| ServeError::Listen { address, reason })?;
            let handle = server.handle();
            actix_rt::spawn(server);
            Some(handle)
        }
        None => None,
    };
    let control_path = config.control_socket();
    let control = control::listen(&control_path)
        .map_err(|reason| ServeError::Control { path: control_path.clone(), reason })?;
    let control = actix_rt::spawn(control::serve(control, Arc::clone(&broker)));
    let shared = broker.clone();
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .wrap(from_fn(http::request_id::assign))
            .configure(|config| shared.identity.configure(config))
            .configure(http::configure)
    })
    .max_connections(config.connections_per_thread)
    .client_request_timeout(Duration::from_secs(15))
    .shutdown_timeout(5)
    .on_connect(|connection, _| {
        if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
            let millis = u32::try_from(PEER_TAKES_WITHIN.as_millis()).unwrap_or(u32::MAX);
            if let Err(reason) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
                warn!(%reason, "a connection has no time-out");
            }
            if let Err(reason) = stream.set_nodelay(true) {
                warn!(%reason, "a connection delays small packets");
            }
        }
    });
    if let Some(threads) = config.threads {
        server = server.workers(threads);
    }
    let server = server.listen(listener).map_err(ServeError::Serve)?.run();
    info!(%address, public_url, "serving");
    ready(&public_url);
    let served = server.await.map_err(ServeError::Serve);
    control.abort();
    if let Some(metrics) = metrics {
        metrics.stop(false).await;
    }
    if let Err(reason) = std::fs::remove_file(&control_path) {
        warn!(%reason, "the operators' socket could not be removed");
    }
    broker.stop().await;
    served
}
