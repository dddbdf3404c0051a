//! Pictures fetched from peers on loopback, by names that a table resolves.

mod https;
mod names;
mod peer;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::{Client, ClientBuilder};

use crate::{
    config::Schemes,
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    inference::memory::MemoryBudget,
    telemetry::metrics::Metrics,
};

use super::{
    fetcher::{FetchLimits, Fetcher, Pace},
    url::UrlPolicy,
};
use names::Table;
use peer::Peer;

const LOOPBACK: &str = "127.0.0.0/8";

struct Set {
    schemes: Schemes,
    networks: &'static [&'static str],
    names: Table,
    timeout: Duration,
    memory: u64,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            schemes: Schemes::HttpsAndHttp,
            networks: &[LOOPBACK],
            names: Table {
                known: &[
                    ("pictures.test", &[&["127.0.0.1"]]),
                    ("inside.test", &[&["10.0.0.1"]]),
                    ("both.test", &[&["127.0.0.1", "10.0.0.1"]]),
                    ("rebinding.test", &[&["127.0.0.1"], &["10.0.0.1"]]),
                    ("empty.test", &[&[]]),
                ],
                ..Table::default()
            },
            timeout: Duration::from_secs(30),
            memory: 1 << 20,
        }
    }
}

fn fetcher(client: ClientBuilder, port: u16, set: Set) -> Fetcher {
    let networks = set.networks.iter().map(|net| net.parse().expect("a net"));
    let policy = UrlPolicy {
        schemes: set.schemes,
        ports: [port].into(),
        networks: networks.collect(),
    };
    let limits = FetchLimits {
        bytes: 1000,
        timeout: set.timeout,
        pace: Pace {
            least: 100,
            window: Duration::from_millis(600),
        },
        concurrent: 1,
        memory: MemoryBudget::new("limits.upload_bytes", set.memory),
    };
    let metrics = Arc::new(Metrics::default());
    Fetcher::with(client, Arc::new(set.names), (policy, limits), metrics).expect("builds")
}

/// In a minute: far beyond what any test waits for.
fn within(time: Duration) -> Claim {
    Claim::default().until(Some(Instant::now() + time))
}

fn later() -> Claim {
    within(Duration::from_mins(1))
}

async fn fetch(port: u16, url: &str, set: Set) -> Result<Bytes, Problem> {
    let fetcher = fetcher(Client::builder(), port, set);
    fetcher.fetch(url, &later()).await
}

#[tokio::test]
async fn what_a_url_names_is_fetched() {
    let peer = Peer::start(None).await;
    for path in ["picture", "moved", "two", "three"] {
        let url = format!("http://pictures.test:{}/{path}", peer.port);
        let bytes = fetch(peer.port, &url, Set::default()).await;
        assert_eq!(bytes.expect("comes"), "a picture", "{path}");
    }
    let url = format!("http://127.1:{}/largest", peer.port);
    let bytes = fetch(peer.port, &url, Set::default()).await;
    assert_eq!(bytes.expect("comes").len(), 1000);
    let url = format!("http://pictures.test:{}/packed", peer.port);
    let packed = fetch(peer.port, &url, Set::default()).await;
    assert_eq!(packed.expect("comes"), &b"\x1f\x03\x08"[..], "as it is");
}

#[tokio::test]
async fn nothing_is_said_but_what_must_be() {
    let mut peer = Peer::start(None).await;
    let url = format!("http://pictures.test:{}/moved", peer.port);
    fetch(peer.port, &url, Set::default()).await.expect("comes");
    let heads = peer.heads();
    assert_eq!(heads.len(), 2);
    for (head, path) in heads.iter().zip(["moved", "picture"]) {
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "GET /{path} HTTP/1.1\r\naccept: image/jpeg, image/png, image/webp, image/gif\r\n\
             accept-encoding: identity\r\nuser-agent: ocellus/{version}\r\n\
             host: pictures.test:{}\r\n\r\n",
            peer.port
        );
        let sorted = |head: &str| BTreeSet::from_iter(head.lines().map(str::to_owned));
        assert_eq!(sorted(head), sorted(&expected));
    }
}

/// Fetches what cannot be, and checks the code and that the sentence holds nothing of the peer's.
async fn check(peer: &Peer, path: &str, code: ErrorCode) -> Problem {
    let url = format!("http://pictures.test:{}/{path}", peer.port);
    let problem = fetch(peer.port, &url, Set::default()).await;
    let problem = problem.expect_err(path);
    assert_eq!(problem.code, code, "{path}: {problem}");
    assert_eq!(problem.field.as_deref(), Some("url"));
    for word in ["secret", "127.0.0.1", "10.0.0.1", "404", "302", "SSH"] {
        assert!(!problem.detail.contains(word), "{path}: {problem}");
    }
    problem
}

#[tokio::test]
async fn what_does_not_come_is_told() {
    let peer = Peer::start(None).await;
    let unreachable = ErrorCode::UrlUnreachable;
    check(&peer, "loop", unreachable).await;
    check(&peer, "four", unreachable).await;
    check(&peer, "nowhere", unreachable).await;
    check(&peer, "missing", unreachable).await;
    check(&peer, "partial", unreachable).await;
    check(&peer, "noise", unreachable).await;
    check(&peer, "short", unreachable).await;
    check(&peer, "drip", unreachable).await;
    let silent = check(&peer, "silent", unreachable).await;
    assert_eq!(
        silent.detail,
        "fewer than 100 bytes of the picture came in 600 ms"
    );
    let huge = check(&peer, "huge", ErrorCode::ImageTooLarge).await;
    let endless = check(&peer, "endless", ErrorCode::ImageTooLarge).await;
    assert_eq!(huge.detail, "the picture is above the limit of 1000 bytes");
    assert_eq!(endless, huge);
}

#[tokio::test]
async fn redirects_lead_nowhere_that_may_not_be_asked() {
    let mut peer = Peer::start(None).await;
    for path in ["inside", "rebound", "userinfo", "elsewhere"] {
        check(&peer, path, ErrorCode::UrlRefused).await;
    }
    assert_eq!(peer.heads().len(), 4, "each asked once");
}

#[tokio::test]
async fn every_address_of_a_name_is_checked_and_no_other_connected_to() {
    let mut peer = Peer::start(None).await;
    let refusal = async |host: &str, networks| {
        let url = format!("http://{host}:{}/picture", peer.port);
        let set = Set {
            networks,
            ..Set::default()
        };
        fetch(peer.port, &url, set).await.expect_err(host)
    };
    let inside = refusal("inside.test", &[LOOPBACK]).await;
    assert_eq!(inside.code, ErrorCode::UrlRefused);
    // The same words whether there is such a name, and whoever listens.
    for host in ["both.test", "unknown.test", "empty.test"] {
        assert_eq!(refusal(host, &[LOOPBACK]).await, inside, "{host}");
    }
    for host in ["pictures.test", "127.0.0.1", "[::1]"] {
        assert_eq!(refusal(host, &[]).await, inside, "{host}");
    }
    assert_eq!(peer.heads(), [""; 0]);
}

#[tokio::test]
async fn a_name_is_resolved_once() {
    let peer = Peer::start(None).await;
    let set = Set::default();
    let asked = Arc::clone(&set.names.asked);
    let fetcher = fetcher(Client::builder(), peer.port, set);
    let url = format!("http://rebinding.test:{}/picture", peer.port);
    let first = fetcher.fetch(&url, &later()).await;
    assert_eq!(first.expect("comes"), "a picture");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // No connection is kept under the name: what it resolves to now is checked anew.
    let second = fetcher.fetch(&url, &later()).await;
    assert_eq!(second.expect_err("refused").code, ErrorCode::UrlRefused);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_fetch_ends_in_time_and_leaves_its_place() {
    let peer = Peer::start(None).await;
    let set = Set {
        timeout: Duration::from_millis(400),
        ..Set::default()
    };
    let fetcher = fetcher(Client::builder(), peer.port, set);
    let url = |path| format!("http://pictures.test:{}/{path}", peer.port);
    let late = fetcher.fetch(&url("silent"), &later()).await;
    let late = late.expect_err("late");
    assert_eq!(late.code, ErrorCode::UrlUnreachable);
    assert_eq!(late.detail, "the picture did not come within 400 ms");
    let (silent, soon) = (url("silent"), within(Duration::from_millis(130)));
    let in_time = later();
    let (first, second) = tokio::join!(
        fetcher.fetch(&silent, &in_time),
        fetcher.fetch(&silent, &soon)
    );
    assert_eq!(first.expect_err("late").code, ErrorCode::UrlUnreachable);
    assert_eq!(second.expect_err("no place").code, ErrorCode::Overloaded);
    // A fetch ends before its request does.
    let soon = within(Duration::from_millis(200));
    let early = fetcher.fetch(&silent, &soon).await.expect_err("late");
    assert_eq!(early.code, ErrorCode::UrlUnreachable);
    // The place is there again.
    let again = fetcher.fetch(&url("picture"), &later()).await;
    assert_eq!(again.expect("comes"), "a picture");
}

#[tokio::test]
async fn memory_is_held_as_long_as_the_picture() {
    let peer = Peer::start(None).await;
    let set = Set {
        memory: 8192,
        ..Set::default()
    };
    let fetcher = fetcher(Client::builder(), peer.port, set);
    let url = format!("http://pictures.test:{}/picture", peer.port);
    let held = fetcher.fetch(&url, &later()).await.expect("comes");
    let part = held.slice(..1);
    drop(held);
    let refused = fetcher.fetch(&url, &later()).await.expect_err("full");
    assert_eq!(refused.code, ErrorCode::Overloaded);
    drop(part);
    assert!(fetcher.fetch(&url, &later()).await.is_ok());
}
