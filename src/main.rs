//! The `ocellus` command.

use std::{
    env,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use mimalloc::MiMalloc;

/// ONNX Runtime allocates with it too. It gives memory back when a version is unloaded, where the
/// C library's own keeps hundreds of megabytes in pieces: `docs/adr/0005-loads-step-back.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The allocator's own variable, and its value here: what is freed goes back to the system at once,
/// not with a later call that may never come. It is read when a process starts.
const PURGE_DELAY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

fn main() -> ExitCode {
    let (name, value) = PURGE_DELAY;
    #[expect(
        clippy::disallowed_methods,
        reason = "no setting: the allocator reads it"
    )]
    let is_set = env::var_os(name).is_some();
    if !is_set && let Ok(program) = env::current_exe() {
        let mut again = Command::new(program);
        let error = again.args(env::args_os().skip(1)).env(name, value).exec();
        writeln!(
            io::stderr(),
            "ocellus: memory will be given back late: {error}"
        )
        .ok();
    }
    ocellus::cli::run()
}
