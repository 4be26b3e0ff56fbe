//! Seeing what children do, and why they don't.
//!
//! Consoles and task dumps stop at the task: what futures do inside one, none of them sees. A
//! nursery owns its children, so it can say what they do, on any runtime and on a stable compiler.
//! Nothing is recorded, and no clock is read, unless a nursery or a pool is given something of
//! this module.
//!
//! | to | there is |
//! |---|---|
//! | know what every child does now | a [`Watch`], by [`Nursery::watch`](crate::Nursery::watch), and its [`snapshot`](Watch::snapshot): a table, a [tree](Snapshot::tree), [groups](Snapshot::groups) by spawn location, data for `serde` |
//! | know why nothing goes on | [`Watch::check`]: [findings](FindingKind), each with the child and its line; [`Watch::alarm`] for a task that looks again and again |
//! | know where in its work a child is | [`ChildContext::at`](crate::ChildContext::at) and [`AtPlace`], which name places; with the feature `stacks` the lines of its awaits, without names |
//! | know what a run was like | a [`Timeline`]: a [summary](Timeline::summary), a [picture](Timeline::write_svg), a [trace](Timeline::write_json) for Perfetto |
//! | have each event | an [`Observer`], by [`Nursery::observe`](crate::Nursery::observe) |
//! | have spans of the crate `tracing` | with the feature of that name, `Nursery::trace` and `Pool::trace` |
//!
//! **What is observed.** The children that are spawned after a nursery was given a watch or an
//! observer, and the children of nurseries and pools that are made in their polls, by whatever
//! library. The body of a [`run`](crate::Nursery::run) is observed beside the children, and is not
//! counted as one. What a child hands to another task is not inside it.
//!
//! **What it costs.** An observed child costs three allocations more, and each of its polls one or
//! two looks at the clock and a few short locks. `cargo bench` in `benches/observe` prints what that
//! is.
//!
//! **When it works.** A snapshot needs nothing but the caller. It is right also where the thread of
//! the nursery is blocked, where the nursery is not polled, and in the middle of a poll. Each child
//! is in it exactly once, as it was at one moment, and these moments differ.
//!
//! # Examples
//!
//! Two children wait for each other, and the check says of the first what is wrong:
//!
//! ```
//! use nestling::Nursery;
//! use nestling::observe::{FindingKind, Watch};
//!
//! # futures::executor::block_on(async {
//! let watch = Watch::new();
//! let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(1).watch(&watch);
//! let (give, handle) = futures::channel::oneshot::channel::<nestling::CancelHandle>();
//! nursery.child().name("page").spawn(async {
//!     let image = handle.await.map_err(drop)?;
//!     image.finished().await; // it never starts: this child has its slot
//!     Ok(())
//! });
//! let image = nursery.child().name("image").spawn_with_handle(async { Ok(()) });
//! give.send(image).unwrap();
//! # assert!(futures::poll!(std::pin::pin!(nursery.next())).is_pending());
//! // Elsewhere, on a thread that looks every few seconds:
//! let findings = watch.check();
//! assert_eq!(findings[0].kind(), FindingKind::SlotNeverFree);
//! assert!(findings[0].to_string().starts_with(
//!     "#0 page has the only slot, and waits for child #1 image in the backlog",
//! ));
//! # });
//! ```

mod alarm;
mod at;
mod clock;
mod current;
mod findings;
mod human;
mod kinds;
mod lines;
mod nanos;
mod observer;
mod places;
mod polling;
mod reading;
mod record;
mod scene;
mod seen;
mod snapshot;
#[cfg(feature = "stacks")]
mod stacks;
mod timeline;
mod tracing;
mod waker;
mod watch;
mod width;

pub use self::alarm::Alarm;
pub use self::at::{At, AtPlace};
pub use self::clock::{SystemClock, TimeSource};
pub(crate) use self::current::Entered;
#[cfg(feature = "testing")]
pub(crate) use self::current::current_child;
pub use self::findings::{Finding, FindingKind, Thresholds};
pub use self::kinds::{EndKind, WokenBy};
pub use self::observer::{Observer, PollSeen};
pub(crate) use self::record::{Record, SeenTraits, SlotWait};
pub(crate) use self::scene::{Lenses, Observed, Scene};
pub use self::seen::{SeenChild, SeenNursery};
pub use self::snapshot::{
    ChildSnapshot, ChildState, DriverState, LocationGroup, NurserySnapshot, Snapshot,
};
#[cfg(feature = "stacks")]
pub use self::stacks::{AwaitLine, AwaitStack, AwaitTree};
pub use self::timeline::{ChildTime, Segment, SegmentKind, Summary, Timeline};
pub use self::watch::Watch;
