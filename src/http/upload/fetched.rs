//! Pictures that were sent as URLs, fetched.

use futures_util::{StreamExt as _, stream};

use crate::{
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    fetch::fetcher::Fetcher,
    inference::request::ImageUpload,
};

use super::Sent;

/// Pictures of one request that are fetched at the same time, so that it leaves room for others.
const SIDE_BY_SIDE: usize = 8;

/// Fetches the pictures that were sent as URLs; each has its own fate.
pub(in crate::http) async fn fetched(
    sent: Vec<Sent>,
    fetcher: Option<&Fetcher>,
    claim: &Claim,
) -> Vec<ImageUpload> {
    let each = sent.into_iter().map(async |sent| match sent {
        Sent::Picture(image) => image,
        Sent::Url { url, filename } => {
            let bytes = match fetcher {
                Some(fetcher) => fetcher.fetch(&url, claim).await,
                None => Err(not_here()),
            };
            ImageUpload { bytes, filename }
        }
    });
    stream::iter(each).buffered(SIDE_BY_SIDE).collect().await
}

fn not_here() -> Problem {
    let detail = "this server fetches no pictures: its operator can allow it with fetch.schemes; \
                  send the picture itself, in b64";
    Problem::new(ErrorCode::UrlRefused, detail).in_field("url")
}
