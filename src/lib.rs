//! Structured concurrency on any runtime: a nursery owns its children, drives them, waits for all
//! of them and returns every failure as one error.
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use anyhow::{Context, Result};
//! use nestling::{JoinedError, Nursery};
//! use tokio::time::sleep;
//!
//! async fn connect(host: &str) -> io::Result<usize> {
//!     sleep(Duration::from_millis(host.len() as u64)).await;
//!     if host == "cache" { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(host.len()) }
//! }
//!
//! async fn fetch(host: &str) -> Result<usize> {
//!     connect(host).await.with_context(|| format!("cannot fetch from {host}"))
//! }
//!
//! async fn fetch_all(hosts: &[&str]) -> Result<Vec<usize>, JoinedError<anyhow::Error>> {
//!     let mut nursery = Nursery::new().name("fetch").limit(4);
//!     for host in hosts {
//!         let time = Duration::from_secs(if *host == "archive" { 0 } else { 5 });
//!         nursery.child().name(*host).timeout(move || sleep(time)).spawn(fetch(host));
//!     }
//!     nursery.join().await
//! }
//!
//! # let mut runtime = tokio::runtime::Builder::new_current_thread();
//! # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
//! # runtime.block_on(async {
//! assert_eq!(fetch_all(&["database", "queue"]).await.unwrap(), [8, 5]);
//!
//! let error = fetch_all(&["database", "cache", "archive"]).await.unwrap_err();
//! assert_eq!(
//!     error.tree().by_spawn_order().locations(false).to_string(),
//!     "\
//! nursery \"fetch\" failed: 2 of 3 children (1 completed), first #2
//! ├─ #1 cache      cannot fetch from cache: connection refused
//! └─ #2 archive    timed out",
//! );
//! # });
//! ```
//!
//! | to | see |
//! |---|---|
//! | learn what to reach for, and what to do when it hangs | the [`guide`] |
//! | spawn children and wait for them | [`Nursery`] |
//! | spawn from a child, a body or another thread | [`Spawner`] |
//! | name a child, make it a daemon, give it a timeout or a grace | [`ChildBuilder`](spawn::ChildBuilder) |
//! | wait for room, or shed what there is no room for | [`Nursery::reserve`], [`Nursery::try_reserve`], [`Slot`](spawn::Slot) |
//! | have a child's own output, of whatever type | [`JoinHandle`], [`Lost`](failure::Lost) |
//! | let a child know its id, and whether it is cancelled | [`ChildContext`] |
//! | cancel one child | [`CancelHandle`] |
//! | hand a nursery to an executor, and stop it | [`Driver`](future::Driver) |
//! | run children on an executor, in parallel | [`Nursery::spawn_on`], [`executor()`] |
//! | run a future for each of many items | [`Pool`] |
//! | try again until it succeeds | [`retry`](fn@retry) |
//! | start children again when they end | [`Supervisor`] |
//! | hear of a cancel deep inside a library | [`current_cancelled`] |
//! | read what failed | [`JoinedError`], [`ChildError`], [`Failure`] |
//! | read everything that came of it | [`Report`], [`Completion`], [`Outcome`] |
//! | know why something was cancelled | [`Cause`] |
//! | know where a panic was raised | [`keep_panic_locations`] |
//! | see what the children do, and why nothing goes on | [`observe::Watch`] |
//! | have a picture of a run, or a trace for Perfetto | [`observe::Timeline`] |
//! | have spans of `tracing`, with the feature of that name | `Nursery::trace`, `Pool::trace` |
//! | have failures as data for `serde`, with the feature of that name | [`JoinedError`], [`Report`], [`Completion`] |
//! | have failures as diagnostics of `miette`, with the feature of that name | [`JoinedError`], [`ChildError`] |
//!
//! # Words
//!
//! A **nursery** is the scope that owns **children**; a child is one future. It has an id, its
//! spawn number, and a spawn location; it may have a name. How it ended is its **outcome**: it
//! completed, it failed, or it was cancelled. A **failure** is an error, a group of errors, a panic
//! or a timeout. To be cancelled is no failure. What was cancelled has a **cause**. A child with a
//! **grace** is signalled when it is cancelled, and dropped when the grace is over. A **daemon** is
//! a child that is not waited for. A **slot** is a place in the limit; children spawned beyond the
//! limit wait in the **backlog**. A pool runs its items in **lanes**, each of which takes one after
//! the other. A nursery has one of two **flavours**: [`Shared`](generic::Shared), for children that
//! are `Send`, or [`Local`](generic::Local).
//!
//! # The contract
//!
//! **Driving.** Children are polled only while one of the nursery's futures is awaited, on the task
//! that awaits it. `spawn` polls nothing. A child starts in spawn order when there is room. It has
//! one waker for good, as a task has: a future that keeps the waker of its first poll is woken by
//! it. It may be polled without having been woken. A future that finishes a nursery or waits
//! for a slot panics when it is polled after it was ready.
//!
//! **Room.** At most as many children run as the [limit](Nursery::limit) allows; a child takes a
//! slot when it is spawned, and leaves it when it has ended. `spawn` always takes the child: beyond
//! the limit it waits in the backlog. A [`reserve`](Nursery::reserve) waits for a slot before there
//! is a child; slots are granted first come first served, to the owner and to spawners alike. It
//! hears of a cancel. A slot in hand counts as a child that is to come: the nursery does not end,
//! unless it is closed or cancelled. One that is dropped unused is the next one's. A wait alone
//! keeps nothing open, also if its slot was granted: where nothing else is left, the nursery ends,
//! and the wait is refused.
//!
//! **Fairness.** In a round the driver polls each child once that was woken before it. After 8
//! rounds or about 256 polls its turn is over, and it yields to the runtime; nested nurseries share
//! the turn of the outermost. A child that always wakes itself keeps neither its siblings nor the
//! runtime from running. Children that were woken, children that are to start and the body of a
//! [`run`](Nursery::run) share each turn, and go first by turns; so do the woken children among
//! each other. So a child gets its turn also beside one that uses up the budget which its runtime
//! gives a task: where `n` children are woken again and again, each is the first of all within
//! `3 n` turns; in a nested nursery, within `3 n` of the turns in which the nursery itself is the
//! first.
//!
//! **Collecting.** Every failure is kept, in completion order: the first is the primary. A child
//! leaves one outcome. A destructor of its future that panics on top is one more failure of that
//! child, whether it had an output, which is kept, an error, or a panic. A failure that
//! [`next`](Nursery::next) has handed out is done with: what finishes the nursery later does not
//! tell of it again.
//!
//! **Racing.** The first child that succeeds [wins](Nursery::first_ok). A daemon wins no race, and
//! neither does a child that gives its output to a handle. The others are cancelled, and gone before
//! the race is over. What they end with is void, unless the race is
//! [settled](future::FirstOk::settle).
//!
//! **Cancelling.** The future is dropped, by the nursery, on its own task. A child that has an end
//! of its own in the same poll keeps it; a failure is then flagged as
//! [`after_cancel`](ChildError::after_cancel), as is a panic of the destructor. The first cause
//! stays. A child spawned into a cancelled nursery is never polled, and reported. With a
//! [grace](spawn::ChildBuilder::grace) there are two stages: the signal, and when the grace is over
//! the drop; until then the child may come to an end of its own, which it keeps. What ended by
//! itself after its cancel is told apart, with the cause: [`Report::after_cancel`].
//!
//! **Nesting.** A nursery or a pool is *inside* a child if the child drives it, however deep in a
//! library it was made: the crate knows by the thread which child it polls. A nursery that another
//! thread drives is not inside. When the child is cancelled, what is inside is
//! cancelled with it. Before the child is dropped it is polled once more, and what is inside ends
//! in that poll, without a grace: so a [`join`](Nursery::join) there returns the failures that it
//! had collected, and a [group](Nursery::spawn_group) tells them. A `join` without failures and
//! with a part of the outputs does not return: the child is dropped, and does not take the part for
//! the whole. What is first driven after the cancel serves the clean-up, and is cancelled only when
//! the child goes. The last poll takes nothing from the budget, its waker does nothing, and
//! children have theirs in the order in which they are dropped. A child without anything inside is
//! dropped at once. Failures that are dropped all the same, with a nursery in a `select!` for one,
//! are [counted](outcome::Counts::not_stored), and told in the text of the child. The body of a
//! [`run`](Nursery::run) is as a child in all of this.
//!
//! **The order of ends.** When a nursery is cancelled, daemons are the last to go: after the other
//! children, and after the body. Once they are told to end, spawners are refused, those of the
//! daemons too. An owner that takes completions by [`next`](Nursery::next) may spawn more children
//! at any time, so it keeps its daemons until it closes or finishes the nursery.
//!
//! **Time.** The crate has no timer: deadlines, timeouts and graces are futures, of any runtime. A
//! timeout and a grace are made when they begin, by the closure that is given. A deadline is polled
//! before the children, and heeded after those that were woken before it passed: what is in time is
//! in time. A timeout and a grace are polled before their child, and heeded after it: an end that
//! the child comes to in the same poll counts. Each is dropped once it is over. One that panics is
//! over, and its panic is a failure.
//!
//! | what is cut short | ends as | its cause |
//! |---|---|---|
//! | a child, by its handle or with its nursery | cancelled | the first |
//! | a child, by its [timeout](spawn::ChildBuilder::timeout) | [timed out](Failure::TimedOut), a failure | [`Timeout`](outcome::CauseKind::Timeout) |
//! | a child that has not ended at the nursery's [deadline](Nursery::deadline), started or not | timed out | [`Deadline`](outcome::CauseKind::Deadline) |
//! | a daemon, when the last other child and the body have ended | cancelled | [`Finished`](outcome::CauseKind::Finished) |
//! | a child in a [race](Nursery::first_ok), when another has won | cancelled | [`Finished`](outcome::CauseKind::Finished), which names the winner |
//! | a nursery or a pool inside a child that is cancelled | cancelled, with its children | [`Parent`](outcome::CauseKind::Parent), which follows from the child's |
//!
//! **Dropping.** Children that are dropped together are dropped newest first. Each is dropped, even
//! where another's destructor panics. A nursery, or a future that finishes it, drops all children
//! there and then when it is dropped. If destructors of children panic, the first panic goes on
//! once all are gone, unless the thread is panicking already. A nursery that has not ended when the
//! child around it is dropped goes so: its first panic becomes that child's failure, and the others
//! are lost. Outputs and errors that were not taken come after the children, and are dropped as
//! these are.
//!
//! **Elsewhere.** A [remote child](Nursery::spawn_on) is a child as any other, but that its future
//! is polled and dropped by its executor. It cannot be dropped from here: it is told to go, and the
//! nursery does not end before it is gone. Only a nursery that is dropped does not wait. A child
//! that its executor drops, as one does that is shut down, has [failed](Failure::Executor), unless
//! it was cancelled before. What it drives there is not inside it.
//!
//! **User code.** A child is polled and dropped, an error displayed or a policy asked without a
//! lock or a borrow being held: all of them may spawn, cancel and drop what they like. A waker that
//! panics when it is called does no harm to the code that spawns, wakes or cancels.
//!
//! **Panics.** They are caught at the child's boundary, so they must unwind: with `panic = "abort"`
//! the first one ends the program. The panic hook is left alone, unless
//! [`keep_panic_locations`] is called.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapt;
mod cancel;
mod child;
mod drive;
mod error;
mod flavor;
mod guard;
#[cfg(any(doc, doctest))]
pub mod guide;
mod info;
mod lanes;
mod made;
mod nursery;
pub mod observe;
mod panic_location;
mod pool;
mod remote;
mod report;
#[cfg(feature = "serde")]
mod report_data;
pub mod retry;
mod scope;
pub mod supervise;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod time;
mod timed;

pub use cancel::{CancelHandle, Cause, current_cancelled};
pub use error::{ChildError, Failure, JoinedError};
pub use nursery::{ChildContext, JoinHandle, LocalNursery, Nursery, NurseryHandle, Spawner};
pub use panic_location::keep_panic_locations;
pub use pool::Pool;
pub use remote::executor;
pub use report::{Completion, Outcome, Report};
pub use retry::retry;
pub use supervise::Supervisor;

/// How a child is spawned: its builder, its number, a place in the limit, executors.
pub mod spawn {
    pub use crate::info::{ChildId, ChildInfo};
    pub use crate::nursery::{
        ChildBuilder, LocalChildContext, LocalSpawner, Rejected, Rejection, Slot, SpawnerSlot,
    };
    pub use crate::pool::PoolOn;
    pub use crate::remote::{Executor, Task};
}

/// What is known of failures: panics, executors that failed, outputs that are lost; and how joined
/// errors are walked and shown.
pub mod failure {
    pub use crate::cancel::{Lost, LostKind};
    #[cfg(feature = "serde")]
    pub use crate::error::Data;
    #[cfg(feature = "miette")]
    pub use crate::error::Diagnosed;
    pub use crate::error::{
        Ancestors, AsError, ExecutorError, IntoIter, Iter, Leaves, Panic, Part, Shown,
    };
    pub use crate::panic_location::PanicLocation;
}

/// What came of children besides outputs and failures: how many ended in which way, and why they
/// were cancelled.
pub mod outcome {
    pub use crate::cancel::CauseKind;
    pub use crate::error::Counts;
    pub use crate::pool::Progress;
    pub use crate::report::Cancelled;
}

/// The futures that methods return, each told at its method; and where time comes from.
pub mod future {
    pub use crate::cancel::{CurrentCancelled, Finished};
    pub use crate::nursery::{
        ChildCancelled, Completions, Driver, EndCancelled, FirstOk, FirstOkSettle, Join,
        JoinByChild, Needs, Next, NurseryCancelled, Reserve, Run, RunSettle, Settle,
        SpawnerReserve, UntilCancelled,
    };
    pub use crate::pool::{ForEach, Map, PoolCompletions, PoolSettle};
    pub use crate::time::Timer;
}

/// For code that is generic over the flavour of a nursery, or over what spawns: the two flavours,
/// and the bounds of methods.
pub mod generic {
    pub use crate::adapt::{Grouped, Kind, Plain};
    pub use crate::flavor::{Callback, Flavor, Hold, Local, Naming, Shared};
    pub use crate::nursery::{
        Answer, Joining, Later, MakeTimer, Parent, Place, SpawnerPlace, With,
    };
    pub use crate::pool::{
        ItemTimeout, NoTimeout, RunOn, RunOnStream, RunOver, RunOverStream, TimeoutBy,
    };
    pub use crate::remote::Remote;
}

/// What loom checks; the package in `tests/loom` compiles it.
#[cfg(all(test, nestling_loom))]
#[path = "../tests/loom/models/mod.rs"]
mod models;

/// The README's code, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
