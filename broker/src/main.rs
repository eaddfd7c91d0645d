//! The program `yinqiao`.

use std::process::ExitCode;

fn main() -> ExitCode {
    yinqiao::cli::main()
}
