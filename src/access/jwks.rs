//! An identity provider's public keys, and how they are kept up to date.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{Mutex, Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{error, info, warn};

use crate::config;

use super::{
    key_set::KeySet,
    published::{JwksError, Place},
    token::names_unknown_key,
};

/// How often keys are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time between readings of a file.
    pub reread: Duration,
    /// Time between questions to an address.
    pub refetch: Duration,
    /// Least time between them: while there are no keys, or a token names a key that is not known,
    /// which anybody can write.
    pub rarely: Duration,
}

impl Pace {
    /// As servers do it.
    pub const USUAL: Self = Self {
        reread: Duration::from_secs(1),
        refetch: Duration::from_secs(300),
        rarely: Duration::from_secs(10),
    };
}

/// Longest time for which a request waits for keys.
const WAIT: Duration = Duration::from_secs(1);

/// Public keys, where they are from, and when that was looked at.
#[derive(Debug)]
pub struct Jwks {
    place: Place,
    pace: Pace,
    keys: RwLock<Arc<KeySet>>,
    looks: watch::Sender<Look>,
    asked: Notify,
    /// What is wrong, as it was logged last. Held by who looks, so that one does at a time.
    looking: Mutex<Option<String>>,
}

/// The last time that keys were looked at.
#[derive(Clone, Copy, Debug)]
struct Look {
    begun: Instant,
    has_ended: bool,
}

/// Ends a look, also one that is given up.
struct Looking<'a>(&'a watch::Sender<Look>);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|look| look.has_ended = true);
    }
}

/// What a request waits for before it is let in.
pub type News = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Jwks {
    /// Reads keys for the first time. An address that does not give any is asked again, and
    /// tokens are refused until it does.
    ///
    /// # Errors
    /// When a file does not hold any.
    pub async fn open(place: &config::Jwks, pace: Pace) -> Result<Self, JwksError> {
        let look = Look {
            begun: Instant::now(),
            has_ended: true,
        };
        let jwks = Self {
            place: Place::open(place)?,
            pace,
            keys: RwLock::default(),
            looks: watch::Sender::new(look),
            asked: Notify::new(),
            looking: Mutex::default(),
        };
        match &jwks.place {
            Place::File(_) => {
                let keys = jwks.read().await?.unwrap_or_default();
                if keys.is_empty() {
                    return Err(JwksError::NoKey(jwks.place.name()));
                }
                jwks.replace(keys);
            }
            Place::Url(..) => jwks.look().await,
        }
        Ok(jwks)
    }

    /// Whether they are from there.
    #[must_use]
    pub fn is_from(&self, place: &config::Jwks) -> bool {
        self.place.is(place)
    }

    /// The keys that were read last.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads keys anew, again and again, for ever.
    pub async fn follow(&self) {
        let Pace {
            reread,
            refetch,
            rarely,
        } = self.pace;
        loop {
            match &self.place {
                Place::File(_) => sleep(reread).await,
                Place::Url(..) => {
                    let last = self.looks.borrow().begun;
                    let pause = if self.keys().is_empty() {
                        rarely
                    } else {
                        refetch
                    };
                    tokio::select! {
                        () = sleep_until(last + pause) => (),
                        () = self.asked.notified() => sleep_until(last + rarely).await,
                    }
                }
            }
            self.look().await;
        }
    }

    /// What a request has to wait for whose token names a key that is not known: a look at the
    /// provider, for a second at the most. `None` where it was looked a moment ago.
    pub fn news(&self, token: &str) -> Option<News> {
        let is_fetched = matches!(self.place, Place::Url(..));
        if !is_fetched || !names_unknown_key(token, &self.keys()) {
            return None;
        }
        let mut looks = self.looks.subscribe();
        let last = *looks.borrow_and_update();
        if last.has_ended {
            if last.begun.elapsed() < self.pace.rarely {
                return None;
            }
            self.asked.notify_one();
        }
        Some(Box::pin(async move {
            let is_news =
                |look: &Look| look.has_ended && (!last.has_ended || last.begun < look.begun);
            timeout(WAIT, looks.wait_for(is_news)).await.ok();
        }))
    }

    /// Reads keys anew, at once. Where they cannot be read, those that were read last hold.
    pub async fn look(&self) {
        let mut last = self.looking.lock().await;
        self.looks.send_replace(Look {
            begun: Instant::now(),
            has_ended: false,
        });
        let _ended = Looking(&self.looks);
        let fault = match self.read().await {
            Ok(keys) => {
                if let Some(keys) = keys {
                    self.replace(keys);
                }
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(cause) = fault.as_ref().filter(|fault| last.as_ref() != Some(fault)) {
            if self.keys().is_empty() {
                error!(
                    cause,
                    "no keys of the identity provider, every token is refused"
                );
            } else {
                error!(
                    cause,
                    "keys of the identity provider cannot be read, those read last hold"
                );
            }
        }
        *last = fault;
    }

    fn replace(&self, set: KeySet) {
        let (place, keys) = (self.place.name(), set.len());
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        if keys == 0 {
            warn!(
                place,
                "no key of the identity provider can be used, every token is refused"
            );
        } else {
            info!(place, keys, "keys of the identity provider read");
        }
    }

    /// `None` where nothing has changed.
    async fn read(&self) -> Result<Option<KeySet>, JwksError> {
        let bytes = self.place.read().await?;
        if self.keys().is_of(&bytes) {
            return Ok(None);
        }
        let set = KeySet::parse(bytes).map_err(|error| JwksError::NoKeySet {
            place: self.place.name(),
            error,
        })?;
        Ok(Some(set))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        net::SocketAddr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use jsonwebtoken::Algorithm;
    use serde_json::Value;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::{
        super::fixture::{Signer, claims, document},
        *,
    };

    const HASTY: Pace = Pace {
        reread: Duration::from_millis(10),
        refetch: Duration::from_millis(10),
        rarely: Duration::from_millis(10),
    };

    /// An address that answers with a status and a body, which may be changed.
    struct Published {
        address: SocketAddr,
        answer: Arc<std::sync::Mutex<(u16, Vec<u8>)>>,
        asked: Arc<AtomicUsize>,
        serving: JoinHandle<()>,
    }

    impl Drop for Published {
        fn drop(&mut self) {
            self.serving.abort();
        }
    }

    impl Published {
        async fn new(keys: &[Value]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let answer = Arc::new(std::sync::Mutex::new((200, document(keys))));
            let asked = Arc::new(AtomicUsize::new(0));
            let (said, count) = (Arc::clone(&answer), Arc::clone(&asked));
            let serving = tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut request = [0; 4096];
                    let received = stream.read(&mut request).await.expect("a request");
                    assert_ne!(received, 0, "a request");
                    count.fetch_add(1, Ordering::SeqCst);
                    let (status, body) = said.lock().expect("sound").clone();
                    let head = format!(
                        "HTTP/1.1 {status} x\r\nlocation: /other\r\ncontent-length: {}\r\n\
                         connection: close\r\n\r\n",
                        body.len()
                    );
                    stream.write_all(head.as_bytes()).await.ok();
                    stream.write_all(&body).await.ok();
                }
            });
            Self {
                address,
                answer,
                asked,
                serving,
            }
        }

        fn answers(&self, status: u16, body: Vec<u8>) {
            *self.answer.lock().expect("sound") = (status, body);
        }

        fn place(&self) -> config::Jwks {
            let url = format!("http://{}/keys?secret=1", self.address);
            config::Jwks::Url(url.parse().expect("a URL"))
        }
    }

    fn knows(jwks: &Jwks, signer: &Signer) -> bool {
        !names_unknown_key(&signer.sign(&claims()), &jwks.keys())
    }

    #[tokio::test]
    async fn a_key_that_a_token_names_is_asked_for_and_not_more_often_than_allowed() {
        let (old, new) = (
            Signer::new("old", Algorithm::ES256),
            Signer::new("new", Algorithm::ES256),
        );
        let published = Published::new(&[old.public()]).await;
        let pace = Pace {
            rarely: Duration::from_millis(200),
            ..Pace::USUAL
        };
        let jwks = Arc::new(Jwks::open(&published.place(), pace).await.expect("opens"));
        let followed = Arc::clone(&jwks);
        let following = tokio::spawn(async move { followed.follow().await });
        assert!(knows(&jwks, &old));
        assert!(jwks.news(&old.sign(&claims())).is_none());
        assert!(jwks.news("no token").is_none());

        // Looked at a moment ago: no request waits, and nobody is asked.
        published.answers(200, document(&[new.public()]));
        assert!(jwks.news(&new.sign(&claims())).is_none());
        let news = loop {
            if let Some(news) = jwks.news(&new.sign(&claims())) {
                break news;
            }
            tokio::task::yield_now().await;
        };
        news.await;
        assert!(knows(&jwks, &new));
        assert!(!knows(&jwks, &old), "withdrawn");
        assert_eq!(published.asked.load(Ordering::SeqCst), 2);
        following.abort();
    }

    #[tokio::test]
    async fn what_cannot_be_read_changes_nothing() {
        let signer = Signer::new("a", Algorithm::ES256);
        let published = Published::new(&[signer.public()]).await;
        let jwks = Jwks::open(&published.place(), HASTY).await.expect("opens");
        let too_large = vec![b' '; 2 << 20];
        for (status, body) in [
            (503, document(&[])),
            (302, document(&[])),
            (200, b"<html>".to_vec()),
            (200, Vec::new()),
            (200, too_large),
        ] {
            published.answers(status, body);
            let before = published.asked.load(Ordering::SeqCst);
            jwks.look().await;
            assert_eq!(published.asked.load(Ordering::SeqCst), before + 1);
            assert!(knows(&jwks, &signer), "{status}");
            let fault = jwks.looking.lock().await.clone().expect("a fault");
            assert!(!fault.contains("secret"), "{fault}");
        }
        // An empty set is no failure: its owner withdrew all keys.
        published.answers(200, document(&[]));
        jwks.look().await;
        assert!(!knows(&jwks, &signer));
    }

    #[tokio::test]
    async fn an_address_that_is_away_is_asked_until_it_answers() {
        let signer = Signer::new("a", Algorithm::ES256);
        let published = Published::new(&[signer.public()]).await;
        published.answers(500, Vec::new());
        let jwks = Jwks::open(&published.place(), HASTY).await.expect("opens");
        assert!(!knows(&jwks, &signer));
        published.answers(200, document(&[signer.public()]));
        let until = async {
            while !knows(&jwks, &signer) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = jwks.follow() => (),
            () = until => (),
        }
    }

    #[tokio::test]
    async fn a_file_must_hold_keys_at_the_start_and_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("jwks.json");
        let place = config::Jwks::File(path.clone());
        let fault = async || {
            let opened = Jwks::open(&place, HASTY).await;
            opened.map(drop).expect_err("no keys").to_string()
        };
        assert!(fault().await.contains("jwks.json: No such file"));
        fs::write(&path, document(&[])).expect("writes");
        assert!(fault().await.contains("jwks.json holds no key"));
        let (old, new) = (
            Signer::new("old", Algorithm::ES256),
            Signer::new("new", Algorithm::ES256),
        );
        fs::write(&path, document(&[old.public()])).expect("writes");
        let jwks = Jwks::open(&place, HASTY).await.expect("opens");
        fs::write(&path, document(&[new.public()])).expect("writes");
        let until = async {
            while !knows(&jwks, &new) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = jwks.follow() => (),
            () = until => (),
        }
        assert!(!knows(&jwks, &old), "withdrawn");
    }
}
