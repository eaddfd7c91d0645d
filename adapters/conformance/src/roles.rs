//! The two process roles of the kit: a worker, as a broker starts it, and a probe.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("probe") => yinqiao_ca_worker::probe::main(),
        _ => yinqiao_ca_worker::worker::main(),
    }
}
