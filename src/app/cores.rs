//! The model cores of a gateway.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tracing::info;

use crate::{
    config::Config, core_client::remote::CorePool, telemetry::readiness::Readiness,
    transport::ClientTls,
};

use super::AppError;

/// Longest time between two looks at whether requests can be answered.
const LOOK: Duration = Duration::from_secs(1);

/// The cores that are configured.
///
/// # Errors
/// When there is none, an address is none, or what is needed for TLS cannot be read.
pub(super) fn pool(config: &Config) -> Result<Arc<CorePool>, AppError> {
    if config.cores.is_empty() {
        return Err(AppError::NoCore);
    }
    let tls = config.grpc.tls.clone().map(ClientTls::load).transpose()?;
    let pool = CorePool::new(&config.cores, config.grpc.message_bytes, tls.map(Arc::new))?;
    Ok(Arc::new(pool))
}

/// Follows the cores, for ever. Says through `ready` when requests can be answered for the first
/// time, and keeps `readiness` true to whether they can.
pub(super) async fn follow(pool: Arc<CorePool>, readiness: Readiness, ready: oneshot::Sender<()>) {
    let watch = async {
        let (mut changes, mut ready) = (pool.changes(), Some(ready));
        loop {
            changes.borrow_and_update();
            let is_ready = pool.is_ready();
            readiness.set(is_ready);
            if is_ready && let Some(ready) = ready.take() {
                info!("ready");
                ready.send(()).ok();
            }
            tokio::time::timeout(LOOK, changes.changed()).await.ok();
        }
    };
    tokio::join!(pool.follow(), watch);
}
