//! The model core on a real S3 server: real SeaweedFS, real publisher, real server, each a process.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod broken;
mod commands;
mod gateway;
mod intents;
mod outages;
mod picture;
mod proxy;
mod publishing;
mod room;
mod swaps;
mod weed;
