//! The `ocellus` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocellus::cli::run()
}
