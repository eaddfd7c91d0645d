//! `yinqiao serve`

use std::net::SocketAddr;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::server;

/// Options of `yinqiao serve`; each takes the place of the file's setting.
#[derive(Args)]
pub struct Arguments {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The broker's address as phones reach it, like https://sign.example.cn.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Log as JSON objects, one a line.
    #[arg(long)]
    log_json: bool,
}

/// Runs the broker until a signal comes.
///
/// # Errors
/// Why it does not start or serve.
pub fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<()> {
    if let Some(listen) = arguments.listen {
        config.listen = listen;
    }
    if arguments.public_url.is_some() {
        config.public_url = arguments.public_url;
    }
    start_log(arguments.log_json);
    let config = config.complete()?;
    actix_rt::System::new()
        .block_on(server::serve(config, |url| super::say(&format!("serving on {url}"))))?;
    Ok(())
}

/// The log goes to standard error; `RUST_LOG` says how much of it (default: info).
fn start_log(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().init();
    } else {
        log.with_ansi(false).init();
    }
}
