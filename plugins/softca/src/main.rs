//! The operators' command line of the software CA; see `yinqiao-softca --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    yinqiao_softca::cli::run()
}
