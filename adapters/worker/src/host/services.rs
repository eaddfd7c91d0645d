//! What the broker offers its adapters.

use yinqiao_ca_sdk::LogLevel;
use zeroize::Zeroizing;

/// The broker's log and secrets.
pub trait HostServices: Send + Sync + 'static {
    /// Takes one line, no more than some hundred a second. The secrets that the adapter was given are masked in it. It is
    /// called on the runtime's threads and must not block.
    fn log(&self, line: LogLine<'_>);

    /// The secret of that name for this adapter. It is called on a thread that may block, about twenty times a second
    /// at most and for one name once a second, whatever a worker asks for; secrets over 1 MiB are not handed out.
    fn secret(&self, adapter: &str, name: &str) -> Option<Zeroizing<Vec<u8>>>;
}

/// One line of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine<'a> {
    /// The adapter's name.
    pub adapter: &'a str,
    /// Who says it.
    pub source: LogSource,
    /// How urgent it is.
    pub level: LogLevel,
    /// What is said: a JSON object from the adapter, if it keeps its word; text from the others.
    pub text: &'a str,
}

/// Who wrote a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogSource {
    /// The plugin, through the contract.
    Adapter {
        /// The plugin's numbering.
        event_id: u32,
    },
    /// The worker process, to standard error.
    StandardError,
    /// The worker process, to standard output.
    StandardOutput,
    /// The supervision of the worker process.
    Supervisor,
}
