//! The `ocellus` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// ONNX Runtime allocates with it too. It gives memory back when a version is unloaded, where the
/// C library's own keeps hundreds of megabytes in pieces: `docs/adr/0005-loads-step-back.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ocellus::cli::run()
}
