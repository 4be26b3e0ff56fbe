//! Runs the examples that end by themselves or are told to, and talks to them from outside.

#[path = "../shared/example.rs"]
mod example;
mod metrics;
mod program;
mod race;
mod server;
