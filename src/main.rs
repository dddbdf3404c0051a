//! The `ocellus` command.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// ONNX Runtime allocates with it too. What it gives back to the system, and how soon, is in
/// `.cargo/config.toml`; why it is this one in `docs/adr/0009-an-allocator-that-gives-back.md`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    ocellus::cli::run()
}
