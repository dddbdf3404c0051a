//! Names resolved to addresses that may be asked.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::{address::may_be_asked, error::NameFault};

/// Gives the client addresses of a name that were checked, all of them: it connects to these, and
/// asks for no others. A name with a single address that may not be asked has none.
pub(super) struct CheckedNames {
    names: Arc<dyn Resolve>,
    networks: Arc<[IpNet]>,
}

impl CheckedNames {
    pub(super) fn new(names: Arc<dyn Resolve>, networks: Arc<[IpNet]>) -> Self {
        Self { names, networks }
    }
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let text = name.as_str().to_owned();
        let networks = Arc::clone(&self.networks);
        let addresses = self.names.resolve(name);
        Box::pin(async move {
            let unknown = |cause: &dyn fmt::Display| NameFault::Unknown {
                name: text.clone(),
                cause: cause.to_string(),
            };
            let addresses = addresses.await.map_err(|error| unknown(&error))?;
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() {
                return Err(unknown(&"it is known, but for something else").into());
            }
            let mut each = addresses.iter().map(SocketAddr::ip);
            if let Some(address) = each.find(|address| !may_be_asked(*address, &networks)) {
                let name = text;
                return Err(NameFault::Resolved { name, address }.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Names as the system knows them.
///
/// A look-up cannot be given up: it blocks a thread until the system is done with it, also when
/// nobody waits any more. So each holds its place until then.
pub(super) struct SystemNames {
    places: Arc<Semaphore>,
}

impl SystemNames {
    /// So many look-ups at a time.
    pub(super) fn new(places: usize) -> Self {
        let places = Arc::new(Semaphore::new(places));
        Self { places }
    }
}

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, places) = (name.as_str().to_owned(), Arc::clone(&self.places));
        Box::pin(async move {
            let place = places.acquire_owned().await?;
            let look_up = move || {
                let _place = place;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok::<_, io::Error>(found.collect::<Vec<_>>())
            };
            let found = tokio::task::spawn_blocking(look_up).await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
