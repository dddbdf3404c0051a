//! The command line.

mod check;
mod infer;
mod keys;
mod models;
mod open_files;
mod publish;
mod reload;
mod serve;
mod settings;

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{http::openapi, model::contract::schema::contract_schema};

/// An image-inference gateway: a bucket of vision models in, a typed HTTP API for pictures out.
#[derive(Debug, Parser)]
#[command(name = "ocellus", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve models of a bucket or a folder: the API, the demo page and the model core in one process
    Serve(serve::ServeArgs),
    /// Load and run models of a bucket or a folder for gateways and other clients, over gRPC alone
    Core(serve::RoleArgs),
    /// Serve the API and the demo page with the models of model cores that run elsewhere
    Gateway(serve::RoleArgs),
    /// Post pictures to a server and print what its model sees
    Infer(infer::InferArgs),
    /// Run a model's folder on pictures without a server: contract, answers, timing
    Check(check::CheckArgs),
    /// Check a model's folder and publish it as a version in a bucket or a folder
    Publish(publish::PublishArgs),
    /// Look at the models of a bucket or a folder, and say which are wanted
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Print the API's OpenAPI document
    Openapi,
    /// Print the JSON Schema of model.toml
    Schema,
}

/// Why a command failed, in words for the terminal.
#[derive(Debug)]
struct Failure(String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(Failure(text)) => {
            writeln!(io::stderr(), "ocellus: {text}").ok();
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => on_runtime(serve::serve(args)),
        Command::Core(args) => on_runtime(serve::core(args)),
        Command::Gateway(args) => on_runtime(serve::gateway(args)),
        Command::Infer(args) => on_runtime(infer::run(args)),
        Command::Check(args) => on_runtime(check::run(args)),
        Command::Publish(args) => on_runtime(publish::run(args)),
        Command::Models(command) => on_runtime(models::run(command)),
        Command::Keys(command) => keys::run(command),
        Command::Openapi => print(openapi().to_pretty_json()?),
        Command::Schema => print(serde_json::to_string_pretty(&contract_schema())?),
    }
}

fn on_runtime(
    command: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(command)
}

/// Prints text and a line feed. A reader that has gone away (`| head`) is no failure.
fn print(text: impl Display) -> Result<ExitCode, Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
