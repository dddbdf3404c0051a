//! A faulty way to a SeaweedFS: what stands before it counts what is asked, and answers late, by
//! drops, or for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::weed::Weed;

/// What is done with every request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// It is passed on.
    Through,
    /// It is passed on after this time.
    Late(Duration),
    /// Its answer comes at five bytes a second.
    Dripping,
    /// It is answered with this status and code.
    Refused(u16, &'static str),
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    way: Way,
    /// How often each method and target was asked since the way was last changed.
    asked: BTreeMap<String, u32>,
}

impl Proxy {
    pub(crate) async fn start(weed: &Weed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Mutex::new(Shared {
            way: Way::Through,
            asked: BTreeMap::new(),
        }));
        let (store, own) = (weed.endpoint(), Arc::clone(&shared));
        tokio::spawn(async move {
            let store: Arc<str> = store.trim_start_matches("http://").into();
            while let Ok((client, _)) = listener.accept().await {
                let (store, shared) = (Arc::clone(&store), Arc::clone(&own));
                tokio::spawn(async move { pass(client, &store, &shared).await });
            }
        });
        Self { endpoint, shared }
    }

    /// Changes the way, and gives how often each target was asked on the one before.
    pub(crate) fn change(&self, way: Way) -> BTreeMap<String, u32> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.way = way;
        std::mem::take(&mut shared.asked)
    }
}

/// Passes one request on, or not. There is one on a connection: the head says so to the store.
async fn pass(mut client: TcpStream, store: &str, shared: &Mutex<Shared>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let target = text.lines().next()?.rsplit_once(' ')?.0.to_owned();
    let way = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        *shared.asked.entry(target).or_default() += 1;
        shared.way
    };
    let piece = match way {
        Way::Refused(status, code) => {
            let body = format!("<Error><Code>{code}</Code><Message>as told</Message></Error>");
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            return client.write_all(answer.as_bytes()).await.ok();
        }
        Way::Late(time) => {
            tokio::time::sleep(time).await;
            64 << 10
        }
        Way::Through => 64 << 10,
        Way::Dripping => 1,
    };
    let mut upstream = TcpStream::connect(store).await.ok()?;
    head.truncate(head.len().checked_sub(2)?);
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    upstream.write_all(&head).await.ok()?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_store, mut to_store) = upstream.split();
    let answer = async {
        let mut bytes = vec![0; piece];
        loop {
            let read = from_store.read(&mut bytes).await.ok().filter(|&n| 0 < n)?;
            to_client.write_all(bytes.get(..read)?).await.ok()?;
            if piece == 1 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_store) => Some(()),
        ended = answer => ended,
    }
}
