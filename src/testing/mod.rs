//! A kit to test concurrent code with: an executor that is the same each time, a virtual clock,
//! scripted children, and counters.
//!
//! It serves any futures, not only nurseries. Nothing in here waits for a real clock, starts a
//! thread or depends on one.
//!
//! | to | see |
//! |---|---|
//! | run futures in an order that a seed decides, under wakes that come late, twice or for nothing | [`Executor`], [`Hazards`] |
//! | do so for many seeds, and have the one printed that fails | [`explore`](fn@explore) |
//! | run children elsewhere, where tasks are dropped, or the executor is shut down | [`Workers`] |
//! | wait without waiting | [`Clock`], a [`Timer`](crate::future::Timer) |
//! | let a future wait for the test | [`Signal`] |
//! | let a future be polled some times more | [`yields`] |
//! | count polls, wakes and drops, and find leaks | [`Counters`] |
//! | make up whole runs of children | [`Script`], [`Child`], [`perform`](fn@perform) |
//!
//! # Examples
//!
//! A cell that two tasks pass a value through, for a thousand seeds:
//!
//! ```
//! use std::cell::Cell;
//! use nestling::testing::{Executor, Rest, explore};
//!
//! explore(0..1_000, |seed| {
//!     let cell = Cell::new(None);
//!     let mut executor = Executor::new(seed);
//!     let full = executor.signal();
//!     let (wait, cell) = (full.wait(), &cell);
//!     let reader = executor.spawn(async move {
//!         wait.await;
//!         cell.take()
//!     });
//!     executor.spawn(async move {
//!         cell.set(Some(7));
//!         full.fire();
//!     });
//!     assert_eq!(executor.run(), Rest::Done);
//!     assert_eq!(reader.take(), Some(Some(7)));
//! });
//! ```

mod clock;
mod counters;
mod executor;
mod explore;
mod hub;
mod perform;
mod script;
mod signal;
mod strategy;
mod workers;

pub use self::clock::{Clock, Sleep};
pub use self::counters::{Counters, Tracked, Watched};
pub use self::executor::{Executor, Rest, Task};
pub use self::explore::explore;
pub use self::hub::Hazards;
pub use self::perform::{Act, Cues, Happening, ScriptedPanic, perform, yields};
pub use self::script::{Child, End, Finish, Room, Rule, SIGNALS, Script, Spawn, Step};
pub use self::signal::{Signal, Wait};
pub use self::strategy::script;
pub use self::workers::Workers;
