//! `ocellus serve`, `ocellus core` and `ocellus gateway`.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{
    app::{App, Role},
    telemetry::logs,
};

use super::{
    Failure, open_files,
    reload::{self, Followed},
    settings::SettingArgs,
};

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Serve gRPC too, at grpc.address
    #[arg(long)]
    grpc: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RoleArgs {
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) async fn serve(args: ServeArgs) -> Result<ExitCode, Failure> {
    let role = if args.grpc {
        Role::ServeGrpc
    } else {
        Role::Serve
    };
    run(args.settings, role).await
}

pub(super) async fn core(args: RoleArgs) -> Result<ExitCode, Failure> {
    run(args.settings, Role::Core).await
}

pub(super) async fn gateway(args: RoleArgs) -> Result<ExitCode, Failure> {
    run(args.settings, Role::Gateway).await
}

async fn run(settings: SettingArgs, role: Role) -> Result<ExitCode, Failure> {
    // From the first: a signal that is not waited for ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let followed = Followed::new(settings.clone());
    let config = settings.read()?;
    let log = logs::start(&config.log).map_err(|error| format!("log.filter: {error}"))?;
    open_files::raise(config.http.connections);
    let app = App::start(config, role).await?;
    let lines = welcome(&app);
    let (ready, is_ready) = oneshot::channel();
    let announce = async {
        if is_ready.await.is_ok() {
            writeln!(io::stdout(), "{lines}").ok();
        }
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => (),
            _ = terminate.recv() => (),
        }
    };
    let reloading = reload::follow(followed, hangup, app.reloader(log));
    let serving = async { tokio::join!(Box::pin(app.run(ready, stop)), announce).0 };
    tokio::select! {
        served = serving => served?,
        () = Box::pin(reloading) => (),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is where.
fn welcome(app: &App) -> String {
    let mut lines = String::from("Ocellus is ready.");
    let mut line = |what: &str, scheme: &str, address: Option<SocketAddr>, path: &str| {
        if let Some(address) = address {
            lines.push_str(&format!("\n  {what:<13} {scheme}://{address}{path}"));
        }
    };
    let scheme = |encrypted| if encrypted { "https" } else { "http" };
    let (api, grpc) = (scheme(app.is_encrypted()), scheme(app.is_grpc_encrypted()));
    line("page and API", api, app.http_address(), "/");
    line("reference", api, app.http_address(), "/docs");
    line("gRPC", grpc, app.grpc_address(), "");
    line("operations", "http", app.operations_address(), "/metrics");
    if app.is_for_this_machine() {
        lines.push_str("\n  No key is configured: requests from other machines are refused.");
    }
    lines
}
