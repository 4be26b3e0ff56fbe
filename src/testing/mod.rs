//! A kit to test concurrent code with: an executor that is the same each time, a virtual clock,
//! scripted children, and counters.
//!
//! It serves any futures, not only nurseries. Nothing in here waits for a real clock, starts a
//! thread or depends on one.
//!
//! | to | see |
//! |---|---|
//! | run futures in an order that is chosen, under wakes that come late, twice or for nothing | [`Executor`], [`Hazards`] |
//! | do so in many orders, at random, by ranks or in all, and have the one printed that fails | [`explore`](fn@explore), [`Schedules`] |
//! | be sure that the runs have met the race that they are for | [`reached!`](macro@reached) |
//! | let a fuzzer or proptest choose the order, and shrink it | [`Executor::from_choices`] |
//! | make a run again, also in another version of this crate | [`Replay`] |
//! | know what is stuck, what woke it the last time and what could | [`Rest`], [`Stuck`] |
//! | run children elsewhere, where tasks are dropped, or the executor is shut down | [`Workers`] |
//! | wait without waiting | [`Clock`], a [`Timer`](crate::future::Timer) |
//! | let a future wait for the test | [`Signal`] |
//! | let a future be polled some times more | [`yields`] |
//! | count polls, wakes and drops, and find leaks | [`Counters`] |
//! | make up whole runs of children | [`Script`], [`Child`], [`perform`](fn@perform) |
//!
//! # Examples
//!
//! A cell that two tasks pass a value through, in a thousand orders:
//!
//! ```
//! use std::cell::Cell;
//! use nestling::testing::{explore, reached};
//!
//! explore(0..1_000, |run| {
//!     let cell = Cell::new(None);
//!     let mut executor = run.executor();
//!     let full = executor.signal();
//!     let (wait, cell) = (full.wait(), &cell);
//!     let reader = executor.spawn(async move {
//!         reached!("the value was there before its reader", cell.get().is_some());
//!         wait.await;
//!         cell.take()
//!     });
//!     executor.spawn(async move {
//!         cell.set(Some(7));
//!         full.fire();
//!     });
//!     executor.run().expect_done();
//!     assert_eq!(reader.take(), Some(Some(7)));
//! });
//! ```

mod choices;
mod clock;
mod counters;
mod every;
mod executor;
mod explore;
mod hazards;
mod hub;
mod perform;
mod ranks;
mod reached;
mod replay;
mod rest;
mod schedules;
mod script;
mod signal;
mod state;
mod strategy;
mod task;
mod workers;

pub use self::clock::{Clock, Sleep};
pub use self::counters::{Counters, Tracked, Watched};
pub use self::executor::Executor;
pub use self::explore::{Explored, Run, explore};
pub use self::hazards::Hazards;
pub use self::perform::{Act, Cues, Happening, ScriptedPanic, perform, yields};
#[doc(hidden)]
pub use self::reached::reach;
pub use self::replay::{Replay, ReplayError};
pub use self::rest::{Rest, Stuck};
pub use self::schedules::Schedules;
pub use self::script::{Child, End, Finish, Room, Rule, SIGNALS, Script, Spawn, Step};
pub use self::signal::{Signal, Wait};
pub use self::strategy::script;
pub use self::task::Task;
pub use self::workers::Workers;
#[doc(inline)]
pub use crate::__reached as reached;
