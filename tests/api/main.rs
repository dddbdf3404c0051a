//! The server from outside: over real HTTP, with the real engine, on the tiny models of
//! `tests/models`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test says what is wrong by failing"
)]

mod access;
mod answers;
mod calls;
mod cli;
mod connections;
mod demo;
mod edge;
mod encrypted_cores;
mod heads;
mod operations;
mod overload;
mod pictures;
mod problems;
mod reload;
mod server;
mod tokens;
mod urls;
mod versions;
