//! What goes wrong elsewhere, and must not go wrong here.
//!
//! A comment says whose the trap is. What it says of another crate was read in its source, or seen
//! when it was run: futures-util 0.3.34, tokio 1.54.1, moro 0.4.0, futures-concurrency 7.7.1. What
//! is said of no crate in particular is what a driver written by hand easily does.

mod destructors;
mod driving;
mod ending;
mod reentry;
