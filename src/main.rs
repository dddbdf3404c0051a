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

/// The allocator's own variables, and their values here: what is freed goes back to the system at
/// once, not with a later call that may never come, and so does what a thread leaves when it ends.
/// They are read when a process starts.
const OPTIONS: [(&str, &str); 2] = [
    ("MIMALLOC_PURGE_DELAY", "0"),
    ("MIMALLOC_ABANDONED_PAGE_PURGE", "1"),
];

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "no settings: the allocator reads them"
    )]
    let missing = OPTIONS.map(|(name, value)| env::var_os(name).is_none().then_some((name, value)));
    let mut missing = missing.into_iter().flatten().peekable();
    if missing.peek().is_some()
        && let Ok(program) = env::current_exe()
    {
        let mut again = Command::new(program);
        let error = again.args(env::args_os().skip(1)).envs(missing).exec();
        writeln!(
            io::stderr(),
            "ocellus: memory will be given back late: {error}"
        )
        .ok();
    }
    ocellus::cli::run()
}
