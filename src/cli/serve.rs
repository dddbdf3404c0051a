//! `ocellus serve`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{app::App, telemetry::logs};

use super::{Failure, settings::SettingArgs};

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let config = args.settings.read()?;
    logs::start(&config.log).map_err(|error| format!("log.filter: {error}"))?;
    let app = App::start(config).await?;
    let (page, operations) = (app.http_address()?, app.operations_address()?);
    let (ready, is_ready) = oneshot::channel();
    let announce = async {
        if is_ready.await.is_ok() {
            let lines = format!(
                "Ocellus is ready.\n  page and API  http://{page}/\n  reference     \
                 http://{page}/docs\n  operations    http://{operations}/metrics"
            );
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
    let (served, ()) = tokio::join!(app.run(ready, stop), announce);
    served?;
    Ok(ExitCode::SUCCESS)
}
