//! The worker role alone, for tests and for authors of adapters. The broker's binary has the same role built in.

use std::process::ExitCode;

fn main() -> ExitCode {
    yinqiao_ca_worker::worker::main()
}
