//! Every interleaving of a few small programs, by [loom](https://docs.rs/loom).
//!
//! The locks and atomics are loom's, by way of `crate::sync`; the rest is the library as it is. Run
//! it in `tests/loom`:
//!
//! ```text
//! RUSTFLAGS="--cfg nestling_loom" cargo test --release
//! ```
//!
//! | file | what may interleave |
//! |---|---|
//! | `driver` | a wake and a driver that goes to rest |
//! | `lanes` | wakes of lanes, and a driver that looks for them |
//! | `cancel` | a child that goes on or ends, handles that cancel it, and tasks that wait for its end |
//! | `inbox` | spawners, tasks that wait for a slot, and a driver that fetches or closes |
//! | `inside` | a cancel, and a nursery that is driven inside the child that is cancelled |
//! | `nursery` | all of these by way of the public face |
//! | `observe` | snapshots, and children that are polled, woken, spawned and cancelled |
//! | `pool` | lanes that are woken, or run elsewhere, and a driver that goes to rest |
//! | `remote` | a task that runs, is told to go, or is dropped, and the child that waits for it |
//! | `panic` | threads that look at the payload of one panic |
//!
//! Loom looks at orderings too: an atomic that is not ordered by anything may read an old value. A
//! thread that waits and is never woken is a deadlock, which it reports; so a task here is polled
//! after a wake and at no other time.
//!
//! # What is not checked
//!
//! - `FuturesUnordered`, `OnceLock` and reference counts have the standard library's atomics:
//!   nothing is interleaved in the middle of them, and the order that they bring about is unknown
//!   to loom. Children therefore keep what they wait for behind a lock of loom's.
//! - Loom's threads share one thread, and its thread-local variables: what is left of a turn is one
//!   of these. So only one thread of a model drives.
//! - Loom leaves out what it takes for a repetition, and for that remembers the last access only: a
//!   load hides the one before it from the store that follows. So a thread that does nothing but
//!   look is spawned, and what it looks for is done by the thread that spawns it, which goes first.
//! - Some programs have more interleavings than there is time for. There the threads are stopped in
//!   mid-course only so often, see [`support::model`]; `LOOM_MAX_PREEMPTIONS` says otherwise.
//!
//! # Where one fails
//!
//! Loom reports by a panic. Where the library unwinds by it and takes a lock, that is a second one,
//! and the run is aborted; the message names the test.

mod cancel;
mod driver;
mod inbox;
mod inside;
mod lanes;
mod nursery;
mod observe;
mod panic;
mod pool;
mod remote;
mod support;
