//! Fetches pictures.

use std::{
    error::Error as _,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, ClientBuilder, Response, StatusCode,
    dns::Resolve,
    header::{self, HeaderMap, HeaderValue},
    redirect, retry,
};
use tokio::time::timeout_at;
use tracing::info;

use crate::{
    error::Problem,
    fairness::claim::Claim,
    inference::{
        memory::{MemoryBudget, Share},
        room::Room,
    },
    telemetry::metrics::{Metrics, Outcome, RoomName},
};

use super::{
    error::{FetchError, NameFault, NoClient},
    names::{CheckedNames, SystemNames},
    url::{PictureUrl, UrlPolicy, host},
};

/// Most redirects that are followed.
const REDIRECTS: usize = 3;

/// Longest time until a host is connected to, name and handshake included.
const CONNECT: Duration = Duration::from_secs(3);

/// Time that is left for saying so where a picture did not come within the request's deadline.
const TO_SAY_SO: Duration = Duration::from_millis(100);

/// What is asked for: what is decoded here, as it is.
const ACCEPT: &str = "image/jpeg, image/png, image/webp, image/gif";

/// Who asks.
const AGENT: &str = concat!("ocellus/", env!("CARGO_PKG_VERSION"));

/// Fetches pictures by their URL.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    client: Client,
    policy: UrlPolicy,
    limits: FetchLimits,
    places: Room,
    metrics: Arc<Metrics>,
}

/// What fetching may cost.
#[derive(Clone, Debug)]
pub struct FetchLimits {
    /// Largest picture, in bytes.
    pub bytes: usize,
    /// Longest time for one.
    pub timeout: Duration,
    /// How slowly it may come.
    pub pace: Pace,
    /// Pictures at the same time.
    pub concurrent: usize,
    /// Memory for what requests send, and for what is fetched.
    pub memory: MemoryBudget,
}

/// So many bytes must come in every such time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The bytes.
    pub least: usize,
    /// The time.
    pub window: Duration,
}

impl Default for Pace {
    /// As fast as an upload must be.
    fn default() -> Self {
        Self {
            least: 5 << 10,
            window: Duration::from_secs(5),
        }
    }
}

/// What a URL was answered with.
enum Answer {
    Picture(Bytes),
    Redirect(HeaderValue),
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { policy, limits, .. } = &*self.0;
        f.debug_tuple("Fetcher")
            .field(policy)
            .field(limits)
            .finish()
    }
}

impl Fetcher {
    /// A fetcher that resolves names as the system does, and trusts whom it trusts.
    ///
    /// # Errors
    /// When the system trusts nobody, as it has no certificates.
    pub fn new(
        policy: UrlPolicy,
        limits: FetchLimits,
        metrics: Arc<Metrics>,
    ) -> Result<Self, NoClient> {
        let names = Arc::new(SystemNames::new(limits.concurrent));
        Self::with(Client::builder(), names, (policy, limits), metrics)
    }

    pub(super) fn with(
        client: ClientBuilder,
        names: Arc<dyn Resolve>,
        (policy, limits): (UrlPolicy, FetchLimits),
        metrics: Arc<Metrics>,
    ) -> Result<Self, NoClient> {
        let names = CheckedNames::new(names, Arc::clone(&policy.networks));
        let headers = [
            (header::ACCEPT, HeaderValue::from_static(ACCEPT)),
            (
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            ),
        ];
        // No connection serves two fetches, so none is connected to what was checked for another.
        let client = client
            .user_agent(AGENT)
            .default_headers(HeaderMap::from_iter(headers))
            .dns_resolver(names)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .http1_only()
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .build()?;
        Ok(Self(Arc::new(Inner {
            client,
            policy,
            places: Room::new(
                RoomName::Fetch,
                (limits.concurrent, 0),
                None,
                Arc::clone(&metrics),
            ),
            limits,
            metrics,
        })))
    }

    /// Fetches a picture, in its claim's turn. Its memory is given back when its bytes are dropped.
    ///
    /// # Errors
    /// When the policy does not allow it, it cannot be had, or there is no place or memory for it.
    pub async fn fetch(&self, url: &str, claim: &Claim) -> Result<Bytes, Problem> {
        let fetched = self.in_time(url, claim).await;
        let code = fetched.as_ref().err().map(FetchError::code);
        self.0.metrics.fetched(Outcome(code));
        fetched.map_err(|error| {
            let (host, cause) = (host(url), error.cause());
            info!(url.host = host, cause, "picture not fetched");
            error.into()
        })
    }

    /// Waits for a place, and then fetches within the time for one picture.
    async fn in_time(&self, url: &str, claim: &Claim) -> Result<Bytes, FetchError> {
        let Inner { limits, places, .. } = &*self.0;
        let place = places.place(0, claim, None).await;
        let _place = place.map_err(|_| FetchError::NoPlace(limits.concurrent))?;
        let begun = Instant::now();
        let mut end = begun + limits.timeout;
        if let Some(deadline) = claim.deadline {
            end = end.min(deadline.checked_sub(TO_SAY_SO).unwrap_or(deadline));
        }
        let memory = limits.memory.of(&claim.tenant);
        let fetched = timeout_at(end.into(), self.follow(url, &memory)).await;
        fetched.unwrap_or_else(|_| Err(FetchError::Late(end.saturating_duration_since(begun))))
    }

    /// Asks, and goes where redirects lead.
    async fn follow(&self, url: &str, memory: &MemoryBudget) -> Result<Bytes, FetchError> {
        let policy = &self.0.policy;
        let mut url = PictureUrl::parse(url, policy)?;
        for _ in 0..=REDIRECTS {
            match self.ask(&url, memory).await? {
                Answer::Picture(bytes) => return Ok(bytes),
                Answer::Redirect(location) => url = url.redirect(location.as_bytes(), policy)?,
            }
        }
        Err(FetchError::Redirects(REDIRECTS))
    }

    async fn ask(&self, url: &PictureUrl, memory: &MemoryBudget) -> Result<Answer, FetchError> {
        let sent = self.0.client.get(url.url()).send().await;
        let mut response = sent.map_err(broken)?;
        match response.status() {
            StatusCode::OK => self.receive(response, memory).await.map(Answer::Picture),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers_mut().remove(header::LOCATION);
                location
                    .map(Answer::Redirect)
                    .ok_or(FetchError::RedirectLost)
            }
            status => Err(FetchError::Status(status.as_u16())),
        }
    }

    /// A body, counted into the memory for requests as it comes: what it says of its length is
    /// believed only where that is too much.
    async fn receive(
        &self,
        mut response: Response,
        memory: &MemoryBudget,
    ) -> Result<Bytes, FetchError> {
        let FetchLimits {
            bytes: most,
            pace: Pace { least, window },
            ..
        } = &self.0.limits;
        let too_large = |length: u64| (*most as u64) < length;
        if response.content_length().is_some_and(too_large) {
            return Err(FetchError::TooLarge(*most));
        }
        let (mut bytes, mut share) = (BytesMut::new(), None);
        let (mut end, mut came) = (Instant::now() + *window, 0);
        loop {
            let part = timeout_at(end.into(), response.chunk()).await;
            let part = part.map_err(|_| FetchError::Slow {
                least: *least,
                window: *window,
            })?;
            let Some(part) = part.map_err(broken)? else {
                let picture = bytes.freeze();
                return Ok(Bytes::from_owner(Counted { picture, share }));
            };
            let length = (bytes.len() + part.len()) as u64;
            if too_large(length) {
                return Err(FetchError::TooLarge(*most));
            }
            memory
                .cover(&mut share, length)
                .map_err(FetchError::NoMemory)?;
            bytes.extend_from_slice(&part);
            came += part.len();
            if *least <= came {
                (end, came) = (Instant::now() + *window, 0);
            }
        }
    }
}

/// A picture, and the memory that it holds.
struct Counted {
    picture: Bytes,
    #[expect(dead_code, reason = "held")]
    share: Option<Share>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.picture
    }
}

/// Why the client failed, without the URL: that its host's addresses may not be asked, or the rest.
fn broken(error: reqwest::Error) -> FetchError {
    let refused = std::iter::successors(error.source(), |cause| (*cause).source());
    let mut refused = refused.filter_map(|cause| cause.downcast_ref::<NameFault>());
    match refused.next() {
        Some(fault) => FetchError::Address(fault.clone()),
        None => FetchError::Broken(error.without_url()),
    }
}
