//! Runs the examples that end by themselves or are told to, and talks to them from outside.

#[cfg(unix)]
mod checksum;
#[path = "../shared/example.rs"]
mod example;
mod metrics;
mod program;
mod race;
mod server;
mod stuck;
mod supervised;
mod timeline;
