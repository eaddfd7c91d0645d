//! Figures for operators' monitoring, in the OpenMetrics text format, on a listener of their own: they are nobody's
//! business who can reach the bid systems' port.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::adapter::Authorities;
use crate::broker::Broker;
use crate::session::supervisor::SessionRegistry;

mod adapter;

/// What the format is called (OpenMetrics 1.0).
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `GET /metrics` until the returned server is stopped.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve(broker: &Broker, address: SocketAddr) -> io::Result<Server> {
    let mut registry = Registry::with_prefix("yinqiao");
    registry.register_collector(Box::new(BrokerFigures { sessions: broker.sessions.clone() }));
    registry.register_collector(Box::new(AdapterFigures { authorities: Arc::clone(&broker.authorities) }));
    let registry = web::Data::new(registry);
    let app = move || App::new().app_data(registry.clone()).route("/metrics", web::get().to(scrape));
    Ok(HttpServer::new(app).workers(1).disable_signals().bind(address)?.run())
}

async fn scrape(registry: web::Data<Registry>) -> HttpResponse {
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// The broker as a whole.
struct BrokerFigures {
    sessions: SessionRegistry,
}

impl fmt::Debug for BrokerFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerFigures")
    }
}

impl Collector for BrokerFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sessions = i64::try_from(self.sessions.actors()).unwrap_or(i64::MAX);
        let gauge = encoder.encode_descriptor("sessions", "Sessions in memory", None, MetricType::Gauge)?;
        ConstGauge::new(sessions).encode(gauge)
    }
}

/// The CAs' adapters.
struct AdapterFigures {
    authorities: Arc<Authorities>,
}

impl fmt::Debug for AdapterFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdapterFigures")
    }
}

impl Collector for AdapterFigures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        adapter::encode(&adapter::observe(&self.authorities), encoder)
    }
}

/// One metric with a value for each set of labels.
struct Family<'a> {
    encoder: MetricEncoder<'a>,
}

impl<'a> Family<'a> {
    fn begin(
        encoder: &'a mut DescriptorEncoder<'_>,
        name: &'a str,
        help: &str,
        kind: MetricType,
    ) -> Result<Self, fmt::Error> {
        Ok(Self { encoder: encoder.encode_descriptor(name, help, None, kind)? })
    }

    fn count(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.encoder.encode_family(labels)?)
    }

    fn seconds(&mut self, labels: &impl EncodeLabelSet, value: f64) -> fmt::Result {
        ConstCounter::new(value).encode(self.encoder.encode_family(labels)?)
    }

    fn gauge(&mut self, labels: &impl EncodeLabelSet, value: i64) -> fmt::Result {
        ConstGauge::new(value).encode(self.encoder.encode_family(labels)?)
    }
}
