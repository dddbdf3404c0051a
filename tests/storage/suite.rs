//! What every store does.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use ocellus::{
    model::{
        digest::{Digest, Hasher},
        key::Key,
    },
    storage::{Fetched, Object, ObjectStore, StoreError, Tag, WriteIf, download},
};

/// Largest object that is read whole here.
const LIMIT: usize = 1 << 20;

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

async fn object(store: &dyn ObjectStore, name: &str) -> Object {
    match store.get(&key(name), None, LIMIT).await.expect("is there") {
        Fetched::Object(object) => object,
        Fetched::Unchanged => panic!("no state was known"),
    }
}

async fn put(
    store: &dyn ObjectStore,
    name: &str,
    text: &str,
    when: WriteIf,
) -> Result<Tag, StoreError> {
    store
        .put(&key(name), Bytes::from(text.to_owned()), when)
        .await
}

pub(crate) async fn run(store: &dyn ObjectStore) {
    what_is_not_there(store).await;
    what_is_written_is_read(store).await;
    conditions_hold(store).await;
    writers_take_turns(store).await;
    listings_are_by_key(store).await;
    large_objects_come_whole(store).await;
}

async fn what_is_not_there(store: &dyn ObjectStore) {
    let missing = store.get(&key("nothing.json"), None, LIMIT).await;
    assert!(
        matches!(missing, Err(StoreError::NotFound(_))),
        "{missing:?}"
    );
    let missing = store.read(&key("nothing.json"), 0..9, None).await;
    assert!(
        matches!(missing, Err(StoreError::NotFound(_))),
        "{missing:?}"
    );
    store
        .delete(&key("nothing.json"))
        .await
        .expect("is gone already");
}

async fn what_is_written_is_read(store: &dyn ObjectStore) {
    let tag = put(store, "a/b c+d@1.json", "{}", WriteIf::Always)
        .await
        .expect("writes");
    let read = object(store, "a/b c+d@1.json").await;
    assert_eq!((read.bytes.as_ref(), read.tag), (b"{}".as_ref(), tag));
    let small = store.get(&key("a/b c+d@1.json"), None, 1).await;
    assert!(
        matches!(
            small,
            Err(StoreError::TooLarge {
                size: 2,
                limit: 1,
                ..
            })
        ),
        "{small:?}"
    );
    store.delete(&key("a/b c+d@1.json")).await.expect("deletes");
    let gone = store.get(&key("a/b c+d@1.json"), None, LIMIT).await;
    assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
}

async fn conditions_hold(store: &dyn ObjectStore) {
    let first = put(store, "c.json", "1", WriteIf::Absent)
        .await
        .expect("nothing is there");
    let twice = put(store, "c.json", "2", WriteIf::Absent).await;
    assert!(matches!(twice, Err(StoreError::Changed(_))), "{twice:?}");
    let known = store
        .get(&key("c.json"), Some(&first), LIMIT)
        .await
        .expect("is there");
    assert_eq!(known, Fetched::Unchanged);
    let unchanged = WriteIf::Unchanged(first.clone());
    let second = put(store, "c.json", "3", unchanged.clone())
        .await
        .expect("is unchanged");
    let stale = put(store, "c.json", "4", unchanged).await;
    assert!(matches!(stale, Err(StoreError::Changed(_))), "{stale:?}");
    let read = object(store, "c.json").await;
    assert_eq!((read.bytes.as_ref(), &read.tag), (b"3".as_ref(), &second));
    let other = store
        .get(&key("c.json"), Some(&first), LIMIT)
        .await
        .expect("is there");
    assert!(matches!(other, Fetched::Object(_)));
    let replaced = store.read(&key("c.json"), 0..u64::MAX, Some(&first)).await;
    assert!(
        matches!(replaced, Err(StoreError::Changed(_))),
        "{replaced:?}"
    );
}

/// Two that count up the same number lose no step.
async fn writers_take_turns(store: &dyn ObjectStore) {
    put(store, "count", "0", WriteIf::Always)
        .await
        .expect("writes");
    let count = async || {
        let mut done = 0;
        while done < 20 {
            let Object { bytes, tag } = object(store, "count").await;
            let number: u32 = std::str::from_utf8(&bytes)
                .expect("text")
                .parse()
                .expect("a number");
            let next = (number + 1).to_string();
            match put(store, "count", &next, WriteIf::Unchanged(tag)).await {
                Ok(_) => done += 1,
                Err(StoreError::Changed(_)) => (),
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(count(), count());
    assert_eq!(object(store, "count").await.bytes.as_ref(), b"40");
}

async fn listings_are_by_key(store: &dyn ObjectStore) {
    for name in ["l/b/2", "l/a", "l/b/1", "la"] {
        put(store, name, name, WriteIf::Always)
            .await
            .expect("writes");
    }
    let listed = store.list("l/").await.expect("lists");
    let keys: Vec<&str> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["l/a", "l/b/1", "l/b/2"]);
    assert_eq!(listed[0].size, 3);
    let before = listed[0].tag.clone();
    let tag = put(store, "l/a", "other", WriteIf::Always)
        .await
        .expect("writes");
    let listed = store.list("l/").await.expect("lists");
    assert_ne!(listed[0].tag, before, "a listing shows what changed");
    assert_eq!(listed[0].tag, tag);
    assert_eq!(store.list("nowhere/").await.expect("lists"), []);
    for name in ["l/b/2", "l/a", "l/b/1"] {
        store.delete(&key(name)).await.expect("deletes");
    }
    assert_eq!(store.list("l/").await.expect("lists"), []);
    let all = store.list("").await.expect("lists");
    assert!(
        all.iter().all(|object| !object.key.starts_with('.')),
        "{all:?}"
    );
}

async fn large_objects_come_whole(store: &dyn ObjectStore) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    // Forty mebibytes that repeat nowhere near a part's length.
    let mut hasher = Hasher::default();
    for number in 0..5_000_000_u64 {
        let word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
        hasher.update(&word);
        file.write_all(&word).expect("writes");
    }
    file.flush().expect("writes");
    let (size, digest) = (40_000_000, hasher.finish());
    let sent = AtomicU64::new(0);
    let count = |bytes| {
        sent.fetch_add(bytes, Ordering::Relaxed);
    };
    let large = key("large.bin");
    store
        .upload(&large, file.path(), &count)
        .await
        .expect("uploads");
    assert_eq!(sent.into_inner(), size);
    let mut received = Vec::new();
    let sink = |bytes: Bytes| {
        received.extend_from_slice(&bytes);
        Ok(Duration::ZERO)
    };
    download(store, &large, size, || 7_000_001, sink)
        .await
        .expect("downloads");
    assert_eq!(Digest::of(&received), digest);
    let wrong = download(store, &large, size + 1, || u64::MAX, |_| Ok(Duration::ZERO))
        .await
        .expect_err("another size");
    assert!(
        wrong.to_string().contains("40000001 were expected"),
        "{wrong}"
    );
    let full = |_| Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
    let full = download(store, &large, size, || u64::MAX, full)
        .await
        .expect_err("nowhere to put it");
    assert!(
        matches!(full, ocellus::storage::DownloadError::Sink(_)),
        "{full}"
    );
}
